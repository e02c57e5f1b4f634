import assert from 'node:assert/strict'
import type { EventStore } from '../../event-store.ts'
import type { SubscriptionItem } from '../../model/call.ts'
import type { RecordedEvent } from '../../model/event.ts'
import { type LogPositions, logShardOf, positionsAfter } from '../../model/log-shard.ts'
import type { StoreCase } from '../case.ts'
import { numbered, numberedFrom, numbersOf, take, within } from './public.ts'

const streamIds = Array.from({ length: 24 }, (_, number) => `Order-${number}`)

/** A log in shards, as readers see it: each shard in its order, places as one position for each. */
export const shardStoreCases: readonly StoreCase[] = [
  {
    promise: 'shards',
    rule: 'store/positions',
    name: 'a subscription goes on after the positions of a mark, and of the events after it, on any log',
    run: async ({ store }) => {
      await fill(store)
      const { logShards } = store.capabilities
      const seen: RecordedEvent[] = []
      let positions: LogPositions = Array.from({ length: logShards }, () => 0)
      for (let round = 0; seen.length < 48; round++) {
        assert.ok(round < 48, 'each part brings events')
        await within('a part of the log', async () => {
          for await (const item of store.subscribe({ after: positions, marks: true })) {
            if (item.kind === 'event') seen.push(item.event)
            positions = item.kind === 'event' ? positionsAfter(positions, item.event) : (item.positions ?? positions)
            if (item.kind === 'event' && seen.length % (3 + (round % 5)) === 0) return
          }
        })
      }
      assert.equal(new Set(seen.map(({ id }) => id)).size, 48)
      assertStreamsInOrder(seen)
      assert.deepEqual(positions, await store.heads())
    },
  },
  {
    promise: 'shards',
    rule: 'store/positions',
    name: 'a read begins after positions and has what came later, on any log',
    run: async ({ store }) => {
      await fill(store)
      const after = await store.heads()
      await store.append('Order-3', numberedFrom(3, 2))
      await store.append('Order-8', numberedFrom(3, 1))
      const later = await store.readAll({ after }).toArray()
      assert.deepEqual(later.map(({ streamId }) => streamId).sort(), ['Order-3', 'Order-3', 'Order-8'])
      assert.deepEqual((await store.readAll({ after }).last())?.id, later.at(-1)?.id)
      assert.deepEqual(await store.readAll({ after: await store.heads() }).toArray(), [])
    },
  },
  {
    promise: 'shards',
    rule: 'store/places-kept',
    name: 'a checkpoint keeps a position for each shard as it keeps one, on any log',
    run: async ({ store: { checkpoints } }) => {
      assert.equal(await checkpoints.save('mails', [8, 0, 6], { expectedVersion: 0 }), 1)
      assert.deepEqual(await checkpoints.load('mails'), { position: 8, positions: [8, 0, 6], version: 1 })
      for (const wrong of [[], [1, -1], [0.5], ['1'], {}, null] as unknown as LogPositions[]) {
        await assert.rejects(checkpoints.save('mails', wrong), { code: 'INVALID_ARGUMENT' })
      }
      assert.equal(await checkpoints.save('mails', 7), 2)
      assert.deepEqual(await checkpoints.load('mails'), { position: 7, version: 2 })
    },
  },
  {
    promise: 'shards',
    rule: 'store/shards-read',
    shards: 'several',
    name: 'the log reads as one, every event once and by position, or one shard at a time',
    run: async ({ store }) => {
      await fill(store)
      const { logShards } = store.capabilities
      const all = await store.readAll().toArray()
      assert.equal(all.length, 48)
      assert.deepEqual(
        all,
        [...all].sort((left, right) => left.position - right.position),
      )
      assert.deepEqual(await store.readAll({ direction: 'backward' }).toArray(), [...all].reverse())
      assert.deepEqual(await store.readAll({ limit: 5 }).toArray(), all.slice(0, 5))
      assert.deepEqual([await store.readAll().first(), await store.readAll().last()], [all[0], all.at(-1)])
      for (let shard = 0; shard < logShards; shard++) {
        const own = all.filter(({ streamId }) => logShardOf(streamId, logShards) === shard)
        assert.deepEqual(await store.readAll({ shard }).toArray(), own)
        const from = own[1]?.position ?? 1
        assert.deepEqual(await store.readAll({ shard, from }).toArray(), own.slice(1))
      }
    },
  },
  {
    promise: 'shards',
    rule: 'store/shards-follow',
    shards: 'several',
    name: 'a subscription delivers what is in every shard and then what comes, each once and each stream in order',
    run: async ({ store }) => {
      await fill(store)
      const taking = take(store.subscribe(), 48 + 72)
      await Promise.all(streamIds.map((streamId) => store.append(streamId, numberedFrom(3, 3))))
      const seen = await taking
      assert.equal(new Set(seen.map(({ id }) => id)).size, 120)
      assertStreamsInOrder(seen)
    },
  },
  {
    promise: 'shards',
    rule: 'store/shards-marks',
    shards: 'several',
    name: 'marks never go back, and one that says caught up is at the head of every shard',
    run: async ({ store }) => {
      await fill(store)
      const marks: SubscriptionItem[] = []
      await within('the subscription to catch up twice', async () => {
        for await (const item of store.subscribe({ filter: { types: ['Nothing'] }, marks: true })) {
          marks.push(item)
          if (item.kind !== 'caught_up') continue
          assert.deepEqual(item.positions, await store.heads())
          if (item.position > 0 && marks.filter(({ kind }) => kind === 'caught_up').length > 1) return
          await store.append('Order-5', [numbered(3)])
        }
      })
      const positions = marks.map((mark) => (mark.kind === 'event' ? [] : (mark.positions ?? [])))
      for (const [index, one] of positions.entries()) {
        assert.ok(one.every((position, shard) => position >= (positions[index - 1]?.[shard] ?? 0)))
      }
    },
  },
  {
    promise: 'shards',
    rule: 'store/shards-checkpoint',
    shards: 'several',
    name: 'a subscription with a checkpoint goes on where it was in every shard',
    run: async ({ store }) => {
      await fill(store)
      const checkpoint = { name: 'mails', everyEvents: 1 }
      const seen: RecordedEvent[] = []
      while (seen.length < 48) {
        // The loop is left during the last event, so its turn was not over and it comes again.
        const taken = await take(store.subscribe({ checkpoint }), Math.min(7, 48 - seen.length))
        seen.push(...(taken.length > 1 ? taken.slice(0, -1) : taken))
        await savedAfter(store, seen.slice(0, 47))
      }
      assert.equal(new Set(seen.map(({ id }) => id)).size, 48)
      assertStreamsInOrder(seen)
    },
  },
  {
    promise: 'shards',
    rule: 'store/shards-end',
    shards: 'several',
    name: 'a subscription from the end delivers what comes, in whichever shard, and nothing from before',
    run: async ({ store }) => {
      await fill(store)
      const items = store.subscribe({ from: 'end', marks: true })[Symbol.asyncIterator]()
      const first = await within('the first mark', () => items.next())
      assert.deepEqual(first.value.positions, await store.heads())
      await Promise.all(streamIds.map((streamId) => store.append(streamId, [numbered(3)])))
      const seen: RecordedEvent[] = []
      await within('an event of every stream', async () => {
        while (seen.length < streamIds.length) {
          const { value } = await items.next()
          if (value.kind === 'event') seen.push(value.event)
        }
      })
      assert.deepEqual(new Set(numbersOf(seen)), new Set([3]))
      await items.return?.()
    },
  },
  {
    promise: 'honest',
    rule: 'store/no-one-order',
    shards: 'several',
    name: 'what needs one order of the whole log is refused by name, and positions that are none of this log as arguments',
    run: async ({ store }) => {
      await fill(store)
      const refused = { code: 'NOT_SUPPORTED', capability: 'logShards' }
      await assert.rejects(store.head(), refused)
      await assert.rejects(async () => store.readAll({ from: 9 }).toArray(), refused)
      await assert.rejects(async () => store.readAll({ from: 9, direction: 'backward' }).toArray(), refused)
      await assert.rejects(async () => take(store.subscribe({ from: 9 }), 1), refused)
      const heads = await store.heads()
      const moved = [...heads.slice(1), ...heads.slice(0, 1)]
      for (const after of [[], [1], heads.slice(1), moved, heads.map(() => 1.5)]) {
        await assert.rejects(async () => take(store.subscribe({ after }), 1), { code: 'INVALID_ARGUMENT' })
        await assert.rejects(async () => store.readAll({ after }).toArray(), { code: 'INVALID_ARGUMENT' })
      }
      await store.checkpoints.save('mails', 9)
      await assert.rejects(take(store.subscribe({ checkpoint: 'mails' }), 1), { code: 'INVALID_ARGUMENT' })
    },
  },
]

/** Two events in every stream. */
async function fill(store: EventStore): Promise<void> {
  await Promise.all(streamIds.map((streamId) => store.append(streamId, numberedFrom(1, 2))))
}

function assertStreamsInOrder(events: readonly RecordedEvent[]): void {
  const versions = new Map<string, number>()
  for (const { streamId, version } of events) {
    assert.equal(version, (versions.get(streamId) ?? 0) + 1, `${streamId} comes in its order`)
    versions.set(streamId, version)
  }
}

/** Waits until the checkpoint stands after these events: leaving a loop does not wait for it everywhere. */
async function savedAfter(store: EventStore, events: readonly RecordedEvent[]): Promise<void> {
  const { logShards } = store.capabilities
  const none: LogPositions = Array.from({ length: logShards }, () => 0)
  const expected = `${events.reduce(positionsAfter, none)}`
  await within(`the checkpoint to stand at ${expected}`, async () => {
    while (`${(await store.checkpoints.load('mails'))?.positions}` !== expected) await new Promise(setImmediate)
  })
}
