import assert from 'node:assert/strict'
import type { AppendRequest } from '../engine/engine.ts'
import type { EventToStore } from '../model/event.ts'
import type { EngineCase } from './case.ts'
import {
  eventFor,
  eventsFor,
  eventsOf,
  expecting,
  idsOf,
  item,
  land,
  logOf,
  outcomeOf,
  request,
  statusesOf,
  statusOf,
  tombstone,
  truncation,
  unless,
} from './port.ts'

/** Promise 5: event ids are unique in the store for ever, and repeating an append is always safe. */
export const idempotentCases: readonly EngineCase[] = [
  {
    promise: 'idempotent',
    rule: 'idempotent/repeat',
    name: 'a repeated append answers with the first result and writes nothing',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', 3)
      const first = await land(engine, ...events)
      await land(engine, eventFor('Order-2'))
      const again = await outcomeOf(engine, request(events))
      assert.deepEqual(again, { ...first, status: 'repeated' })
      assert.equal((await logOf(engine)).length, 4)
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/repeat',
    name: 'a repeat is known by its ids: other payloads change nothing',
    run: async ({ engine }) => {
      const event = eventFor('Order-1', { data: '{"total":1}' })
      await land(engine, event)
      assert.equal(await statusOf(engine, request([{ ...event, data: '{"total":2}', type: 'Other' }])), 'repeated')
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map(({ data, type }) => [data.length, type]),
        [[11, 'Happened']],
      )
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/repeat-with-any',
    name: 'a repeat that expects any version is a repeat, not a second append',
    run: async ({ engine }) => {
      const repeated = request(eventsFor('Order-1', 2), expecting('Order-1', 'any'))
      assert.equal(await statusOf(engine, repeated), 'done')
      assert.equal(await statusOf(engine, repeated), 'repeated')
      assert.equal((await eventsOf(engine, 'Order-1')).length, 2)
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/repeat-before-checks',
    name: 'a repeat is a repeat although its expected version has passed',
    run: async ({ engine }) => {
      const first = request([eventFor('Order-1')], expecting('Order-1', 0))
      assert.equal(await statusOf(engine, first), 'done')
      await land(engine, eventFor('Order-1'))
      assert.equal(await statusOf(engine, first), 'repeated')
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/repeat-before-checks',
    name: 'a repeat is a repeat although its condition would now fail',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const first = request([eventFor('User-1', { tags: ['name:eve'] })], unless(item({ tags: ['name:eve'] })))
      assert.equal(await statusOf(engine, first), 'done')
      assert.equal(await statusOf(engine, first), 'repeated')
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/repeat-before-checks',
    name: 'a repeat is a repeat although the stream was tombstoned since',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', 2)
      const first = await land(engine, ...events)
      await land(engine, tombstone('Order-1'))
      assert.deepEqual(await outcomeOf(engine, request(events)), { ...first, status: 'repeated' })
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/hidden-ids-count',
    name: 'the ids of events that a truncation hides stay taken',
    run: async ({ engine }) => {
      const event = eventFor('Order-1')
      await land(engine, event)
      await land(engine, truncation('Order-1', 2))
      assert.equal(await statusOf(engine, request([event])), 'repeated')
      assert.equal(await statusOf(engine, request([{ ...event, streamId: 'Order-2' }])), 'duplicate_event_id')
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/long-ago',
    name: 'a repeat is recognised however much was appended since',
    run: async ({ engine, bulkEvents }) => {
      const first = request(eventsFor('Order-1', 2))
      assert.equal(await statusOf(engine, first), 'done')
      for (let left = Math.min(bulkEvents, 20_000); left > 0; left -= 1_000) {
        await land(engine, ...eventsFor('Order-2', Math.min(left, 1_000)))
      }
      assert.equal(await statusOf(engine, first), 'repeated')
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/repeat-after-reopen',
    name: 'a repeat is recognised after the storage was closed and opened again',
    needs: ['durable'],
    run: async ({ engine, reopen }) => {
      const events = eventsFor('Order-1', 3)
      const first = await land(engine, ...events)
      const reopened = await reopen()
      assert.deepEqual(await outcomeOf(reopened, request(events)), { ...first, status: 'repeated' })
      assert.equal((await logOf(reopened)).length, 3)
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/repeat-across-instances',
    name: 'a repeat is recognised by another instance on the same storage',
    needs: ['sharedStorage'],
    run: async ({ engine, openBeside }) => {
      const other = await openBeside()
      const events = eventsFor('Order-1', 2)
      const first = await land(engine, ...events)
      assert.deepEqual(await outcomeOf(other, request(events)), { ...first, status: 'repeated' })
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/several-streams',
    name: 'a repeated append to several streams answers with every place of the first',
    needs: ['multiStreamAppends'],
    run: async ({ engine }) => {
      await land(engine, eventFor('Account-b'))
      const events = ['Account-a', 'Account-b', 'Account-a'].map((streamId) => eventFor(streamId))
      const first = await land(engine, ...events)
      await land(engine, eventFor('Account-a'))
      assert.deepEqual(await outcomeOf(engine, request(events)), { ...first, status: 'repeated' })
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/partial',
    name: 'stored ids followed by a new one are refused, and the new one is not written',
    run: async ({ engine }) => {
      const [first, second] = eventsFor('Order-1', 2) as [ReturnType<typeof eventFor>, ReturnType<typeof eventFor>]
      await land(engine, first, second)
      const outcome = await outcomeOf(engine, request([first, second, eventFor('Order-1')]))
      assert.deepEqual(outcome, { status: 'duplicate_event_id', eventId: first.id, streamId: 'Order-1' })
      assert.equal((await logOf(engine)).length, 2)
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/partial',
    name: 'a new id followed by a stored one is refused, and the answer names the stored one',
    run: async ({ engine }) => {
      const stored = eventFor('Order-1')
      await land(engine, stored)
      const outcome = await outcomeOf(engine, request([eventFor('Order-1'), stored]))
      assert.deepEqual(outcome, { status: 'duplicate_event_id', eventId: stored.id, streamId: 'Order-1' })
      assert.equal((await logOf(engine)).length, 1)
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/elsewhere',
    name: 'an id that is stored in another stream is refused, and the answer names that stream',
    run: async ({ engine }) => {
      const stored = eventFor('Order-1')
      await land(engine, stored)
      const outcome = await outcomeOf(engine, request([{ ...stored, streamId: 'Order-2' }]))
      assert.deepEqual(outcome, { status: 'duplicate_event_id', eventId: stored.id, streamId: 'Order-1' })
      assert.deepEqual(await eventsOf(engine, 'Order-2'), [])
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/elsewhere',
    name: 'stored ids with their streams swapped are no repeat',
    needs: ['multiStreamAppends'],
    run: async ({ engine }) => {
      const left = eventFor('Account-a')
      const right = eventFor('Account-b')
      await land(engine, left, right)
      const swapped = [
        { ...left, streamId: 'Account-b' },
        { ...right, streamId: 'Account-a' },
      ]
      assert.equal(await statusOf(engine, request(swapped)), 'duplicate_event_id')
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/order-given',
    name: 'stored ids in another order are no repeat',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', 2)
      await land(engine, ...events)
      const turned = await outcomeOf(engine, request([...events].reverse()))
      assert.deepEqual(turned, { status: 'duplicate_event_id', eventId: events[1]?.id, streamId: 'Order-1' })
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/order-given',
    name: 'stored ids with another event between them are no repeat',
    run: async ({ engine }) => {
      const [first, between, last] = eventsFor('Order-1', 3) as [
        ReturnType<typeof eventFor>,
        ReturnType<typeof eventFor>,
        ReturnType<typeof eventFor>,
      ]
      await land(engine, first, between, last)
      assert.equal(await statusOf(engine, request([first, last])), 'duplicate_event_id')
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/run-of-a-stream',
    name: 'a run of stored ids is a repeat of those events, also when they came in several appends',
    shards: 'one',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', 4)
      await land(engine, ...events.slice(0, 2))
      await land(engine, eventFor('Order-2'))
      await land(engine, ...events.slice(2))
      const log = await logOf(engine)
      assert.deepEqual(await outcomeOf(engine, request(events.slice(1, 3))), {
        status: 'repeated',
        firstPosition: log[1]?.position,
        lastPosition: log[3]?.position,
        streams: [{ streamId: 'Order-1', firstVersion: 2, lastVersion: 3 }],
      })
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/ids-before-checks',
    name: 'a stored id is reported before a version that does not hold and a tombstone',
    run: async ({ engine }) => {
      const stored = eventFor('Order-1')
      await land(engine, stored)
      await land(engine, eventFor('Order-2'))
      await land(engine, tombstone('Order-2'))
      const wrong = request([{ ...stored, streamId: 'Order-2' }], expecting('Order-2', 9))
      assert.equal(await statusOf(engine, wrong), 'duplicate_event_id')
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/new-ids',
    name: 'ids that are said to be new are known all the same when the request is sent again, alone or beside others',
    run: async ({ engine }) => {
      const said = { idsAreNew: true } as const
      const alone = request([eventFor('Order-1')], said)
      const several = request(eventsFor('Order-2', 2), said)
      const beside = (): AppendRequest => request([eventFor('Order-3')], said)
      assert.deepEqual(await statusesOf(engine, [alone]), ['done'])
      assert.deepEqual(await statusesOf(engine, [several, beside()]), ['done', 'done'])
      const log = idsOf(await logOf(engine))
      assert.deepEqual(await statusesOf(engine, [alone]), ['repeated'])
      assert.deepEqual(await statusesOf(engine, [several]), ['repeated'])
      assert.deepEqual(idsOf(await logOf(engine)), log)
      assert.deepEqual(await statusesOf(engine, [alone, beside(), several]), ['repeated', 'done', 'repeated'])
      const elsewhere = request([{ ...(alone.events[0] as EventToStore), streamId: 'Order-4' }], said)
      assert.deepEqual(await statusesOf(engine, [elsewhere]), ['duplicate_event_id'])
      assert.deepEqual(await statusesOf(engine, [beside(), elsewhere]), ['done', 'duplicate_event_id'])
      assert.equal((await logOf(engine)).length, log.length + 2)
      assert.deepEqual(await eventsOf(engine, 'Order-4'), [])
    },
  },
  {
    promise: 'idempotent',
    rule: 'idempotent/every-digit',
    name: 'ids that differ in a single digit are different ids, and each is found again',
    run: async ({ engine }) => {
      const pattern = '00000000-0000-7000-8000-000000000000'
      const places = [...pattern].flatMap((digit, place) => (digit === '0' ? [place] : []))
      const ids = [pattern, ...places.map((place) => `${pattern.slice(0, place)}f${pattern.slice(place + 1)}`)]
      const events = ids.map((id) => eventFor('Order-1', { id }))
      await land(engine, ...events)
      for (const event of events) assert.equal(await statusOf(engine, request([event])), 'repeated')
      assert.deepEqual(idsOf(await eventsOf(engine, 'Order-1')), ids)
    },
  },
]
