import { deepEqual, doesNotMatch, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { ada, customer, customerEvents, grace, registered } from '../../../test/erasure/customers.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { execute } from '../deciders/execute.ts'
import { shelfSnapshots } from '../deciders/snapshot-shelf.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { KeyStore } from '../model/key-store.ts'
import { limits } from '../model/limits.ts'
import type { SnapshotOutcome } from '../model/snapshot.ts'
import { openStore } from '../open-store.ts'
import { memoryKeys } from './memory-keys.ts'
import { subjectRef } from './subject.ts'
import { withPersonalData } from './with-personal-data.ts'

/** As another process opens it, which has looked up no key yet. */
const over = (beneath: EventStore, keys: KeyStore): EventStore =>
  withPersonalData(beneath, { events: customerEvents, keys: { ...keys } })

async function pay(store: EventStore): Promise<SnapshotOutcome | undefined> {
  return (await execute(store, { decider: customer, streamId: 'Customer-1', command: 'pay' })).snapshot
}

const owner = { streamId: 'Customer-1', name: 'customer' }

onEveryEngine((open) => {
  it('keeps snapshots that nobody can read without the keys of all whose data is in them', async () => {
    const [beneath, keys] = [await open(), memoryKeys()]
    const store = over(beneath, keys)
    await store.append('Customer-1', [registered(ada), registered(grace)])
    deepEqual(await pay(store), { status: 'taken', version: 2 })
    const kept = await beneath.shelf.list({ prefix: 'snapshot/' }).toArray()
    equal(kept.length, 1)
    doesNotMatch(JSON.stringify(kept), /Grace Hopper|Ada Lovelace/)
    deepEqual((await shelfSnapshots(over(beneath, keys).shelf).load(owner))?.state, { name: grace.name, paid: 0 })
    await keys.destroy(subjectRef('c-1'))
    equal(await shelfSnapshots(over(beneath, keys).shelf).load(owner), undefined)
  })
})

describe('a snapshot', () => {
  const begin = async (): Promise<{ beneath: EventStore; keys: KeyStore; store: EventStore }> => {
    const [beneath, keys] = [openStore({ engine: memory() }), memoryKeys()]
    const store = over(beneath, keys)
    await store.append('Customer-1', [registered(ada)])
    return { beneath, keys, store }
  }

  it('is bound to whom only the events before the last one told of', async () => {
    const { beneath, keys, store } = await begin()
    for (let times = 0; times < 5; times++) await pay(store)
    const [kept] = await beneath.shelf.list().toArray()
    equal((kept?.value as { version: number } | undefined)?.version, 4)
    await keys.destroy(subjectRef('c-1'))
    equal(await shelfSnapshots(over(beneath, keys).shelf).load(owner), undefined)
  })

  it('is not taken by a process that folded before its subject was forgotten', async () => {
    let now = 0
    const { beneath, keys } = await begin()
    const clock = { ...systemClock, now: () => now }
    const slow = withPersonalData(beneath, { events: customerEvents, keys: { ...keys }, clock })
    const { id = '', data } = (await slow.readStream('Customer-1').last()) ?? {}
    await keys.destroy(subjectRef('c-1'))
    const snapshot = { policyVersion: 1, firstVersion: 1, version: 1, eventId: id, state: data }
    await shelfSnapshots(slow.shelf).save(owner, snapshot)
    equal(await shelfSnapshots(over(beneath, keys).shelf).load(owner), undefined)
    now = limits.keyCacheMs
    await rejects(shelfSnapshots(slow.shelf).save(owner, snapshot), { code: 'SUBJECT_FORGOTTEN' })
  })

  it('is taken again of what is left, by a process that never saw more', async () => {
    const { beneath, keys } = await begin()
    await keys.destroy(subjectRef('c-1'))
    const later = over(beneath, keys)
    for (let times = 0; times < 3; times++) await pay(later)
    deepEqual((await shelfSnapshots(over(beneath, keys).shelf).load(owner))?.state, { name: '[erased]', paid: 1 })
  })

  it('of a stream without personal data stays as it is, for stores without keys too', async () => {
    const { beneath, store } = await begin()
    const paid = await store.append('Customer-2', [{ type: 'CustomerPaid', data: { cents: 1 } }])
    const snapshot = { policyVersion: 1, firstVersion: 1, version: 1, eventId: paid.eventIds[0] ?? '', state: 7 }
    await shelfSnapshots(store.shelf).save({ ...owner, streamId: 'Customer-2' }, snapshot)
    equal((await shelfSnapshots(beneath.shelf).load({ ...owner, streamId: 'Customer-2' }))?.state, 7)
  })

  it('that was altered is none', async () => {
    const { beneath, keys, store } = await begin()
    for (let times = 0; times < 3; times++) await pay(store)
    const [kept] = await beneath.shelf.list().toArray()
    await beneath.shelf.put(kept?.key ?? '', { ...(kept?.value as object), version: 1 })
    equal(await shelfSnapshots(over(beneath, keys).shelf).load(owner), undefined)
  })
})
