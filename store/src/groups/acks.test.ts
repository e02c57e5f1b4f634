import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { take, write } from '../../../test/groups/letters.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { createGroup } from './admin.ts'
import { groupInfo } from './group-info.ts'
import { joinGroup } from './join-group.ts'

const acked = async (store: EventStore): Promise<number> => (await groupInfo(store, 'mailer')).acked

onEveryEngine((open) => {
  describe('an ack', () => {
    it('is noted at once, saved later, and at once when somebody waits for that', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { checkpointMs: 60_000 })
      await write(store, 8)
      await using consumer = joinGroup(store, 'mailer', { bufferEvents: 8 })
      const [first, second] = await consumer.take(2)
      await first?.ack()
      const before = await acked(store)
      await second?.ack({ until: 'saved' })
      deepEqual([before, await acked(store)], [0, 2])
    })

    it('can be waited for after it was noted', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { checkpointMs: 60_000 })
      await write(store, 1)
      await using consumer = joinGroup(store, 'mailer')
      const [delivery] = await consumer.take(1)
      await delivery?.ack()
      await delivery?.ack({ until: 'saved' })
      equal(await acked(store), 1)
    })

    it('is saved by the time its consumer has left', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { checkpointMs: 60_000 })
      await write(store, 3)
      await take(store, 'mailer', 3)
      equal(await acked(store), 3)
    })
  })
})

/** A store that counts the writes to its shelf. */
function counted(store: EventStore): { readonly store: EventStore; readonly writes: () => number } {
  let writes = 0
  const put: EventStore['shelf']['put'] = (...given) => {
    writes++
    return store.shelf.put(...given)
  }
  return { store: { ...store, shelf: { ...store.shelf, put } }, writes: () => writes }
}

describe('events of one key', () => {
  it('are read once, also those that wait for the one before', async () => {
    const store = openStore({ engine: memory() })
    await createGroup(store, 'mailer', { strategy: 'pinned' })
    await write(store, 20)
    let reads = 0
    const readAll: EventStore['readAll'] = (options) => {
      reads++
      return store.readAll(options)
    }
    const handled = await take({ ...store, readAll }, 'mailer', 20)
    deepEqual([handled.length, reads], [20, 0])
  })
})

describe('acks', () => {
  it('of a whole buffer that wait together are one write', async () => {
    const { store, writes } = counted(openStore({ engine: memory() }))
    await createGroup(store, 'mailer')
    await write(store, 50)
    await using consumer = joinGroup(store, 'mailer', { bufferEvents: 50 })
    const deliveries = await consumer.take(50)
    const before = writes()
    await Promise.all(deliveries.map((delivery) => delivery.ack({ until: 'saved' })))
    equal(deliveries.length, 50)
    equal(writes() - before, 1)
  })

  it('of a consumer that waits for each share their writes with those that claim more', async () => {
    const { store, writes } = counted(openStore({ engine: memory() }))
    await createGroup(store, 'mailer', { bufferEvents: 20 })
    await write(store, 400)
    await take(store, 'mailer', 400)
    ok(writes() < 100, `${writes()} writes`)
  })

  it('wait for the store when their program may have been taken for lost', async () => {
    const store = openStore({ engine: memory() })
    await createGroup(store, 'mailer', { checkpointMs: 60_000, memberTimeoutMs: 5_000 })
    await write(store, 1)
    let pausedMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + pausedMs }
    await using consumer = joinGroup(store, 'mailer', { clock })
    const [delivery] = await consumer.take(1)
    pausedMs = 60_000
    await Promise.allSettled([delivery?.ack()])
    const { inFlight } = await groupInfo(store, 'mailer')
    equal(inFlight, 0)
  })

  it('wait for nothing else than they say', async () => {
    const store = openStore({ engine: memory() })
    await createGroup(store, 'mailer')
    await write(store, 1)
    await using consumer = joinGroup(store, 'mailer')
    const [delivery] = await consumer.take(1)
    const ack = async (): Promise<void> => delivery?.ack({ until: 'written' as 'saved' })
    await rejects(ack, { code: 'INVALID_ARGUMENT', argument: 'until' })
  })
})
