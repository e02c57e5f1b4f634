import { Client } from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { fillStore, largeStoreEvents, longStream, rare } from '../../../../test/postgres/large-store.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { nestedWork, type Planning, type Work, workOf } from '../../../../test/postgres/plan.ts'
import type { AppendRequest, ReadQuery } from '../../engine/engine.ts'
import type { NormalQueryItem } from '../../model/query.ts'
import { createAppendCalls } from './append.ts'
import { filteredQuery } from './filter.ts'
import { postgres } from './index.ts'
import { selectLog, selectStream, selectStreams } from './read.ts'

const schema = 'varve'
const limit = 100
const maxBytes = 1_000_000
const middle = largeStoreEvents / 2

/** Tables of one row, which nothing but a scan can read. */
const oneRow = ['log_head']

function expectBounded(work: Work, { rows, pages }: { readonly rows: number; readonly pages: number }): void {
  expect(
    work.scanned.filter((table) => !oneRow.includes(table)),
    work.statement,
  ).toEqual([])
  expect(work.compiled, `compiled ${work.statement}`).toBe(false)
  expect(work.rowsMax, `rows of ${work.statement}`).toBeLessThanOrEqual(rows)
  expect(work.pages, `pages of ${work.statement}`).toBeLessThanOrEqual(pages)
}

const anything: NormalQueryItem = { types: [], tags: [], categories: [], streamPrefix: '' }

const filters: Readonly<Record<string, { readonly item: Partial<NormalQueryItem>; readonly index: string }>> = {
  'a type': { item: { types: ['OrderPlaced'] }, index: 'events_by_type' },
  'a type of ten events': { item: { types: [rare.type] }, index: 'events_by_type' },
  'two types': { item: { types: [rare.type, 'OrderPaid'] }, index: 'events_by_type' },
  'a category': { item: { categories: ['Order'] }, index: 'events_by_category' },
  'a category of ten events': { item: { categories: [rare.category] }, index: 'events_by_category' },
  'a tag': { item: { tags: ['customer:7'] }, index: 'event_tags_pkey' },
  'a tag of every event': { item: { tags: ['all'] }, index: 'event_tags_pkey' },
  'a tag of ten events': { item: { tags: [rare.tag] }, index: 'event_tags_pkey' },
  'a common and a rare tag': { item: { tags: ['all', rare.tag] }, index: 'event_tags_pkey' },
  'a tag and a type': { item: { tags: ['all'], types: [rare.type] }, index: 'event_tags_pkey' },
  'a prefix in a category': { item: { streamPrefix: 'Order-1234' }, index: 'events_by_category' },
  'a prefix that nothing has': { item: { streamPrefix: 'Nothing' }, index: 'events_pkey' },
  nothing: { item: { types: ['NeverHappened'] }, index: 'events_by_type' },
}

const directions = ['forward', 'backward'] as const

/** A page looks at no more rows than it walks index entries, and at a few pages for each. */
const pageBounds = { rows: 2_500, pages: 12_000 }

function specifyReads(client: () => Client, planning: Planning): void {
  describe.each(directions)('%s', (direction: ReadQuery['direction']) => {
    it.each([1, middle, largeStoreEvents])('finds a page of the log from %i by its position', async (from) => {
      const query = { text: selectLog(schema, direction), values: [from, limit, maxBytes] }
      const work = await workOf(client(), planning, query)
      expectBounded(work, { rows: limit, pages: 60 })
      expect(work.indexes).toContain('events_pkey')
    })

    it.each([1, 10_000])('finds a page of a long stream from %i by its version', async (from) => {
      const query = { text: selectStream(schema, direction), values: [from, limit, maxBytes, longStream] }
      const work = await workOf(client(), planning, query)
      expectBounded(work, { rows: limit, pages: 500 })
      expect(work.indexes).toEqual(['events_version_unique', 'streams_stream_id_unique'])
    })

    it.each(Object.entries(filters))('walks to the events of %s by an index', async (_name, { item, index }) => {
      for (const from of [1, middle, largeStoreEvents]) {
        const read = { items: [{ ...anything, ...item }], direction, from, limit, maxBytes }
        const work = await workOf(client(), planning, filteredQuery(schema, read))
        expectBounded(work, pageBounds)
        expect(work.indexes).toContain(index)
      }
    })
  })

  it('lists streams by the index on their first characters', async () => {
    const work = await workOf(client(), planning, { text: selectStreams(schema), values: ['Order-', 'Order-5', 100] })
    expectBounded(work, { rows: 110, pages: 400 })
    expect(work.indexes).toEqual(['streams_in_order'])
  })
}

