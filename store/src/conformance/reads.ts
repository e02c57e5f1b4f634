import assert from 'node:assert/strict'
import type { Engine, ReadQuery } from '../engine/engine.ts'
import type { EventToStore } from '../model/event.ts'
import { emptyStream } from '../model/stream.ts'
import type { EngineCase } from './case.ts'
import {
  comparable,
  eventFor,
  eventsFor,
  eventsOf,
  idsOf,
  item,
  land,
  listStreams,
  logOf,
  page,
  pages,
  read,
  tombstone,
  truncation,
  wholeLog,
} from './port.ts'

/** Two streams of ten events each, taking turns: stream A has the odd positions, stream B the even ones. */
async function tenEach(engine: Engine): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    await land(engine, eventFor('A', { tags: ['odd'] }))
    await land(engine, eventFor('B'))
  }
}

/** The three kinds of source, each with the place (version or position) of its ten matching events. */
const sources: readonly {
  readonly name: string
  readonly source: ReadQuery['source']
  readonly place: 'version' | 'position'
}[] = [
  { name: 'a stream', source: { streamId: 'A' }, place: 'version' },
  { name: 'the whole log', source: wholeLog, place: 'position' },
  { name: 'a filtered log', source: { query: [item({ tags: ['odd'] })] }, place: 'position' },
]

const sourceCases: readonly EngineCase[] = sources.flatMap((source) => casesOf(source).map(onOneShard))

/** Whatever is said of a log is said of a shard, whose events these are. */
function onOneShard(one: EngineCase): EngineCase {
  return { ...one, shards: 'one' }
}

function casesOf({ name, source, place }: (typeof sources)[number]): EngineCase[] {
  return [
    {
      promise: 'reads',
      rule: 'reads/backward',
      name: `${name}, read backward, is what it is read forward, turned round`,
      run: async ({ engine }) => {
        await tenEach(engine)
        const forward = await read(engine, source)
        assert.deepEqual(idsOf(await read(engine, source, { direction: 'backward' })), idsOf(forward).reverse())
      },
    },
    {
      promise: 'reads',
      rule: 'reads/from-forward',
      name: `${name}, read forward from any event, begins with that event`,
      run: async ({ engine }) => {
        await tenEach(engine)
        const all = await read(engine, source)
        for (const [index, event] of all.entries()) {
          assert.deepEqual(idsOf(await read(engine, source, { from: event[place] })), idsOf(all.slice(index)))
        }
      },
    },
    {
      promise: 'reads',
      rule: 'reads/from-backward',
      name: `${name}, read backward from any event, begins with that event`,
      run: async ({ engine }) => {
        await tenEach(engine)
        const all = await read(engine, source)
        for (const [index, event] of all.entries()) {
          const back = await read(engine, source, { from: event[place], direction: 'backward' })
          assert.deepEqual(idsOf(back), idsOf(all.slice(0, index + 1).reverse()))
        }
      },
    },
    {
      promise: 'reads',
      rule: 'reads/beyond-the-end',
      name: `${name}, read forward from beyond its end, is an empty page that is the end`,
      run: async ({ engine }) => {
        await tenEach(engine)
        const head = await engine.head()
        for (const from of [head + 1, head + 2, head + 1_000_000, Number.MAX_SAFE_INTEGER]) {
          const { events, end, next } = await page(engine, source, { from })
          assert.deepEqual({ events, end }, { events: [], end: true })
          assert.ok(next <= from, 'going on from there misses nothing that is appended later')
        }
      },
    },
    {
      promise: 'reads',
      rule: 'reads/beyond-the-end',
      name: `${name}, read backward from beyond its end, begins at its end, and from 0 is at its beginning`,
      run: async ({ engine }) => {
        await tenEach(engine)
        const all = idsOf(await read(engine, source)).reverse()
        const head = await engine.head()
        for (const from of [head + 1, head + 1_000_000, Number.MAX_SAFE_INTEGER]) {
          assert.deepEqual(idsOf(await read(engine, source, { from, direction: 'backward' })), all)
        }
        const { events, end, next } = await page(engine, source, { from: 0, direction: 'backward' })
        assert.deepEqual({ events, end, next }, { events: [], end: true, next: 0 })
      },
    },
    ...([1, 2, 3, 9, 10, 11, 1_000] as const).flatMap((limit): EngineCase[] =>
      (['forward', 'backward'] as const).map((direction) => ({
        promise: 'reads',
        rule: 'reads/limit',
        name: `${name}, read ${direction}, gives no more than ${limit} when asked for that many, and the first of them`,
        run: async ({ engine }) => {
          await tenEach(engine)
          const all = idsOf(await read(engine, source, { direction }))
          const { events } = await page(engine, source, { limit, direction })
          assert.ok(events.length <= limit, `${events.length} events for a limit of ${limit}`)
          assert.deepEqual(idsOf(events), all.slice(0, events.length))
          assert.ok(events.length === Math.min(limit, all.length) || 'query' in source, 'a stream fills its page')
        },
      })),
    ),
    {
      promise: 'reads',
      rule: 'reads/limit',
      name: `${name}, asked for 0 events, still says where the store stands`,
      run: async ({ engine }) => {
        await tenEach(engine)
        for (const direction of ['forward', 'backward'] as const) {
          const { events, head } = await page(engine, source, { limit: 0, direction })
          assert.deepEqual(events, [])
          assert.equal(head, await engine.head())
        }
      },
    },
    ...([1, 2, 3, 7] as const).flatMap((limit): EngineCase[] =>
      (['forward', 'backward'] as const).map((direction) => ({
        promise: 'reads',
        rule: 'reads/paging',
        name: `${name}, read ${direction} in pages of ${limit}, has every event once`,
        run: async ({ engine }) => {
          await tenEach(engine)
          const whole = await page(engine, source, { direction })
          const inPages = await read(engine, source, { direction, limit })
          assert.deepEqual(idsOf(inPages), idsOf(whole.events))
        },
      })),
    ),
  ]
}

