import assert from 'node:assert/strict'
import type { AppendRequest } from '../engine/engine.ts'
import type { EngineCase } from './case.ts'
import {
  eventFor,
  eventsFor,
  eventsOf,
  expecting,
  idsOf,
  item,
  land,
  landed,
  logOf,
  request,
  statusesOf,
  tombstone,
  truncation,
  unless,
} from './port.ts'

/** Group commit: a batch is one commit, and in it every request sees the ones before it as if they were committed. */
export const batchCases: readonly EngineCase[] = [
  {
    promise: 'batches',
    rule: 'batches/empty',
    name: 'an empty batch has no outcomes and writes nothing',
    run: async ({ engine }) => {
      assert.deepEqual(await engine.append([]), [])
      assert.equal(await engine.head(), 0)
    },
  },
  {
    promise: 'batches',
    rule: 'batches/one-outcome-each',
    name: 'a batch has one outcome for each request, in the same order, with rising positions',
    shards: 'one',
    run: async ({ engine }) => {
      const batch = [3, 1, 2].map((count, index) => request(eventsFor(`Order-${index}`, count)))
      const places = (await engine.append(batch)).map((outcome) => landed(outcome))
      assert.deepEqual(
        places.map(({ streams }) => streams),
        [3, 1, 2].map((count, index) => [{ streamId: `Order-${index}`, firstVersion: 1, lastVersion: count }]),
      )
      const positions = places.flatMap(({ firstPosition, lastPosition }) => [firstPosition, lastPosition])
      assert.deepEqual(
        positions,
        [...positions].sort((left, right) => left - right),
      )
      assert.deepEqual(idsOf(await logOf(engine)), idsOf(batch.flatMap(({ events }) => events)))
    },
  },
  {
    promise: 'batches',
    rule: 'batches/version-seen',
    name: 'of two queued appends that begin one stream the second sees the first',
    run: async ({ engine }) => {
      const outcomes = await engine.append([
        request([eventFor('Order-1')], expecting('Order-1', 0)),
        request([eventFor('Order-1')], expecting('Order-1', 0)),
      ])
      landed(outcomes[0])
      assert.deepEqual(outcomes[1], { status: 'conflict', streamId: 'Order-1', expected: 0, actual: 1 })
      assert.equal((await eventsOf(engine, 'Order-1')).length, 1)
    },
  },
  {
    promise: 'batches',
    rule: 'batches/version-seen',
    name: 'a queued append may expect the version that the one before it brings about',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 4))
      const statuses = await statusesOf(engine, [
        request(eventsFor('Order-1', 2), expecting('Order-1', 4)),
        request([eventFor('Order-1')], expecting('Order-1', 6)),
        request([eventFor('Order-2')], expecting('Order-2', 'stream_exists')),
        request([eventFor('Order-2')], expecting('Order-2', 'no_stream')),
        request([eventFor('Order-2')], expecting('Order-2', 'stream_exists')),
      ])
      assert.deepEqual(statuses, ['done', 'done', 'conflict', 'done', 'done'])
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map((event) => event.version),
        [1, 2, 3, 4, 5, 6, 7],
      )
    },
  },
  {
    promise: 'batches',
    rule: 'batches/condition-seen',
    name: 'a condition fails on an event of an earlier request of the same batch',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const claim = (streamId: string): AppendRequest =>
        request([eventFor(streamId, { tags: ['name:eve'] })], unless(item({ tags: ['name:eve'] })))
      const outcomes = await engine.append([claim('User-1'), claim('User-2')])
      const { firstPosition } = landed(outcomes[0])
      assert.deepEqual(outcomes[1], { status: 'condition_failed', after: 0, position: firstPosition })
      assert.deepEqual(await eventsOf(engine, 'User-2'), [])
    },
  },
  {
    promise: 'batches',
    rule: 'batches/refused-unseen',
    name: 'a condition does not fail on an event of a request that was refused',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const statuses = await statusesOf(engine, [
        request([eventFor('User-1', { tags: ['name:eve'] })], expecting('User-1', 7)),
        request([eventFor('User-2', { tags: ['name:eve'] })], unless(item({ tags: ['name:eve'] }))),
      ])
      assert.deepEqual(statuses, ['conflict', 'done'])
    },
  },
  {
    promise: 'batches',
    rule: 'batches/refused-unseen',
    name: 'a refused request moves no stream and takes no id from the requests after it',
    run: async ({ engine }) => {
      const event = eventFor('Order-1')
      const statuses = await statusesOf(engine, [
        request([event], expecting('Order-1', 7)),
        request([event], expecting('Order-1', 0)),
      ])
      assert.deepEqual(statuses, ['conflict', 'done'])
      assert.deepEqual(idsOf(await eventsOf(engine, 'Order-1')), [event.id])
    },
  },
  {
    promise: 'batches',
    rule: 'batches/neighbours-unharmed',
    name: 'requests refused for every reason at once harm none of their neighbours',
    shards: 'one',
    run: async ({ engine }) => {
      const stored = eventFor('Order-1')
      await land(engine, stored)
      await land(engine, eventFor('Order-2'))
      await land(engine, tombstone('Order-2'))
      const good = [1, 2, 3, 4].map((number) => eventFor(`Good-${number}`))
      const [first, second, third, fourth] = good.map((event) => request([event])) as [
        AppendRequest,
        AppendRequest,
        AppendRequest,
        AppendRequest,
      ]
      const statuses = await statusesOf(engine, [
        first,
        request([eventFor('Order-1')], expecting('Order-1', 0)),
        second,
        request([{ ...stored, streamId: 'Order-3' }]),
        third,
        request([eventFor('Order-2')]),
        fourth,
      ])
      assert.deepEqual(statuses, ['done', 'conflict', 'done', 'duplicate_event_id', 'done', 'tombstoned', 'done'])
      assert.deepEqual(idsOf(await logOf(engine)).slice(3), idsOf(good))
    },
  },
  {
    promise: 'batches',
    rule: 'batches/neighbours-unharmed',
    name: 'a batch in which everything is refused writes nothing, and the next one is as good as any',
    run: async ({ engine }) => {
      await land(engine, eventFor('Order-1'))
      const late = (): AppendRequest => request([eventFor('Order-1')], expecting('Order-1', 0))
      assert.deepEqual(await statusesOf(engine, [late(), late(), late()]), ['conflict', 'conflict', 'conflict'])
      assert.equal((await logOf(engine)).length, 1)
      assert.deepEqual(await statusesOf(engine, [request([eventFor('Order-1')], expecting('Order-1', 1))]), ['done'])
    },
  },
  {
    promise: 'batches',
    rule: 'batches/repeat-seen',
    name: 'a request that repeats an earlier one of the same batch answers with its place',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', 2)
      const [first, again] = await engine.append([request(events), request(events)])
      assert.deepEqual(again, { ...landed(first), status: 'repeated' })
      assert.equal((await eventsOf(engine, 'Order-1')).length, 2)
    },
  },
  {
    promise: 'batches',
    rule: 'batches/repeat-seen',
    name: 'an id that an earlier request of the same batch stored elsewhere is refused',
    run: async ({ engine }) => {
      const event = eventFor('Order-1')
      const outcomes = await engine.append([request([event]), request([{ ...event, streamId: 'Order-2' }])])
      assert.deepEqual(outcomes[1], { status: 'duplicate_event_id', eventId: event.id, streamId: 'Order-1' })
      assert.deepEqual(await eventsOf(engine, 'Order-2'), [])
    },
  },
  {
    promise: 'batches',
    rule: 'batches/facts-seen',
    name: 'a tombstone closes the stream for the requests after it in the same batch',
    run: async ({ engine }) => {
      const statuses = await statusesOf(engine, [
        request([eventFor('Order-1')]),
        request([tombstone('Order-1')]),
        request([eventFor('Order-1')]),
      ])
      assert.deepEqual(statuses, ['done', 'done', 'tombstoned'])
    },
  },
  {
    promise: 'batches',
    rule: 'batches/facts-seen',
    name: 'a delete makes the stream absent for the requests after it in the same batch',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 2))
      const statuses = await statusesOf(engine, [
        request([truncation('Order-1', 3)]),
        request([eventFor('Order-1')], expecting('Order-1', 'stream_exists')),
        request([eventFor('Order-1')], expecting('Order-1', 'no_stream')),
      ])
      assert.deepEqual(statuses, ['done', 'conflict', 'done'])
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map((event) => event.version),
        [3],
      )
    },
  },
  {
    promise: 'batches',
    rule: 'batches/visible-when-acknowledged',
    name: 'when a batch is acknowledged every done request is visible to reads and to the head',
    shards: 'one',
    run: async ({ engine }) => {
      for (let turn = 0; turn < 5; turn++) {
        const batch = Array.from({ length: 10 }, (_, index) => request([eventFor(`Order-${index}`)]))
        const places = (await engine.append(batch)).map((outcome) => landed(outcome))
        assert.equal(await engine.head(), places.at(-1)?.lastPosition)
        assert.equal((await logOf(engine)).length, (turn + 1) * 10)
        assert.equal((await eventsOf(engine, 'Order-9')).at(-1)?.version, turn + 1)
      }
    },
  },
]
