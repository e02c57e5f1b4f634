import assert from 'node:assert/strict'
import type { Engine } from '../engine/engine.ts'
import { limits } from '../model/limits.ts'
import { payloadBytes } from '../model/payload.ts'
import type { NormalQuery } from '../model/query.ts'
import type { EngineCase } from './case.ts'
import {
  comparable,
  eventFor,
  eventsFor,
  eventsOf,
  idsOf,
  item,
  land,
  landed,
  logOf,
  page,
  pages,
  request,
  statusOf,
  tombstone,
  truncation,
  unless,
  wholeLog,
} from './port.ts'

/** Fills the store with events that carry types, tags and streams in rotation. */
async function fill(engine: Engine, count: number): Promise<void> {
  const perBatch = 1_000
  for (let begin = 0; begin < count; begin += perBatch) {
    const batch = Array.from({ length: Math.min(perBatch, count - begin) }, (_, index) => {
      const number = begin + index
      return request([eventFor(`Order-${number % 500}`, { type: `Type${number % 7}`, tags: [`tag:${number % 11}`] })])
    })
    for (const outcome of await engine.append(batch)) landed(outcome)
  }
}

/** Queries that match none of what {@link fill} wrote, each for another reason. */
const matchless: readonly { readonly name: string; readonly query: NormalQuery }[] = [
  { name: 'a type nobody used', query: [item({ types: ['Nothing'] })] },
  { name: 'a tag nobody used', query: [item({ tags: ['tag:none'] })] },
  { name: 'a category nobody used', query: [item({ categories: ['Nothing'] })] },
  { name: 'a stream prefix nobody used', query: [item({ streamPrefix: 'Order_' })] },
  { name: 'two tags that never meet', query: [item({ tags: ['tag:1', 'tag:2'] })] },
  { name: 'a type and a tag of other events', query: [item({ types: ['Type1'], tags: ['tag:1', 'tag:none'] })] },
]

