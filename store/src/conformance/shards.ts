import assert from 'node:assert/strict'
import type { Engine } from '../engine/engine.ts'
import type { EventToStore, StoredEvent } from '../model/event.ts'
import { logShardOf, placeOfPosition } from '../model/log-shard.ts'
import type { EngineCase } from './case.ts'
import {
  eventFor,
  eventsFor,
  expecting,
  idsOf,
  land,
  listStreams,
  outcomeOf,
  page,
  read,
  request,
  truncation,
  whileRacing,
  wholeLog,
} from './port.ts'

/** Enough to lie in each of a few shards several times. */
const streamIds = Array.from({ length: 40 }, (_, number) => `Order-${number}`)

const writers = 24
const appendsPerWriter = 8

/**
 * A log in shards: each is a log of its own, and together they are the whole. What is promised of the order of a log is
 * said of each shard by the cases that see one; these are about where things lie, and about several shards at once.
 */
export const shardCases: readonly EngineCase[] = [
  {
    promise: 'shards',
    rule: 'shards/placed',
    shards: 'several',
    name: 'a stream lies whole in the shard that its id tells, the facts about it beside it, and its positions say so',
    run: async ({ engine }) => {
      const { logShards } = engine.capabilities
      await fill(engine)
      for (const [shard, events] of (await shardsOf(engine)).entries()) {
        for (const { streamId, position } of events) {
          assert.equal(logShardOf(streamId, logShards), shard, `${streamId} lies in shard ${shard}`)
          assert.equal(placeOfPosition(position, logShards).shard, shard, `position ${position} is of shard ${shard}`)
        }
      }
    },
  },
  {
    promise: 'shards',
    rule: 'shards/whole',
    shards: 'several',
    name: 'the shards together are the log: every event once, each at the position that its append told',
    run: async ({ engine }) => {
      const positions = await fill(engine)
      const events = (await shardsOf(engine)).flat()
      assert.deepEqual(new Map(events.map(({ id, position }) => [id, position])), positions)
      assert.equal(events.length, positions.size)
      assert.equal(
        new Set(events.map(({ position }) => position)).size,
        events.length,
        'positions are unique in the store',
      )
    },
  },
  {
    promise: 'shards',
    rule: 'shards/gapless',
    shards: 'several',
    name: 'the places in a shard are 1, 2, 3… without a hole',
    needs: ['gaplessPositions'],
    run: async ({ engine }) => {
      await fill(engine)
      for (const events of await shardsOf(engine)) {
        const places = events.map(({ position }) => placeOfPosition(position, engine.capabilities.logShards).place)
        assert.deepEqual(
          places,
          Array.from({ length: events.length }, (_, index) => index + 1),
        )
      }
    },
  },
  {
    promise: 'shards',
    rule: 'shards/heads',
    shards: 'several',
    name: 'every shard has a head, its last position, 0 at first, and pages tell that of their shard',
    run: async ({ engine }) => {
      const { logShards } = engine.capabilities
      assert.deepEqual(
        await engine.heads?.(),
        Array.from({ length: logShards }, () => 0),
      )
      for (const streamId of streamIds.slice(0, 6)) {
        await land(engine, ...eventsFor(streamId, 2))
        const heads = (await shardsOf(engine)).map((events) => events.at(-1)?.position ?? 0)
        assert.deepEqual(await engine.heads?.(), heads)
        assert.equal(await engine.head(), Math.max(...heads))
        for (const [shard, head] of heads.entries()) {
          assert.equal((await page(engine, wholeLog, { shard, limit: 0 })).head, head)
        }
        const ofStream = await page(engine, { streamId }, { limit: 0 })
        assert.equal(ofStream.head, heads[logShardOf(streamId, logShards)])
      }
    },
  },
  {
    promise: 'shards',
    rule: 'shards/from',
    shards: 'several',
    name: 'a shard reads from any number on, in both directions, whether or not it is a position of the shard',
    run: async ({ engine }) => {
      await fill(engine)
      const { logShards } = engine.capabilities
      for (const [shard, events] of (await shardsOf(engine)).entries()) {
        for (let from = 0; from <= (events.at(-1)?.position ?? 0) + logShards; from++) {
          const onward = events.find(({ position }) => position >= from)
          const back = events.findLast(({ position }) => position <= from)
          assert.equal((await page(engine, wholeLog, { shard, from, limit: 1 })).events[0]?.id, onward?.id)
          const backward = { shard, from, limit: 1, direction: 'backward' } as const
          assert.equal((await page(engine, wholeLog, backward)).events[0]?.id, back?.id)
        }
      }
    },
  },
  {
    promise: 'shards',
    rule: 'shards/commit-order',
    shards: 'several',
    name: 'a reader who tails every shard while 24 writers race never sees an event appear behind it in any',
    run: async ({ engine }) => {
      const seen = Array.from({ length: engine.capabilities.logShards }, () => ({ from: 1, ids: [] as string[] }))
      await whileRacing(engine, { writers, appends: appendsPerWriter }, async () => {
        for (const [shard, tail] of seen.entries()) {
          const { events, next } = await page(engine, wholeLog, { shard, from: tail.from })
          tail.ids.push(...idsOf(events))
          tail.from = next
        }
      })
      assert.deepEqual(
        seen.map(({ ids }) => ids),
        (await shardsOf(engine)).map(idsOf),
      )
    },
  },
  {
    promise: 'shards',
    rule: 'shards/atomic',
    shards: 'several',
    needs: ['multiStreamAppends'],
    name: 'an append to streams of every shard is done whole, and says its lowest and highest position',
    run: async ({ engine }) => {
      const events = streamIds.map((streamId) => eventFor(streamId))
      const outcome = await land(engine, ...events)
      const stored = (await shardsOf(engine)).flat()
      assert.deepEqual(idsOf(stored).sort(), idsOf(events).sort())
      const positions = stored.map(({ position }) => position)
      assert.deepEqual([outcome.firstPosition, outcome.lastPosition], [Math.min(...positions), Math.max(...positions)])
      assert.deepEqual(await outcomeOf(engine, request(events)), { ...outcome, status: 'repeated' })
    },
  },
  {
    promise: 'shards',
    rule: 'shards/atomic',
    shards: 'several',
    needs: ['multiStreamAppends'],
    name: 'an append to streams of every shard that is refused for one of them leaves no trace in any',
    run: async ({ engine }) => {
      await land(engine, eventFor('Order-39'))
      const before = await engine.heads?.()
      const events = streamIds.map((streamId) => eventFor(streamId))
      const outcome = await outcomeOf(engine, request(events, expecting('Order-39', 0)))
      assert.deepEqual(outcome, { status: 'conflict', streamId: 'Order-39', expected: 0, actual: 1 })
      assert.deepEqual(await engine.heads?.(), before)
      assert.equal((await listStreams(engine)).length, 1)
    },
  },
  {
    promise: 'shards',
    rule: 'shards/ids',
    shards: 'several',
    name: 'an id that is stored in one shard is stored for all of them',
    run: async ({ engine }) => {
      const stored = eventFor('Order-0')
      await land(engine, stored)
      for (const streamId of streamIds.slice(1, 12)) {
        assert.deepEqual(await outcomeOf(engine, request([{ ...stored, streamId }])), {
          status: 'duplicate_event_id',
          eventId: stored.id,
          streamId: 'Order-0',
        })
      }
    },
  },
]

/** Some events of every stream, and a fact about each; where each event was said to land. */
async function fill(engine: Engine): Promise<Map<string, number>> {
  const positions = new Map<string, number>()
  for (const streamId of streamIds) {
    const appends: EventToStore[][] = [[eventFor(streamId)], [truncation(streamId, 1)], [eventFor(streamId)]]
    for (const [event] of appends as [EventToStore][]) {
      positions.set(event.id, (await land(engine, event)).lastPosition)
    }
  }
  return positions
}

/** The events of each shard, in the order in which it reads. */
function shardsOf(engine: Engine): Promise<StoredEvent[][]> {
  const { logShards } = engine.capabilities
  return Promise.all(Array.from({ length: logShards }, (_, shard) => read(engine, wholeLog, { shard })))
}
