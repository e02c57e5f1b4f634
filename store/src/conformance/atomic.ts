import assert from 'node:assert/strict'
import type { AppendOutcome, AppendRequest, Engine } from '../engine/engine.ts'
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
  listStreams,
  logOf,
  outcomeOf,
  request,
  tombstone,
  unless,
} from './port.ts'

/** A way for an append to be refused: what the store must hold for it, and what to append. */
interface Refusal {
  readonly status: AppendOutcome['status']
  /** What an append was refused for, as in "refused because …". */
  readonly because: string
  readonly prepare: (engine: Engine) => Promise<AppendRequest>
}

/** Every way to be refused, each with events for two streams of which only one gives the reason. */
const refusals: readonly (Refusal & Pick<EngineCase, 'needs'>)[] = [
  {
    status: 'conflict',
    because: 'the second stream moved on',
    needs: ['multiStreamAppends'],
    prepare: async (engine) => {
      await land(engine, eventFor('Order-2'))
      return request([eventFor('Order-1'), eventFor('Order-2')], expecting('Order-2', 0))
    },
  },
  {
    status: 'tombstoned',
    because: 'the second stream is tombstoned',
    needs: ['multiStreamAppends'],
    prepare: async (engine) => {
      await land(engine, eventFor('Order-2'))
      await land(engine, tombstone('Order-2'))
      return request([eventFor('Order-1'), eventFor('Order-2')])
    },
  },
  {
    status: 'duplicate_event_id',
    because: 'its last event is in the store already',
    prepare: async (engine) => {
      const stored = eventFor('Order-2')
      await land(engine, stored)
      return request([eventFor('Order-1'), eventFor('Order-1'), { ...stored, streamId: 'Order-1' }])
    },
  },
  {
    status: 'condition_failed',
    because: 'an event matches its condition',
    needs: ['appendConditions'],
    prepare: async (engine) => {
      await land(engine, eventFor('Order-2', { type: 'Taken' }))
      return request(eventsFor('Order-1', 2), unless(item({ types: ['Taken'] })))
    },
  },
]

const refusalCases: readonly EngineCase[] = refusals.map(({ status, because, needs = [], prepare }) => ({
  promise: 'atomic',
  rule: 'atomic/no-trace',
  name: `an append refused because ${because} leaves no event, no stream and no id behind`,
  needs,
  run: async ({ engine }) => {
    const refused = await prepare(engine)
    const before = idsOf(await logOf(engine))
    const head = await engine.head()
    const streams = await listStreams(engine)

    const outcome = await outcomeOf(engine, refused)

    assert.equal(outcome.status, status)
    assert.deepEqual(idsOf(await logOf(engine)), before)
    assert.equal(await engine.head(), head)
    assert.deepEqual(await listStreams(engine), streams)
    assert.deepEqual(await eventsOf(engine, 'Order-1'), [])
    // Its ids are as free as before.
    const free = refused.events.filter((event) => !before.includes(event.id))
    landed(await outcomeOf(engine, request(free.map((event) => ({ ...event, streamId: 'Order-3' })))))
  },
}))

const gapCases: readonly EngineCase[] = refusals.map(({ because, needs = [], prepare }) => ({
  promise: 'atomic',
  rule: 'atomic/no-gap',
  name: `the append after one refused because ${because} takes the very next position and version`,
  needs: ['gaplessPositions', ...needs],
  shards: 'one',
  run: async ({ engine }) => {
    const refused = await prepare(engine)
    const head = await engine.head()
    await engine.append([refused])
    const next = await land(engine, eventFor('Order-1'))
    assert.equal(next.firstPosition, head + 1)
    assert.equal(next.streams[0]?.firstVersion, 1)
  },
}))

/** Promise 2: an append happens whole or not at all. */
export const atomicCases: readonly EngineCase[] = [
  ...refusalCases,
  ...gapCases,
  {
    promise: 'atomic',
    rule: 'atomic/whole',
    name: 'an append of many events is there as a whole, in the order given, side by side',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', 500)
      const { firstPosition, lastPosition } = await land(engine, ...events)
      const log = await logOf(engine)
      assert.deepEqual(idsOf(log), idsOf(events))
      assert.equal(log[0]?.position, firstPosition)
      assert.equal(log.at(-1)?.position, lastPosition)
    },
  },
  {
    promise: 'atomic',
    rule: 'atomic/whole',
    name: 'an append to several streams is there as a whole, interleaved as given',
    shards: 'one',
    needs: ['multiStreamAppends'],
    run: async ({ engine }) => {
      const events = ['Account-a', 'Account-b', 'Account-a', 'Account-c'].map((streamId) => eventFor(streamId))
      const outcome = await land(engine, ...events)
      assert.deepEqual(idsOf(await logOf(engine)), idsOf(events))
      assert.deepEqual(outcome.streams, [
        { streamId: 'Account-a', firstVersion: 1, lastVersion: 2 },
        { streamId: 'Account-b', firstVersion: 1, lastVersion: 1 },
        { streamId: 'Account-c', firstVersion: 1, lastVersion: 1 },
      ])
    },
  },
  {
    promise: 'atomic',
    rule: 'atomic/whole',
    name: 'no reader ever sees a part of an append',
    run: async ({ engine }) => {
      const appends = async (): Promise<void> => {
        for (let turn = 0; turn < 20; turn++) await land(engine, ...eventsFor(`Order-${turn}`, 10))
      }
      let done = false
      const writing = appends().finally(() => {
        done = true
      })
      // A reader that saw a part has failed already; the writer's own end must not be told in its place.
      writing.catch(() => undefined)
      while (!done) {
        const seen = await logOf(engine)
        assert.equal(seen.length % 10, 0, `${seen.length} events of appends of 10 were visible`)
        await new Promise(setImmediate)
      }
      await writing
    },
  },
]