const conditions: Readonly<Record<string, Partial<NormalQueryItem>>> = {
  'a type': { types: ['OrderPlaced'] },
  'a type of ten events': { types: [rare.type] },
  'a type that never was': { types: ['NeverHappened'] },
  'a category': { categories: ['Order'] },
  'a category that never was': { categories: ['Nothing'] },
  'a prefix in a category': { streamPrefix: 'Order-1' },
  'a tag': { tags: ['customer:7'] },
  'a tag that never was': { tags: ['customer:none'] },
  'a common and a rare tag': { tags: ['all', rare.tag] },
  'a common tag and one that never was': { tags: ['all', 'customer:none'] },
  'a tag and a type that never was': { tags: [rare.tag], types: ['NeverHappened'] },
}

let ids = 0

function event(streamId: string, tags: readonly string[] = []): AppendRequest['events'][number] {
  const id = `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`
  const json = 'application/json'
  const texts = { contentType: json, data: '{}', metadata: '{}', metadataContentType: json }
  return { id, streamId, type: 'OrderPlaced', schemaVersion: 1, tags, recordedAtMs: 1_760_000_000_000, ...texts }
}

/** Appends in a transaction that is taken back, so that every case finds the same store. */
async function appendWork(client: Client, batch: readonly AppendRequest[]): Promise<readonly Work[]> {
  await client.query('begin')
  const { query } = createAppendCalls(schema, false)(batch)
  const works = await nestedWork(client, () => client.query(query.text, query.values))
  await client.query('rollback')
  return works
}

function specifyAppends(client: () => Client): void {
  it.each(Object.entries(conditions))('judges a condition on %s by an index', async (_name, item) => {
    for (const after of [0, middle, largeStoreEvents]) {
      const condition = { failIfMatch: [{ ...anything, ...item }], after }
      const works = await appendWork(client(), [{ events: [event('Order-1')], checks: [], condition }])
      expect(works.length).toBeGreaterThan(5)
      for (const work of works) expectBounded(work, { rows: 2_000, pages: 300 })
    }
  })

  it('appends to many streams, with checks, tags and repeats, by indexes', async () => {
    const fresh = Array.from({ length: 50 }, (_, index) => event(`Order-${index * 100 + 1}`, ['all', 'customer:7']))
    const batch = fresh.map((one) => ({
      events: [one],
      checks: [{ streamId: one.streamId, expectedVersion: 'stream_exists' as const }],
    }))
    for (const works of [await appendWork(client(), batch), await appendWork(client(), [...batch, ...batch])]) {
      expect(works.length).toBeGreaterThan(5)
      for (const work of works) expectBounded(work, { rows: 200, pages: 3_500 })
    }
  })

  it('makes new streams by indexes', async () => {
    const batch = Array.from({ length: 50 }, (_, index) => ({ events: [event(`New-${index}`)], checks: [] }))
    for (const work of await appendWork(client(), batch)) expectBounded(work, { rows: 200, pages: 3_000 })
  })
}

onPostgres(({ cluster }) => {
  describe(`with ${largeStoreEvents} events`, () => {
    let client: Client

    beforeAll(async () => {
      const { url, drop } = await freshDatabase(await cluster())
      const engine = postgres({ url, schema })
      await engine.head()
      await engine.close()
      client = new Client({ connectionString: url })
      await client.connect()
      await fillStore(client, schema)
      return async () => {
        await client.end()
        await drop()
      }
    }, 600_000)

    describe.each(['without statistics', 'with statistics'])('%s', (statistics) => {
      beforeAll(async () => {
        if (statistics === 'with statistics') await client.query('analyze')
      })

      describe('planned for the values given', () => specifyReads(() => client, 'force_custom_plan'))
      describe('planned once for all values', () => specifyReads(() => client, 'force_generic_plan'))
      describe('in the append function', () => specifyAppends(() => client))
    })
  })
})