const streamsCases: readonly EngineCase[] = [
  {
    promise: 'reads',
    rule: 'reads/listing',
    name: 'the listing names every stream once, ordered by the bytes of its id, with its state',
    run: async ({ engine }) => {
      const ids = ['b', 'a', 'B', 'é', 'z', '\uffff', '🐘', 'a-1', 'a1', '~']
      for (const id of ids) await land(engine, eventFor(id))
      await land(engine, ...eventsFor('a', 2))
      const listed = await listStreams(engine)
      const ordered = [...ids].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
      assert.deepEqual(
        listed.map((one) => one.streamId),
        ordered,
      )
      assert.deepEqual(
        listed.find((one) => one.streamId === 'a'),
        {
          streamId: 'a',
          version: 3,
          truncateBefore: 1,
          tombstoned: false,
          exists: true,
        },
      )
    },
  },
  {
    promise: 'reads',
    rule: 'reads/listing-pages',
    name: 'the listing in pages of any size is the same listing',
    run: async ({ engine }) => {
      for (const number of [5, 3, 1, 4, 2]) await land(engine, eventFor(`Order-${number}`))
      const whole = await listStreams(engine)
      for (const limit of [1, 2, 4, 5, 6]) assert.deepEqual(await listStreams(engine, '', limit), whole)
    },
  },
  {
    promise: 'reads',
    rule: 'reads/listing-pages',
    name: 'a page of the listing begins after the id it is given, listed or not, and respects its limit',
    run: async ({ engine }) => {
      for (const id of ['a', 'c', 'e']) await land(engine, eventFor(id))
      const after = async (id: string, limit: number): Promise<unknown> => {
        const { streams, end } = await engine.streams({ prefix: '', after: id, limit })
        return [streams.map((one) => one.streamId), end]
      }
      assert.deepEqual(await after('a', 1), [['c'], false])
      assert.deepEqual(await after('b', 2), [['c', 'e'], true])
      assert.deepEqual(await after('e', 2), [[], true])
    },
  },
  {
    promise: 'reads',
    rule: 'reads/listing-prefix',
    name: 'the listing of a prefix names the streams that begin with it, and reads no pattern into it',
    run: async ({ engine }) => {
      const ids = ['Order-1', 'Order-12', 'order-1', 'Orde', 'O%', 'O%1', 'Ox1', 'O_', 'O_\u{10ffff}', 'O\\']
      for (const id of ids) await land(engine, eventFor(id))
      const listed = async (prefix: string): Promise<string[]> =>
        (await listStreams(engine, prefix, 2)).map((one) => one.streamId)
      assert.deepEqual(await listed('Order-1'), ['Order-1', 'Order-12'])
      assert.deepEqual(await listed('O%'), ['O%', 'O%1'])
      assert.deepEqual(await listed('O_'), ['O_', 'O_\u{10ffff}'])
      assert.deepEqual(await listed('O\\'), ['O\\'])
      assert.deepEqual(await listed('Orders'), [])
    },
  },
]

