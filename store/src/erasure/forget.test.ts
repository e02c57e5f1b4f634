import { deepEqual, doesNotMatch, equal, match, rejects } from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, onTestFinished } from 'vitest'
import { ada, customer, customerEvents, grace, registered } from '../../../test/erasure/customers.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { execute } from '../deciders/execute.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { sqlite } from '../engines/sqlite/index.ts'
import type { EventStore } from '../event-store.ts'
import type { KeyStore } from '../model/key-store.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import { project } from '../projections/project.ts'
import { defineProjection } from '../projections/projection.ts'
import { rebuild } from '../projections/rebuild.ts'
import { memoryTarget } from '../projections/targets/memory.ts'
import { toEnvelope } from '../schema/envelope.ts'
import { fileKeys } from './file-keys.ts'
import { erasureEvents, forget } from './forget.ts'
import { memoryKeys } from './memory-keys.ts'
import { subjectRef } from './subject.ts'
import { withPersonalData } from './with-personal-data.ts'

const atOnce = { clock: { ...systemClock, sleep: async () => undefined } }

const over = (beneath: EventStore, keys: KeyStore): EventStore =>
  withPersonalData(beneath, { events: customerEvents, keys })

/** Ada in two streams, one of them with a snapshot, and Grace in the other. */
async function filled(store: EventStore): Promise<void> {
  await store.append('Customer-1', [registered(ada)])
  await store.append('Customer-2', [registered(grace)])
  const data = { from: 'c-1', to: 'c-2', fromName: ada.name, toName: grace.name }
  await store.append('Customer-2', [{ type: 'MessageSent', data }])
  for (let times = 0; times < 3; times++) {
    await (await execute(store, { decider: customer, streamId: 'Customer-1', command: 'pay' })).snapshot
  }
}

const seen: string[] = []
const names = defineProjection({
  name: 'names',
  events: { ...customerEvents, ...erasureEvents },
  target: memoryTarget(() => new Map<string, string>()),
  on: {
    CustomerRegistered: (byRef, { data }) => {
      seen.push(data.name)
      byRef.set(subjectRef(data.customerId), data.name)
    },
    SubjectForgotten: (byRef, { data }) => byRef.delete(data.subject),
  },
})

async function exported(store: EventStore): Promise<readonly string[]> {
  return (await store.readAll().toArray()).map((event) => JSON.stringify(toEnvelope(event)))
}

onEveryEngine((open) => {
  it('makes everybody read placeholders, finds streams and snapshots, and leaves the log as it is', async () => {
    const [beneath, keys] = [await open(), memoryKeys()]
    const store = over(beneath, keys)
    await filled(store)
    const before = await exported(beneath)
    deepEqual(await forget(store, { keys, subject: 'c-1' }, atOnce), {
      subject: subjectRef('c-1'),
      status: 'forgotten',
      events: 2,
      streams: ['Customer-1', 'Customer-2'],
      position: 7,
    })
    const [registration, , message] = await store.readAll().toArray()
    deepEqual([registration?.data, registration?.erased], [{ ...ada, name: '[erased]', email: null }, true])
    equal((message?.data as { toName: string } | undefined)?.toName, grace.name)
    deepEqual(await beneath.shelf.list({ prefix: 'snapshot/' }).toArray(), [])
    const after = await exported(beneath)
    deepEqual(after.slice(0, before.length), before)
    equal(after.length, before.length + 1)
  })

  it('changes nothing when it is called again, and nothing at all for a subject nobody knows', async () => {
    const [store, keys] = [await open(), memoryKeys()]
    await filled(over(store, keys))
    const first = await forget(store, { keys, subject: 'c-1' }, atOnce)
    const log = await exported(store)
    deepEqual(await forget(store, { keys, subject: 'c-1' }, atOnce), first)
    equal((await forget(store, { keys, subject: 'nobody' }, atOnce)).status, 'unknown')
    equal(await keys.load(subjectRef('nobody')), undefined)
    deepEqual(await exported(store), log)
  })
})

describe('forget', () => {
  it('is followed by projections, and a rebuilt one never sees the person again', async () => {
    const [beneath, keys] = [openStore({ engine: memory() }), memoryKeys()]
    const store = over(beneath, keys)
    await filled(store)
    const running = project(store, names)
    await running.waitFor(await store.head())
    deepEqual([...names.target.readModel.values()], [ada.name, grace.name])
    const { position } = await forget(store, { keys, subject: 'c-1' }, atOnce)
    await running.waitFor(position)
    deepEqual([...names.target.readModel.values()], [grace.name])
    await running.stop()
    seen.length = 0
    await rebuild(store, names)
    deepEqual(seen, ['[erased]', grace.name])
  })

  it('waits until no process uses a key it has looked up before', async () => {
    const [beneath, keys] = [openStore({ engine: memory() }), memoryKeys()]
    const elsewhere = over(beneath, { ...keys })
    await elsewhere.append('Customer-1', [registered(ada)])
    const started = performance.now()
    await forget(beneath, { keys, subject: 'c-1' })
    equal(performance.now() - started >= limits.keyCacheMs, true)
    equal((await elsewhere.readStream('Customer-1').first())?.erased, true)
  })

  it('is done again from the log, after keys were restored from a backup', async () => {
    const [beneath, keys, backup] = [openStore({ engine: memory() }), memoryKeys(), memoryKeys()]
    await filled(over(beneath, keys))
    const found = await keys.load(subjectRef('c-1'))
    if (found instanceof Map) for (const [version, key] of found) await backup.add(subjectRef('c-1'), version, key)
    await forget(beneath, { keys, subject: 'c-1' }, atOnce)
    const forgotten = beneath.category('$erasure', erasureEvents)
    for await (const { data } of forgotten.readAll()) await backup.destroy(data.subject)
    equal((await over(beneath, backup).readStream('Customer-1').first())?.erased, true)
  })

  it('gives up a lost key only when told to', async () => {
    const beneath = openStore({ engine: memory() })
    await over(beneath, memoryKeys()).append('Customer-1', [registered(ada)])
    const keys = memoryKeys()
    await rejects(forget(beneath, { keys, subject: 'c-1' }, atOnce), { code: 'KEY_MISSING' })
    const { status } = await forget(beneath, { keys, subject: 'c-1' }, { ...atOnce, lostKey: 'accept' })
    equal(status, 'forgotten')
    equal((await over(beneath, keys).readStream('Customer-1').first())?.erased, true)
  })

  it('leaves no plaintext on the disk, where none ever was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'varve-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const beneath = openStore({ engine: sqlite({ path: join(folder, 'store.db') }) })
    const keys = fileKeys({ directory: join(folder, 'keys') })
    await filled(over(beneath, keys))
    doesNotMatch(everyByteIn(folder), /Ada Lovelace|Grace Hopper|example\.org/)
    match(everyByteIn(folder), /\[erased\]/)
    await forget(over(beneath, keys), { keys, subject: 'c-1' }, atOnce)
    await beneath.close()
    doesNotMatch(everyByteIn(folder), /Ada Lovelace|Grace Hopper|example\.org/)
  })
})

/** The write-ahead log of SQLite included. */
function everyByteIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1')).join('\n')
}
