import { afterAll, expect, it } from 'vitest'
import { createAppend } from './append.ts'
import type { Database } from './driver.ts'
import { Filters } from './filter.ts'
import { Log } from './log.ts'
import { openFile } from './open-file.ts'
import { Pages } from './read.ts'
import { createShelf } from './shelf.ts'
import { createTransactions } from './transactions.ts'

const db = openFile(':memory:')
afterAll(() => db.close())

/** Every statement that the engine prepares. */
function statements(): readonly string[] {
  const seen: string[] = []
  const recording: Database = {
    ...db,
    prepare: (sql) => {
      seen.push(sql)
      return db.prepare(sql)
    },
  }
  const log = new Log(recording)
  const filters = new Filters(recording, log)
  const transactions = createTransactions(db, () => undefined)
  createAppend({ db: recording, log, filters, transactions, chunkEvents: 8 })
  createShelf(recording, transactions, async (_, verb) => verb())
  new Pages(recording, log, filters)
  return seen
}

function planOf(sql: string): readonly string[] {
  const rows = db.prepare<[number, number, number, string]>(`explain query plan ${sql}`).all()
  return rows.map(([, , , detail]) => detail)
}

it('answers every query by a search in an index, without a scan or a sort', () => {
  const reads = statements().filter((sql) => /^\s*select/.test(sql))
  const plans = reads.flatMap(planOf)
  expect(plans.length).toBeGreaterThan(18)
  const costly = plans.filter((plan) => !plan.startsWith('SEARCH '))
  // The list of wanted positions is walked from end to end, as it should be.
  expect(costly).toEqual(['SCAN listed VIRTUAL TABLE INDEX 1:'])
})

it.each(['from streams', 'from shelf'])('lists %s from the larger of two bounds on', (table) => {
  const listing = statements().find((sql) => sql.includes(table) && sql.includes('max(')) ?? ''
  expect(planOf(listing)).toEqual([expect.stringMatching(/\((name|key)>\?\)$/)])
})
