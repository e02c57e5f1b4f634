import assert from 'node:assert/strict'
import type { StoredEvent } from '../model/event.ts'
import type { EngineCase } from './case.ts'
import {
  committer,
  eventFor,
  eventsFor,
  eventsOf,
  idsOf,
  land,
  landed,
  logOf,
  page,
  request,
  whileRacing,
  wholeLog,
} from './port.ts'

const writers = 32
const appendsPerWriter = 12

/** Promise 3: versions without holes, positions in the order of commits, and nothing ever appears behind a reader. */
export const orderedCases: readonly EngineCase[] = [
  {
    promise: 'ordered',
    rule: 'ordered/head',
    name: 'the head of an empty store is 0, and then the last position',
    shards: 'one',
    run: async ({ engine }) => {
      assert.equal(await engine.head(), 0)
      const first = await land(engine, ...eventsFor('Order-1', 3))
      assert.equal(await engine.head(), first.lastPosition)
      const second = await land(engine, eventFor('Order-2'))
      assert.equal(await engine.head(), second.lastPosition)
    },
  },
  {
    promise: 'ordered',
    rule: 'ordered/versions',
    name: 'the versions of a stream are 1, 2, 3…, whatever else is appended in between',
    run: async ({ engine }) => {
      for (let turn = 0; turn < 5; turn++) {
        await land(engine, ...eventsFor('Order-1', 2))
        await land(engine, eventFor('Order-2'))
      }
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map((event) => event.version),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      )
      assert.deepEqual(
        (await eventsOf(engine, 'Order-2')).map((event) => event.version),
        [1, 2, 3, 4, 5],
      )
    },
  },
  {
    promise: 'ordered',
    rule: 'ordered/versions',
    name: 'an append says which versions its events took',
    run: async ({ engine }) => {
      assert.deepEqual((await land(engine, ...eventsFor('Order-1', 3))).streams, [
        { streamId: 'Order-1', firstVersion: 1, lastVersion: 3 },
      ])
      assert.deepEqual((await land(engine, ...eventsFor('Order-1', 2))).streams, [
        { streamId: 'Order-1', firstVersion: 4, lastVersion: 5 },
      ])
    },
  },
  {
    promise: 'ordered',
    rule: 'ordered/positions-rise',
    name: 'positions rise from append to append, and an append says which it took',
    shards: 'one',
    run: async ({ engine }) => {
      let last = 0
      for (const streamId of ['Order-1', 'Order-2', 'Order-1', 'Invoice-1']) {
        const { firstPosition, lastPosition } = await land(engine, ...eventsFor(streamId, 2))
        assert.ok(firstPosition > last && lastPosition > firstPosition)
        const { events } = await page(engine, wholeLog, { from: firstPosition })
        assert.deepEqual(
          events.map((event) => event.position),
          [firstPosition, lastPosition],
        )
        last = lastPosition
      }
    },
  },
  {
    promise: 'ordered',
    rule: 'ordered/gapless',
    name: 'positions are 1, 2, 3… without a hole',
    shards: 'one',
    needs: ['gaplessPositions'],
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, eventFor('Order-2'))
      await land(engine, ...eventsFor('Order-1', 2))
      assert.deepEqual(
        (await logOf(engine)).map((event) => event.position),
        [1, 2, 3, 4, 5, 6],
      )
    },
  },
  {
    promise: 'ordered',
    rule: 'ordered/commit-order',
    name: 'a reader who tails the log while 32 writers race never sees an event appear behind it',
    shards: 'one',
    run: async ({ engine }) => {
      const seen: StoredEvent[] = []
      let from = 1
      await whileRacing(engine, { writers, appends: appendsPerWriter }, async () => {
        const { events, next } = await page(engine, wholeLog, { from })
        seen.push(...events)
        from = next
      })

      assert.deepEqual(idsOf(seen), idsOf(await logOf(engine)), 'what the reader saw is what is there')
      const positions = seen.map((event) => event.position)
      assert.ok(positions.every((position, index) => index === 0 || position > (positions[index - 1] as number)))
      if (engine.capabilities.gaplessPositions) assert.equal(positions.at(-1), positions.length)
    },
  },
  {
    promise: 'ordered',
    rule: 'ordered/race-on-one-stream',
    name: '32 writers on one stream each take versions of their own, in the order of their positions',
    run: async ({ engine }) => {
      const commit = committer(engine)
      const outcomes = await Promise.all(
        Array.from({ length: writers }, () => commit(request(eventsFor('Order-1', 2)))),
      )
      const places = outcomes.map((outcome) => landed(outcome))
      const events = await eventsOf(engine, 'Order-1')
      assert.deepEqual(
        events.map((event) => event.version),
        Array.from({ length: 2 * writers }, (_, index) => index + 1),
      )
      assert.deepEqual(idsOf(events), idsOf([...events].sort((left, right) => left.position - right.position)))
      assert.equal(new Set(places.map((place) => place.streams[0]?.firstVersion)).size, writers)
    },
  },
  {
    promise: 'ordered',
    rule: 'ordered/shared',
    name: 'two instances on one storage share one order, and each sees what the other appended',
    needs: ['sharedStorage'],
    run: async ({ engine, openBeside }) => {
      const other = await openBeside()
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          await land(engine, eventFor('Order-1'))
          await land(other, eventFor('Order-1'))
        }),
      )
      assert.equal(await engine.head(), await other.head())
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map((event) => event.version),
        (await eventsOf(other, 'Order-1')).map((event) => event.version),
      )
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map((event) => event.version),
        Array.from({ length: 20 }, (_, index) => index + 1),
      )
      assert.deepEqual(idsOf(await logOf(engine)), idsOf(await logOf(other)))
    },
  },
]
