import { Client } from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { fillStore, largeStoreEvents, longStream } from '../../../../test/postgres/large-store.ts'
import { onNewestPostgres } from '../../../../test/postgres/on-postgres.ts'
import { putIntoParts } from '../../../../test/postgres/parts.ts'
import { nestedWork, type Planning, type Work } from '../../../../test/postgres/plan.ts'
import {
  anything,
  appendWork,
  conditions,
  event,
  expectBounded,
  filters,
} from '../../../../test/postgres/plan-cases.ts'
import { thorough } from '../../../../test/thorough.ts'
import type { PostgresQuery } from './driver.ts'
import { sessionSettings } from './driver.ts'
import { filteredQuery } from './filter.ts'
import { postgres } from './index.ts'
import { selectEventInParts, selectLogInParts, selectStreamInParts } from './read-parts.ts'

const schema = 'varve'
const limit = 100
const maxBytes = 1_000_000
const middle = largeStoreEvents / 2
const parts = 40

/**
 * Runs a query, and says what it did and what functions did for it. Not the first time: making their plans functions read
 * catalogs about every part, once for each session.
 */
async function worksOf(client: Client, planning: Planning, query: PostgresQuery): Promise<readonly Work[]> {
  await client.query(`set plan_cache_mode = ${planning}`)
  const { text, values = [] } = query
  await client.query(text, values as unknown[])
  return nestedWork(client, () => client.query(text, values as unknown[]))
}

/** The parts that statements had to do with, whether it came to read them or not. */
function partsIn(works: readonly Work[]): number {
  const names = works.flatMap(({ indexes }) => indexes.flatMap((index) => /^events_p(\d+)_/.exec(index)?.[1] ?? []))
  return new Set(names).size
}

const directions = ['forward', 'backward'] as const

function specifyReads(client: () => Client, planning: Planning): void {
  describe.each(directions)('%s', (direction) => {
    it.each([1, middle, largeStoreEvents])('finds a page of the log from %i by its position', async (from) => {
      const query = { text: selectLogInParts(schema, direction), values: [from, limit, maxBytes] }
      const works = await worksOf(client(), planning, query)
      for (const work of works) expectBounded(work, { rows: limit, pages: 120 })
      expect(partsIn(works)).toBeLessThanOrEqual(2)
    })

    it.each([1, 10_000])(
      'finds a page of a long stream from %i in the parts that have it, and no other',
      async (from) => {
        const query = { text: selectStreamInParts(schema, direction), values: [from, limit, maxBytes, longStream] }
        const works = await worksOf(client(), planning, query)
        for (const work of works) expectBounded(work, { rows: 1_000, pages: 1_000 })
        expect(works.flatMap(({ indexes }) => indexes)).toContain('event_keys_version_unique')
        expect(partsIn(works)).toBeLessThanOrEqual(2)
      },
    )

    it.each(Object.entries(filters))('walks to the events of %s by an index', async (_name, { item }) => {
      for (const from of [1, middle, largeStoreEvents]) {
        const read = { items: [{ ...anything, ...item }], direction, from, limit, maxBytes }
        const works = await worksOf(client(), planning, filteredQuery(schema, read, 'parts'))
        for (const work of works) expectBounded(work, { rows: 4_000, pages: 16_000 })
      }
    })
  })

  it('finds an event by its id in its part, and no other', async () => {
    const id = `${middle.toString(16).padStart(32, '0')}`
    const works = await worksOf(client(), planning, { text: selectEventInParts(schema), values: [id] })
    for (const work of works) expectBounded(work, { rows: 100, pages: 30 })
    expect(partsIn(works)).toBe(1)
  })
}

function specifyAppends(client: () => Client): void {
  it.each(Object.entries(conditions))('judges a condition on %s by an index', async (_name, item) => {
    for (const after of [0, middle, largeStoreEvents]) {
      const condition = { failIfMatch: [{ ...anything, ...item }], after }
      const works = await appendWork(client(), schema, [{ events: [event('Order-1')], checks: [], condition }])
      expect(works.length).toBeGreaterThan(5)
      for (const work of works) expectBounded(work, { rows: 2_000, pages: 1_000 })
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
}

onNewestPostgres(({ cluster }) => {
  describe(`with ${largeStoreEvents} events in ${parts} parts`, () => {
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
      await putIntoParts({ url, schema }, largeStoreEvents / parts)
      return async () => {
        await client.end()
        await drop()
      }
    }, 600_000)

    describe.each(['without statistics', 'with statistics'])('%s', (statistics) => {
      beforeAll(async () => {
        if (statistics === 'with statistics') await client.query('analyze')
      })

      // With VARVE_THOROUGH=1: prepared statements are planned for all values after some calls.
      describe.runIf(thorough)('planned for the values given', () => specifyReads(() => client, 'force_custom_plan'))
      describe('planned once for all values', () => specifyReads(() => client, 'force_generic_plan'))
      describe('in the append function', () => specifyAppends(() => client))
    })
  })
})
