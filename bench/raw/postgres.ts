import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import { payloadOf, typeOf } from '../load/events.ts'

/** A plain events table, as one would write it by hand: no check but its unique indexes. */
const createTable = `
  create table if not exists events (
    position bigint generated always as identity primary key,
    event_id uuid not null unique,
    stream text not null,
    version int not null,
    type text not null,
    recorded_at timestamptz not null default now(),
    data text not null,
    unique (stream, version)
  )`

const insertOne = 'insert into events (event_id, stream, version, type, data) values ($1, $2, $3, $4, $5)'

const insertMany = `
  insert into events (event_id, stream, version, type, data)
  select * from unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[])`

const selectPage = 'select * from events where position > $1 order by position limit $2'
const selectStream = 'select * from events where stream = $1 order by version'

/** One event as a row. */
export type PlainRow = readonly [id: string, stream: string, version: number, type: string, data: string]

/** The nth event of a run as a row, its payload encoded as a caller would have to. */
export function plainRow(streamId: string, version: number, nth: number): PlainRow {
  return [randomUUID(), streamId, version, typeOf(streamId, version), JSON.stringify(payloadOf(nth))]
}

/** Makes the table. */
export async function createPlainTable(pool: Pool): Promise<void> {
  await pool.query(createTable)
}

/** One statement, one transaction, one event. */
export async function insertPlain(pool: Pool, row: PlainRow): Promise<void> {
  await pool.query({ name: 'insert_one', text: insertOne, values: [...row] })
}

/** One statement, one transaction, many events. */
export async function insertRows(pool: Pool, rows: readonly PlainRow[]): Promise<void> {
  const columns = [0, 1, 2, 3, 4].map((column) => rows.map((row) => row[column]))
  await pool.query({ name: 'insert_many', text: insertMany, values: columns })
}

/** Events that one statement takes at the most: as many as Varve gathers. */
const mergedMax = 512

/** Group commit by hand: what arrives while one statement is under way makes up the next one. */
export function mergingInserts(pool: Pool): (rows: readonly PlainRow[]) => Promise<void> {
  let waiting: { readonly rows: readonly PlainRow[]; readonly done: (failure?: unknown) => void }[] = []
  let working = false

  async function work(): Promise<void> {
    working = true
    await undefined
    while (waiting.length > 0) {
      let events = 0
      let taken = 0
      for (const { rows } of waiting) {
        if (taken > 0 && events + rows.length > mergedMax) break
        events += rows.length
        taken++
      }
      const batch = waiting.slice(0, taken)
      waiting = waiting.slice(taken)
      const failure = await insertRows(
        pool,
        batch.flatMap(({ rows }) => rows),
      ).catch((error: unknown) => error)
      for (const { done } of batch) done(failure)
      await new Promise(setImmediate)
    }
    working = false
  }

  return (rows) =>
    new Promise((resolve, reject) => {
      waiting.push({ rows, done: (failure) => (failure === undefined ? resolve() : reject(failure)) })
      if (!working) void work()
    })
}

/** The log in pages, each from behind the last position of the one before. */
export async function* readPages(pool: Pool, pageEvents: number): AsyncGenerator<readonly unknown[]> {
  for (let after = '0'; ; ) {
    const { rows } = await pool.query({ name: 'page', text: selectPage, values: [after, pageEvents] })
    yield rows
    if (rows.length < pageEvents) return
    after = rows.at(-1).position
  }
}

/** All events of one stream. */
export async function readPlainStream(pool: Pool, streamId: string): Promise<readonly { readonly data: string }[]> {
  const { rows } = await pool.query({ name: 'stream', text: selectStream, values: [streamId] })
  return rows
}