/** What the read verbs of the port give back, and how a reader goes on. */
export const readCases: readonly EngineCase[] = [
  {
    promise: 'reads',
    rule: 'reads/empty',
    name: 'an empty store reads as nothing, everywhere and in both directions',
    run: async ({ engine }) => {
      for (const source of [wholeLog, { query: [item({ tags: ['a'] })] }, { streamId: 'Order-1' }]) {
        for (const direction of ['forward', 'backward'] as const) {
          const { events, end, head } = await page(engine, source, { direction })
          assert.deepEqual({ events, end, head }, { events: [], end: true, head: 0 })
        }
      }
      assert.deepEqual(await listStreams(engine), [])
    },
  },
  {
    promise: 'reads',
    rule: 'reads/envelope',
    name: 'an event comes back with everything it went in with, and its place',
    run: async ({ engine }) => {
      const event = eventFor('Order-1', {
        type: 'OrderPlaced',
        schemaVersion: 7,
        data: '{"total":12,"note":"Grüße 🐘\\u0000"}',
        metadata: '{"correlation_id":"c","user_id":"u"}',
        tags: ['customer:2', 'customer:1', 'vip'],
        recordedAtMs: 1_768_473_000_123,
      })
      await land(engine, eventFor('Order-1'))
      const { lastPosition } = await land(engine, event)
      const expected = comparable({ ...event, version: 2, position: lastPosition })
      const [ofLog] = (await logOf(engine)).slice(1)
      const [ofStream] = (await eventsOf(engine, 'Order-1')).slice(1)
      assert.deepEqual(ofLog && comparable(ofLog), expected)
      assert.deepEqual(ofStream && comparable(ofStream), expected)
    },
  },
  {
    promise: 'reads',
    rule: 'reads/recorded-at',
    name: 'the time an event was recorded is kept to the millisecond, also one that lies before the last',
    run: async ({ engine }) => {
      const times = [1_768_473_000_123, 1, 1_768_473_000_122, 0, 4_102_444_800_999]
      for (const recordedAtMs of times) await land(engine, eventFor('Order-1', { recordedAtMs }))
      assert.deepEqual(
        (await logOf(engine)).map((event) => event.recordedAtMs),
        times,
      )
    },
  },
  {
    promise: 'reads',
    rule: 'reads/payload-bytes',
    name: 'payloads and metadata of any content type come back byte for byte',
    run: async ({ engine }) => {
      const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      const payloads = [
        everyByte,
        new Uint8Array(),
        Uint8Array.of(0),
        Uint8Array.of(0xef, 0xbb, 0xbf, 65),
        Buffer.from('🐘'),
      ]
      const events = payloads.map((data, index) =>
        eventFor('File-1', {
          contentType: `application/x-${index}`,
          data,
          metadataContentType: 'application/octet-stream',
          metadata: payloads[payloads.length - 1 - index] as Uint8Array,
        }),
      )
      await land(engine, ...events)
      assert.deepEqual(
        (await eventsOf(engine, 'File-1'))
          .map(comparable)
          .map(({ data, metadata, contentType }) => ({ data, metadata, contentType })),
        events.map(comparable).map(({ data, metadata, contentType }) => ({ data, metadata, contentType })),
      )
    },
  },
  {
    promise: 'reads',
    rule: 'reads/payload-text',
    name: 'JSON comes back as the text it was, with its spaces, its escapes, its numbers and its NULs',
    run: async ({ engine }) => {
      const texts = [
        '{ "b":1,  "a":2 }',
        '1e3',
        '"\\u00e9\u00e9e\u0301"',
        '12345678901234567890',
        '"a\0b"',
        ' null ',
        '"\u2028🐘"',
      ]
      await land(engine, ...texts.map((data) => eventFor('Order-1', { data, metadata: data })))
      const events = (await eventsOf(engine, 'Order-1')).map(comparable)
      const expected = texts.map((text) => Buffer.from(text).toString('latin1'))
      assert.deepEqual(
        events.map((event) => event.data),
        expected,
      )
      assert.deepEqual(
        events.map((event) => event.metadata),
        expected,
      )
    },
  },
  {
    promise: 'reads',
    rule: 'reads/tags',
    name: 'tags come back in the order given',
    run: async ({ engine }) => {
      const tags = ['z', 'a', 'm:1', 'A', 'z ', '1']
      await land(engine, eventFor('Order-1', { tags }), eventFor('Order-1'))
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map((event) => event.tags),
        [tags, []],
      )
    },
  },
  {
    promise: 'reads',
    rule: 'reads/stream-state',
    name: 'a page of a stream says where the stream stands, a page of the log says where the store stands',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, truncation('Order-1', 2))
      const ofStream = await page(engine, { streamId: 'Order-1' }, { limit: 0 })
      assert.deepEqual(ofStream.stream, { version: 3, truncateBefore: 2, tombstoned: false })
      assert.equal(ofStream.head, await engine.head())
      assert.deepEqual((await page(engine, { streamId: 'Order-9' })).stream, emptyStream)
      assert.equal((await page(engine, wholeLog)).stream, undefined)
    },
  },
  {
    promise: 'reads',
    rule: 'reads/goes-on',
    name: 'at the end of the log, next lies right after the head, past what did not match',
    shards: 'one',
    run: async ({ engine }) => {
      await land(engine, eventFor('Order-1', { tags: ['a'] }), ...eventsFor('Order-1', 5))
      const tagA = { query: [item({ tags: ['a'] })] }
      const last = (await pages(engine, tagA)).at(-1)
      const head = await engine.head()
      assert.deepEqual({ next: last?.next, head: last?.head }, { next: head + 1, head })
      await land(engine, eventFor('Order-2', { tags: ['a'] }))
      assert.deepEqual(
        (await read(engine, tagA, { from: head + 1 })).map((event) => event.streamId),
        ['Order-2'],
      )
    },
  },
  {
    promise: 'reads',
    rule: 'reads/goes-on',
    name: 'at the end of a stream, next is the version after its last one, and 0 at its beginning',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, eventFor('Order-2'))
      assert.equal((await pages(engine, { streamId: 'Order-1' }, { limit: 2 })).at(-1)?.next, 4)
      assert.equal((await pages(engine, { streamId: 'Order-1' }, { limit: 2, direction: 'backward' })).at(-1)?.next, 0)
      await land(engine, eventFor('Order-1'))
      assert.deepEqual(
        (await read(engine, { streamId: 'Order-1' }, { from: 4 })).map((event) => event.version),
        [4],
      )
    },
  },
  {
    promise: 'reads',
    rule: 'reads/find',
    name: 'an event is found by its id, as it was appended and where it landed, and nothing by another id',
    run: async ({ engine }) => {
      const events = [eventFor('Order-1', { data: '{"n":1}' }), eventFor('Order-2', { data: '{"n":2}' })]
      for (const event of events) {
        const { lastPosition } = await land(engine, event)
        const found = await engine.find(event.id)
        assert.deepEqual(found && comparable(found), { ...comparable(event), version: 1, position: lastPosition })
      }
      assert.equal(await engine.find(eventFor('Order-1').id), undefined)
    },
  },
  {
    promise: 'reads',
    rule: 'reads/find-hidden',
    name: 'an event is found by its id also when its stream was truncated or tombstoned since',
    run: async ({ engine }) => {
      const [first, second] = eventsFor('Order-1', 2) as [EventToStore, EventToStore]
      await land(engine, first, second)
      await land(engine, truncation('Order-1', 2))
      assert.equal((await engine.find(first.id))?.version, 1)
      await land(engine, tombstone('Order-1'))
      assert.equal((await engine.find(second.id))?.version, 2)
    },
  },
  ...sourceCases,
  ...streamsCases,
]
