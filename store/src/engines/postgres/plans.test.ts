import { Client } from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { fillStore, largeStoreEvents, longStream } from '../../../../test/postgres/large-store.ts'
import { onEveryPostgres } from '../../../../test/postgres/on-postgres.ts'
import { type Planning, workOf } from '../../../../test/postgres/plan.ts'
import {
  anything,
  appendWork,
  conditions,
  event,
  expectBounded,
  filters,
} from '../../../../test/postgres/plan-cases.ts'
import type { ReadQuery } from '../../engine/engine.ts'
import { sessionSettings } from './driver.ts'
import { filteredQuery } from './filter.ts'
import { postgres } from './index.ts'
import { selectStreams } from './list-streams.ts'
import { selectLogQuickly, selectStreamQuickly } from './quick-pages.ts'
import { selectLog, selectStream } from './read.ts'
import { selectStreamsTogether } from './streams-together.ts'

const schema = 'varve'
const limit = 100
const maxBytes = 1_000_000
const middle = largeStoreEvents / 2

const directions = ['forward', 'backward'] as const

/** A page looks at no more rows than it walks index entries, and at a few pages for each. */
const pageBounds = { rows: 2_500, pages: 12_000 }

function specifyReads(client: () => Client, planning: Planning): void {
  describe.each(directions)('%s', (direction: ReadQuery['direction']) => {
    it.each([1, middle, largeStoreEvents])('finds a page of the log from %i by its position', async (from) => {
      for (const select of [selectLog, selectLogQuickly]) {
        const query = { text: select(schema, direction), values: [from, limit, maxBytes] }
        const work = await workOf(client(), planning, query)
        expectBounded(work, { rows: limit + 1, pages: 60 })
        expect(work.indexes).toContain('events_pkey')
      }
    })

    it.each([1, 10_000])('finds a page of a long stream from %i by its version', async (from) => {
      for (const select of [selectStream, selectStreamQuickly]) {
        const query = { text: select(schema, direction), values: [from, limit, maxBytes, longStream] }
        const work = await workOf(client(), planning, query)
        expectBounded(work, { rows: limit + 1, pages: 500 })
        expect(work.indexes).toEqual(['events_version_unique', 'streams_stream_id_unique'])
      }
    })

    it.each(Object.entries(filters))('walks to the events of %s by an index', async (_name, { item, index }) => {
      for (const from of [1, middle, largeStoreEvents]) {
        const read = { items: [{ ...anything, ...item }], direction, from, limit, maxBytes }
        const work = await workOf(client(), planning, filteredQuery(schema, read, 'one_table'))
        expectBounded(work, pageBounds)
        expect(work.indexes).toContain(index)
      }
    })
  })

  it('finds pages of several streams, long ones and none, each by its version', async () => {
    const streams = [longStream, 'Order-1', 'Order-77', 'nothing', longStream, ...Array(11).fill('Order-5')]
    const [froms, limits] = [streams.map((_, index) => index * 100), streams.map(() => limit)]
    const values = [streams, froms, maxBytes, limits]
    const work = await workOf(client(), planning, { text: selectStreamsTogether(schema), values })
    expectBounded(work, { rows: 400, pages: 1_500 })
    expect(work.indexes).toEqual(['events_version_unique', 'streams_stream_id_unique'])
  })

  it('lists streams by the index on their first characters', async () => {
    const work = await workOf(client(), planning, { text: selectStreams(schema), values: ['Order-', 'Order-5', 100] })
    expectBounded(work, { rows: 110, pages: 400 })
    expect(work.indexes).toEqual(['streams_in_order'])
  })
}

function specifyAppends(client: () => Client): void {
  it.each(Object.entries(conditions))('judges a condition on %s by an index', async (_name, item) => {
    for (const after of [0, middle, largeStoreEvents]) {
      const condition = { failIfMatch: [{ ...anything, ...item }], after }
      const works = await appendWork(client(), schema, [{ events: [event('Order-1')], checks: [], condition }])
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
    for (const works of [
      await appendWork(client(), schema, batch),
      await appendWork(client(), schema, [...batch, ...batch]),
    ]) {
      expect(works.length).toBeGreaterThan(5)
      for (const work of works) expectBounded(work, { rows: 200, pages: 3_500 })
    }
  })

  it('makes new streams by indexes', async () => {
    const batch = Array.from({ length: 50 }, (_, index) => ({ events: [event(`New-${index}`)], checks: [] }))
    for (const work of await appendWork(client(), schema, batch)) expectBounded(work, { rows: 200, pages: 3_000 })
  })
}

onEveryPostgres(({ cluster }) => {
  describe(`with ${largeStoreEvents} events`, () => {
    let client: Client

    beforeAll(async () => {
      const { url, drop } = await freshDatabase(await cluster())
      const engine = postgres({ url, schema })
      await engine.head()
      await engine.close()
      client = new Client({ connectionString: url })
      await client.connect()
      await client.query(sessionSettings)
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
