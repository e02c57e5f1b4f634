import assert from 'node:assert/strict'
import type { StoreCase } from '../case.ts'
import { newId } from '../port.ts'
import { headOf, logIds, numbered, numberedFrom, numbersOf, typesIn } from './public.ts'

/** Reading, payloads, names and the lifecycle of streams through the public API. */
export const readingCases: readonly StoreCase[] = [
  {
    promise: 'reads',
    rule: 'store/read-stream',
    name: 'a stream reads forward and backward, from any version and up to any limit',
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 7))
      await store.append('Order-2', [numbered(99)])
      const read = async (options?: Parameters<typeof store.readStream>[1]): Promise<number[]> =>
        numbersOf(await store.readStream('Order-1', options).toArray())
      assert.deepEqual(await read(), [1, 2, 3, 4, 5, 6, 7])
      assert.deepEqual(await read({ direction: 'backward' }), [7, 6, 5, 4, 3, 2, 1])
      assert.deepEqual(await read({ from: 3, limit: 2 }), [3, 4])
      assert.deepEqual(await read({ from: 3, limit: 2, direction: 'backward' }), [3, 2])
      assert.deepEqual(await read({ limit: 0 }), [])
      assert.deepEqual(await read({ from: 8 }), [])
      assert.deepEqual(await read({ from: 100, direction: 'backward', limit: 1 }), [7])
    },
  },
  {
    promise: 'reads',
    rule: 'store/first-last',
    name: 'first and last give one event, or none, of a stream and of the log',
    shards: 'one',
    run: async ({ store }) => {
      assert.equal(await store.readStream('Order-1').first(), undefined)
      assert.equal(await store.readAll().last(), undefined)
      await store.append('Order-1', numberedFrom(1, 3))
      await store.append('Order-2', [numbered(4, 'Other')])
      const numberOf = (event: { readonly data: unknown } | undefined): unknown =>
        (event?.data as { n: number } | undefined)?.n
      assert.equal(numberOf(await store.readStream('Order-1').first()), 1)
      assert.equal(numberOf(await store.readStream('Order-1').last()), 3)
      assert.equal(numberOf(await store.readStream('Order-1', { from: 9 }).last()), undefined)
      assert.equal(numberOf(await store.readStream('Order-1', { limit: 2 }).last()), 2)
      assert.equal(numberOf(await store.readAll().last()), 4)
      assert.equal(numberOf(await store.readAll({ filter: { types: ['Happened'] } }).last()), 3)
      assert.equal(numberOf(await store.readAll({ direction: 'backward' }).last()), 1)
    },
  },
  {
    promise: 'reads',
    rule: 'store/long-read',
    name: 'a read of more events than a page has every event once, in both directions',
    run: async ({ store }) => {
      for (let first = 1; first <= 2_500; first += 500) await store.append('Order-1', numberedFrom(first, 500))
      const expected = Array.from({ length: 2_500 }, (_, index) => index + 1)
      assert.deepEqual(numbersOf(await store.readStream('Order-1').toArray()), expected)
      assert.deepEqual(numbersOf(await store.readAll({ direction: 'backward' }).toArray()), expected.reverse())
    },
  },
  {
    promise: 'reads',
    rule: 'store/read-ends',
    name: 'a read ends where the log ended when it began, also while others append',
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 3))
      const seen: number[] = []
      for await (const event of store.readAll()) {
        seen.push(...numbersOf([event]))
        await store.append('Order-1', [numbered(100 + event.position)])
        assert.ok(seen.length <= 3)
      }
      assert.deepEqual(seen, [1, 2, 3])
    },
  },
  {
    promise: 'conditions',
    rule: 'store/filters',
    name: 'the log reads by type, tag, category and stream prefix',
    shards: 'one',
    run: async ({ store }) => {
      await store.append('Order-1', [{ ...numbered(1, 'Placed'), tags: ['customer:1', 'vip'] }, numbered(2, 'Paid')])
      await store.append('OrderLine-1', [{ ...numbered(3, 'Placed'), tags: ['customer:11'] }])
      await store.append('Cart-1', [{ ...numbered(4, 'Placed'), tags: ['customer:1'] }])
      const read = async (
        filter: NonNullable<Parameters<typeof store.readAll>[0]>['filter'] & object,
      ): Promise<number[]> => numbersOf(await store.readAll({ filter }).toArray())
      assert.deepEqual(await read({ types: ['Placed', 'Other'] }), [1, 3, 4])
      assert.deepEqual(await read({ tags: ['customer:1'] }), [1, 4])
      assert.deepEqual(await read({ tags: ['customer:1', 'vip'] }), [1])
      assert.deepEqual(await read({ categories: ['Order'] }), [1, 2])
      assert.deepEqual(await read({ streamPrefix: 'Order' }), [1, 2, 3])
      assert.deepEqual(await read([{ types: ['Paid'] }, { categories: ['Cart'] }]), [2, 4])
      assert.deepEqual(await read({ types: ['Placed'], categories: ['Nothing'] }), [])
    },
  },
  {
    promise: 'conditions',
    rule: 'store/empty-query',
    name: 'a query that says nothing is refused as an argument',
    run: async ({ store }) => {
      for (const filter of [[], {}, { types: [] }, { tags: [''] }]) {
        await assert.rejects(async () => store.readAll({ filter }).toArray(), { code: 'INVALID_ARGUMENT' })
      }
    },
  },
  {
    promise: 'reads',
    rule: 'store/envelope',
    name: 'an event comes back with everything it was given',
    run: async ({ store }) => {
      const id = newId()
      const metadata = { correlationId: 'c', causationId: 'd', userId: 'u', source: { ip: '::1' } }
      const data = { total_cents: 1200, note: 'Grüße 🐘\u0000', list: [1, null, true] }
      const timestamp = '2026-01-15T10:30:00.123Z'
      const appended = await store.append('Order-1', [
        { type: 'Placed', id, data, metadata, tags: ['b', 'a', 'b'], schemaVersion: 3, timestamp },
      ])
      const event = await store.readStream('Order-1').first()
      assert.ok(event)
      const { type, streamId, version, position, schemaVersion, contentType, tags } = event
      assert.deepEqual(
        { id: event.id, type, streamId, version, position, schemaVersion, contentType, tags },
        {
          id,
          type: 'Placed',
          streamId: 'Order-1',
          version: 1,
          position: appended.position,
          schemaVersion: 3,
          contentType: 'application/json',
          tags: ['b', 'a'],
        },
      )
      assert.deepEqual(event.data, data)
      assert.deepEqual(event.metadata, { ...metadata, timestamp })
    },
  },
  {
    promise: 'reads',
    rule: 'store/timestamp',
    name: 'an event without a time gets the time it was taken in, to the millisecond, in UTC',
    run: async ({ store }) => {
      await store.append('Order-1', [numbered(1)])
      const event = await store.readStream('Order-1').first()
      assert.match(event?.metadata.timestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      // An hour is more than clocks of two machines differ, and less than a time zone.
      assert.ok(Math.abs(Date.parse(event?.metadata.timestamp ?? '') - Date.now()) < 3_600_000)
      assert.equal(event?.recordedAtMs, Date.parse(event?.metadata.timestamp ?? ''))
    },
  },
  {
    promise: 'reads',
    rule: 'store/bytes',
    name: 'bytes of any content type come back exactly, as data and as raw data',
    run: async ({ store }) => {
      const payloads = [
        Uint8Array.from({ length: 256 }, (_, byte) => byte),
        new Uint8Array(),
        Uint8Array.of(0xef, 0xbb, 0xbf, 65),
      ]
      await store.append(
        'File-1',
        payloads.map((data, n) => ({ type: 'Uploaded', data, contentType: `application/x-${n}` })),
      )
      const events = await store.readStream('File-1').toArray()
      assert.deepEqual(
        events.map((event) => event.contentType),
        ['application/x-0', 'application/x-1', 'application/x-2'],
      )
      assert.deepEqual(
        events.map((event) => [...(event.data as Uint8Array)]),
        payloads.map((data) => [...data]),
      )
    },
  },
  {
    promise: 'reads',
    rule: 'store/own-bytes',
    name: 'a caller who reuses its buffer after an append changes nothing that was appended',
    run: async ({ store }) => {
      const data = Uint8Array.of(1, 2, 3)
      const appended = store.append('File-1', [{ type: 'Uploaded', data, contentType: 'application/octet-stream' }])
      data.fill(9)
      await appended
      const event = await store.readStream('File-1').first()
      assert.deepEqual(event?.data, Uint8Array.of(1, 2, 3))
    },
  },
  {
    promise: 'names',
    rule: 'store/names',
    name: 'streams with hostile names are each their own, read, filtered and listed by exactly that name',
    run: async ({ store }) => {
      const ids = [
        ...[
          'a:1',
          'a:11',
          'A:1',
          'a:1 ',
          'a:1\0',
          'a%',
          'a_',
          "a'",
          'a"',
          'a\\',
          'a/b',
          'a?b=c#d',
          'a&b',
          'a+b',
          'a%2Fb',
          '..',
          '.',
          '$a',
          '$$',
          '-',
          '🐘',
        ],
        ...['caf\u00e9', 'cafe\u0301', 'a\r\nb', '<b>', '__proto__', 'x'.repeat(1_000), '日'.repeat(1_000)],
      ]
      for (const [n, id] of ids.entries()) await store.append(id, [numbered(n)], { expectedVersion: 'no_stream' })
      for (const [n, id] of ids.entries()) assert.deepEqual(numbersOf(await store.readStream(id).toArray()), [n], id)
      assert.deepEqual((await store.streams().toArray()).map((one) => one.streamId).sort(), [...ids].sort())
      assert.deepEqual(
        (await store.streams({ prefix: 'a%' }).toArray()).map((one) => one.streamId),
        ['a%', 'a%2Fb'],
      )
    },
  },
  {
    promise: 'names',
    rule: 'store/lone-surrogate',
    name: 'a name that is no Unicode is refused, since no engine could give it back',
    run: async ({ store }) => {
      await assert.rejects(store.append('a\ud800', [numbered(1)]), { code: 'INVALID_ARGUMENT' })
      await assert.rejects(store.append('', [numbered(1)]), { code: 'INVALID_ARGUMENT' })
      assert.equal(await headOf(store), 0)
    },
  },
  {
    promise: 'reads',
    rule: 'store/listing',
    name: 'the listing has every stream with its state, by prefix, after an id and up to a limit',
    run: async ({ store }) => {
      for (const id of ['Order-2', 'Order-1', 'Cart-1', 'Order-3']) await store.append(id, numberedFrom(1, 2))
      const listed = async (options?: Parameters<typeof store.streams>[0]): Promise<string[]> =>
        (await store.streams(options).toArray()).map((one) => one.streamId)
      assert.deepEqual(await listed(), ['Cart-1', 'Order-1', 'Order-2', 'Order-3'])
      assert.deepEqual(await listed({ prefix: 'Order-', after: 'Order-1', limit: 1 }), ['Order-2'])
      const info = { streamId: 'Order-1', version: 2, truncateBefore: 1, tombstoned: false, exists: true }
      assert.deepEqual(await store.streamInfo('Order-1'), info)
      assert.deepEqual(await store.streams({ prefix: 'Order-1' }).first(), info)
      assert.deepEqual(await store.streamInfo('Never-1'), { ...info, streamId: 'Never-1', version: 0, exists: false })
    },
  },
  {
    promise: 'lifecycle',
    rule: 'store/truncate',
    name: 'a truncation hides events from the stream and from nothing else, and never hides less than before',
    run: async ({ store }) => {
      const { eventIds } = await store.append('Order-1', numberedFrom(1, 5))
      assert.equal((await store.truncateBefore('Order-1', 4)).changed, true)
      assert.deepEqual(numbersOf(await store.readStream('Order-1').toArray()), [4, 5])
      assert.deepEqual((await logIds(store)).slice(0, 5), eventIds)
      assert.equal((await store.truncateBefore('Order-1', 4)).changed, false)
      await assert.rejects(store.truncateBefore('Order-1', 2), { code: 'INVALID_ARGUMENT' })
      await assert.rejects(store.truncateBefore('Order-1', 7), { code: 'INVALID_ARGUMENT' })
      assert.deepEqual(numbersOf(await store.readStream('Order-1').toArray()), [4, 5])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'store/delete',
    name: 'a deleted stream reads as nothing, begins again with no_stream, and its versions continue',
    needs: ['multiStreamAppends'],
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 3))
      await assert.rejects(store.deleteStream('Order-1', { expectedVersion: 2 }), {
        code: 'VERSION_CONFLICT',
        actual: 3,
      })
      assert.equal((await store.deleteStream('Order-1', { expectedVersion: 3 })).changed, true)
      assert.deepEqual(await typesIn(store, 'Order-1'), [])
      assert.equal((await store.streamInfo('Order-1')).exists, false)
      assert.equal((await store.deleteStream('Order-1')).changed, false)
      const again = await store.append('Order-1', [numbered(4)], { expectedVersion: 'no_stream' })
      assert.equal(again.version, 4)
      assert.deepEqual(numbersOf(await store.readStream('Order-1').toArray()), [4])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'store/tombstone',
    name: 'a tombstoned stream reads as nothing and takes nothing, for ever',
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 2))
      assert.equal((await store.tombstone('Order-1')).changed, true)
      assert.equal((await store.tombstone('Order-1')).changed, false)
      assert.deepEqual(await typesIn(store, 'Order-1'), [])
      for (const expectedVersion of ['any', 'no_stream', 2] as const) {
        const late = store.append('Order-1', [numbered(3)], { expectedVersion })
        await assert.rejects(late, { code: 'STREAM_TOMBSTONED', streamId: 'Order-1' })
      }
      assert.equal((await store.streamInfo('Order-1')).tombstoned, true)
    },
  },
  {
    promise: 'lifecycle',
    rule: 'store/metadata',
    name: "a stream's metadata is kept with every key, has a version of its own and is guarded by it",
    run: async ({ store }) => {
      assert.deepEqual(await store.getStreamMetadata('Order-1'), { values: {}, version: 0 })
      await store.setStreamMetadata('Order-1', { owner: 'ann', truncateBefore: 1 }, { expectedVersion: 0 })
      const metadata = await store.getStreamMetadata('Order-1')
      assert.deepEqual(metadata, { values: { owner: 'ann', truncateBefore: 1 }, version: 1 })
      const late = store.setStreamMetadata('Order-1', { owner: 'bob' }, { expectedVersion: 0 })
      await assert.rejects(late, { code: 'VERSION_CONFLICT', expected: 0, actual: 1 })
      await store.append('Order-1', numberedFrom(1, 3))
      await store.truncateBefore('Order-1', 3)
      const { values } = await store.getStreamMetadata('Order-1')
      assert.deepEqual(values, { owner: 'ann', truncateBefore: 3 })
    },
  },
]