/** Promise 9: every bound is kept, and everything within the bounds is taken. */
export const boundedCases: readonly EngineCase[] = [
  {
    promise: 'bounded',
    rule: 'bounded/page-bytes',
    name: 'a page ends after the bytes it may hold, one event late at the most',
    run: async ({ engine }) => {
      for (let turn = 0; turn < 12; turn++)
        await land(engine, eventFor('Order-1', { data: JSON.stringify('x'.repeat(998)) }))
      for (const source of [wholeLog, { streamId: 'Order-1' }, { query: [item({ types: ['Happened'] })] }]) {
        for (const direction of ['forward', 'backward'] as const) {
          for (const one of await pages(engine, source, { direction, maxBytes: 2_500 })) {
            const sizes = one.events.map((event) => payloadBytes(event.data) + payloadBytes(event.metadata))
            const beforeTheLast = sizes.slice(0, -1).reduce((sum, size) => sum + size, 0)
            assert.ok(beforeTheLast < 2_500, `${sizes.length} events of 1,002 bytes on a page of 2,500`)
          }
        }
      }
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/page-bytes-all-read',
    name: 'pages bounded by bytes still have every event once, an event larger than a page too',
    run: async ({ engine }) => {
      const sizes = [10, 5_000, 10, 10, 100_000, 10]
      await land(engine, ...sizes.map((size) => eventFor('Order-1', { data: JSON.stringify('x'.repeat(size)) })))
      for (const source of [wholeLog, { streamId: 'Order-1' }]) {
        for (const direction of ['forward', 'backward'] as const) {
          const whole = await page(engine, source, { direction })
          const bounded = (await pages(engine, source, { direction, maxBytes: 1_000 })).flatMap((one) => one.events)
          assert.deepEqual(idsOf(bounded), idsOf(whole.events))
        }
      }
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/largest-event',
    name: 'an event of the largest size is taken and comes back whole',
    run: async ({ engine }) => {
      const data = new Uint8Array(limits.eventBytes - 2).map((_, index) => index % 251)
      const event = eventFor('File-1', { contentType: 'application/octet-stream', data })
      await land(engine, event)
      const [found] = await eventsOf(engine, 'File-1')
      assert.ok(found && comparable(found).data === comparable(event).data)
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/longest-stream-id',
    name: 'a stream with the longest id can be truncated and tombstoned like any other',
    run: async ({ engine }) => {
      const streamId = '日'.repeat(limits.streamIdChars)
      await land(engine, ...eventsFor(streamId, 2))
      await land(engine, truncation(streamId, 2))
      assert.equal((await eventsOf(engine, streamId)).length, 1)
      await land(engine, tombstone(streamId))
      assert.equal(await statusOf(engine, request([eventFor(streamId)])), 'tombstoned')
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/largest-append',
    name: 'an append of the largest number of events is one append',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', limits.appendEvents)
      const { streams } = await land(engine, ...events)
      assert.deepEqual(streams, [{ streamId: 'Order-1', firstVersion: 1, lastVersion: limits.appendEvents }])
      assert.deepEqual(idsOf(await logOf(engine)), idsOf(events))
      assert.equal(await statusOf(engine, request(events)), 'repeated')
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/most-streams',
    name: 'an append to the largest number of streams is one append',
    shards: 'one',
    needs: ['multiStreamAppends'],
    run: async ({ engine }) => {
      const events = Array.from({ length: limits.appendStreams }, (_, number) => eventFor(`Order-${number}`))
      const checks = events.map(({ streamId }) => ({ streamId, expectedVersion: 0 }))
      assert.equal(await statusOf(engine, request(events, { checks })), 'done')
      assert.deepEqual(idsOf(await logOf(engine)), idsOf(events))
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/most-tags',
    name: 'an event with the most and longest tags is found by every one of them',
    run: async ({ engine }) => {
      const tags = Array.from(
        { length: limits.eventTags },
        (_, number) => `${'x'.repeat(limits.tagChars - 2)}${number + 10}`,
      )
      const event = eventFor('Order-1', { tags, type: 'T'.repeat(limits.eventTypeChars) })
      await land(engine, event)
      await land(engine, eventFor('Order-1', { tags: [`${'x'.repeat(limits.tagChars - 2)}99`] }))
      for (const tag of tags) assert.deepEqual(idsOf(await logOf(engine, [item({ tags: [tag] })])), [event.id])
      assert.deepEqual(idsOf(await logOf(engine, [item({ tags })])), [event.id])
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/longest-query',
    name: 'a query of the most items and terms is answered',
    run: async ({ engine }) => {
      const event = eventFor('Order-1', { type: 'Type-last', tags: ['tag:99'] })
      await land(engine, eventFor('Order-1'), event)
      const types = Array.from({ length: limits.queryItemTerms - 1 }, (_, number) => `Type-${number}`)
      const items = Array.from({ length: limits.queryItems }, (_, number) =>
        item({ types: [...types, 'Type-last'], tags: [`tag:${number}`] }),
      )
      assert.deepEqual(idsOf(await logOf(engine, items)), [event.id])
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/matchless-filter',
    name: 'filters that match nothing in a large store come to their end in a bounded number of pages, both ways',
    run: async ({ engine, bulkEvents }) => {
      await fill(engine, bulkEvents)
      for (const { name, query } of matchless) {
        for (const direction of ['forward', 'backward'] as const) {
          const found = await pages(engine, { query }, { direction })
          assert.equal(found.flatMap((one) => one.events).length, 0, name)
          assert.ok(found.length <= 20 + bulkEvents / 100, `${name}: ${found.length} pages for ${bulkEvents} events`)
        }
      }
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/matchless-condition',
    name: 'conditions that match nothing in a large store are judged, and one that matches a single old event too',
    needs: ['appendConditions'],
    run: async ({ engine, bulkEvents }) => {
      const { firstPosition } = await land(engine, eventFor('User-1', { type: 'Type1', tags: ['name:eve'] }))
      await fill(engine, bulkEvents)
      for (const { name, query } of matchless) {
        assert.equal(await statusOf(engine, request([eventFor('User-2')], unless(query))), 'done', name)
      }
      const eve = item({ types: ['Type1'], tags: ['name:eve'] })
      assert.equal(await statusOf(engine, request([eventFor('User-2')], unless(eve))), 'condition_failed')
      assert.equal(await statusOf(engine, request([eventFor('User-2')], unless(eve, firstPosition))), 'done')
    },
  },
  {
    promise: 'bounded',
    rule: 'bounded/long-stream',
    name: 'a stream of many events, scattered over the log, reads whole and from its middle',
    run: async ({ engine, bulkEvents }) => {
      const rounds = Math.max(2, Math.min(20, bulkEvents / 1_000))
      const each = Math.max(1, Math.min(500, bulkEvents / 2 / rounds))
      for (let turn = 0; turn < rounds; turn++) {
        await land(engine, ...eventsFor('Order-1', each))
        await land(engine, ...eventsFor(`Other-${turn}`, each))
      }
      const last = rounds * each
      const versions = (await eventsOf(engine, 'Order-1')).map((event) => event.version)
      assert.deepEqual(
        versions,
        Array.from({ length: last }, (_, index) => index + 1),
      )
      const middle = Math.floor(last / 2)
      const { events } = await page(engine, { streamId: 'Order-1' }, { from: middle, limit: 1 })
      assert.deepEqual(
        events.map((event) => event.version),
        [middle],
      )
    },
  },
]
