import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { numberOf, take, write } from '../../../test/groups/letters.ts'
import { type OpenFresh, onEveryEngine } from '../../../test/on-every-engine.ts'
import type { EventStore } from '../event-store.ts'
import { createGroup, deleteGroup } from './admin.ts'
import type { Delivery } from './delivery.ts'
import { groupInfo } from './group-info.ts'
import { discardParked, parkedEvents, replayParked } from './replay-parked.ts'

const park = (delivery: Delivery): Promise<void> => delivery.nack('park', { reason: `letter ${numberOf(delivery)}` })

onEveryEngine((open) => {
  /** A store whose group `mailer` has parked so many letters. */
  async function withParked(count: number, openStore: OpenFresh = open): Promise<EventStore> {
    const store = await openStore()
    await createGroup(store, 'mailer', { retriesMax: 0, retryDelayMs: 0 })
    await write(store, count)
    await take(store, 'mailer', count, park)
    return store
  }

  const positionsOf = async (store: EventStore): Promise<readonly number[]> =>
    (await parkedEvents(store, 'mailer').toArray()).map(({ position }) => position)

  describe('parked events', () => {
    it('say what they are, why they were parked and after how many attempts', async () => {
      const store = await withParked(1)
      const [parked] = await parkedEvents(store, 'mailer').toArray()
      const { eventId, parkedAt, ...facts } = parked as NonNullable<typeof parked>
      equal((await store.readEvent(eventId))?.streamId, 'Letter-1')
      equal(new Date(parkedAt).toISOString(), parkedAt)
      const about = { position: 1, eventType: 'LetterWritten', streamId: 'Letter-1' }
      deepEqual(facts, { ...about, reason: 'letter 1', attempts: 1 })
    })

    it('come back, the first so many of them', async () => {
      const store = await withParked(5)
      const replayFirst = (countMax: number) => replayParked(store, 'mailer', { positions: 'first', countMax })
      deepEqual([await replayFirst(0), await replayFirst(2)], [{ count: 0 }, { count: 2 }])
      deepEqual((await take(store, 'mailer', 2)).map(numberOf), [1, 2])
      deepEqual([await replayFirst(9), await replayFirst(9)], [{ count: 3 }, { count: 3 }])
      deepEqual((await take(store, 'mailer', 3)).map(numberOf), [3, 4, 5])
      deepEqual(await positionsOf(store), [])
    })

    it('are listed in pages', async () => {
      const store = await withParked(5)
      const page = await parkedEvents(store, 'mailer', { after: 2, limit: 2 }).toArray()
      deepEqual(
        page.map(({ position }) => position),
        [3, 4],
      )
    })

    it('come again, some of them, and are gone from the list once they are acknowledged', async () => {
      const store = await withParked(4)
      deepEqual(await replayParked(store, 'mailer', { positions: [4, 2] }), { count: 2 })
      const replayed = await take(store, 'mailer', 2)
      deepEqual(replayed.map(numberOf).sort(), [2, 4])
      deepEqual(await positionsOf(store), [1, 3])
      equal((await groupInfo(store, 'mailer')).parked, 2)
    })

    it('come again, all of them, however many', async () => {
      const store = await withParked(70)
      await replayParked(store, 'mailer', { positions: 'all', expectedCount: 70 })
      const replayed = await take(store, 'mailer', 70)
      deepEqual(new Set(replayed.map(numberOf)).size, 70)
      deepEqual([await positionsOf(store), (await groupInfo(store, 'mailer')).parked], [[], 0])
    })

    it('come again with all their attempts, and are parked again with the new reason', async () => {
      const store = await withParked(1)
      await replayParked(store, 'mailer', { positions: [1] })
      await take(store, 'mailer', 1, (delivery) => delivery.nack('park', { reason: 'still no stamp' }))
      const [parked] = await parkedEvents(store, 'mailer').toArray()
      deepEqual([parked?.reason, parked?.attempts], ['still no stamp', 1])
      equal((await groupInfo(store, 'mailer')).parked, 1)
    })

    it('are left as they are when they are not as many as was said', async () => {
      const store = await withParked(3)
      const counted = { code: 'PARKED_COUNT_DIFFERS', expected: 2, actual: 3 } as const
      await rejects(replayParked(store, 'mailer', { positions: 'all', expectedCount: 2 }), counted)
      await rejects(discardParked(store, 'mailer', { positions: 'all', expectedCount: 2 }), counted)
      await rejects(replayParked(store, 'mailer', { positions: [1, 9] }), { expected: 2, actual: 1 })
      deepEqual(await positionsOf(store), [1, 2, 3])
      equal((await groupInfo(store, 'mailer')).isReplaying, false)
    })

    it('can be thrown away without anybody consuming', async () => {
      const store = await withParked(40)
      deepEqual(await discardParked(store, 'mailer', { positions: [7] }), { count: 1 })
      deepEqual(await discardParked(store, 'mailer', { positions: 'all', expectedCount: 39 }), { count: 39 })
      deepEqual([await positionsOf(store), (await groupInfo(store, 'mailer')).parked], [[], 0])
    })

    it('hold no checkpoint back, neither parked nor replayed', async () => {
      const store = await withParked(3)
      await replayParked(store, 'mailer', { positions: [1] })
      await take(store, 'mailer', 1, async () => {
        equal((await groupInfo(store, 'mailer')).checkpoint, 3)
      })
      equal((await groupInfo(store, 'mailer')).checkpoint, 3)
    })

    it('of a group whose deletion was cut off are gone before another of its name begins', async () => {
      const store = await withParked(2)
      const cutOff = { ...store, shelf: { ...store.shelf, delete: () => Promise.reject(new Error('killed')) } }
      await rejects(deleteGroup(cutOff, 'mailer'), /killed/)
      equal((await store.shelf.list({ prefix: 'group-parked/' }).toArray()).length, 2)
      await createGroup(store, 'mailer')
      equal((await store.shelf.list({ prefix: 'group-parked/' }).toArray()).length, 0)
    })

    it('go with their group, and another group of its name has none of them', async () => {
      const store = await withParked(2)
      await deleteGroup(store, 'mailer')
      await createGroup(store, 'mailer')
      deepEqual(await positionsOf(store), [])
      deepEqual((await store.shelf.list({ prefix: 'group-parked/' }).toArray()).length, 0)
      deepEqual((await take(store, 'mailer', 2)).map(numberOf), [1, 2])
    })
  })
})
