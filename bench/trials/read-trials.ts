import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import type { EventStore } from '../../store/src/event-store.ts'
import { openBenchStore } from '../engines.ts'
import { type Measured, processCosts } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { latencies, rates } from '../load/appenders.ts'
import { oneCategory, oneType } from '../load/events.ts'
import { fillStore, longStream, longStreams, slicesOf } from '../load/fill.ts'
import { createDatabase, insertEvent, insertInto } from '../raw/database.ts'

/** What is read, where from, and for how long. */
export interface ReadSettings {
  readonly engine: string
  /** The folder that {@link fillForReads} filled. */
  readonly source: string
  readonly reading: Reading
  readonly warmUpMs: number
  readonly windowMs: number
  /** Events in the store: an engine that keeps nothing on disk fills itself first. */
  readonly events: number
}

/** The reads that are measured. `parsed` touches the payload of every event, the others do not. */
export type Reading = 'all' | 'all parsed' | 'stream of 100' | 'stream of 1,000' | 'by type' | 'by category'

/** Fills the raw database, or the store of an engine, that the trials then read. */
export async function fillForReads(name: string, source: string, events: number): Promise<void> {
  if (name === 'raw') return fillDatabase(source, events)
  await using store = openBenchStore(name, source)
  await fillStore(store, slicesOf(events))
}

const varve: Trial<ReadSettings> = async (settings) => {
  const { engine, source, reading, events } = settings
  await using store = openBenchStore(engine, source)
  if ((await store.head()) === 0) await fillStore(store, slicesOf(events))
  return await repeat(settings, storeReads(store)[reading])
}

const raw: Trial<ReadSettings> = async (settings) => {
  const db = new DatabaseSync(join(settings.source, 'raw.db'))
  const measured = await repeat(settings, databaseReads(db)[settings.reading])
  db.close()
  return measured
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<ReadSettings>>> = { varve, raw }

/** Reads once and tells how many events came. */
type ReadOnce = (nth: number) => Promise<number>

function storeReads(store: EventStore): Readonly<Record<Reading, ReadOnce>> {
  return {
    all: () => count(store.readAll()),
    'all parsed': () => countParsed(store.readAll()),
    'stream of 100': (nth) => count(store.readStream(longStream(100, nth % longStreams.ofHundred))),
    'stream of 1,000': (nth) => count(store.readStream(longStream(1_000, nth % longStreams.ofThousand))),
    'by type': () => count(store.readAll({ filter: { types: [oneType] } })),
    'by category': () => count(store.readAll({ filter: { categories: [oneCategory] } })),
  }
}

function databaseReads(db: DatabaseSync): Readonly<Record<Reading, ReadOnce>> {
  const all = db.prepare('select * from events order by position')
  const stream = db.prepare('select * from events where stream = ? order by version')
  const type = db.prepare('select * from events where type = ? order by position')
  const category = db.prepare(`select * from events where ${categoryOfStream} = ? order by position`)
  return {
    all: async () => countRows(all.iterate()),
    'all parsed': async () => countRows(all.iterate(), (row) => JSON.parse(row.data as string)),
    'stream of 100': async (nth) => stream.all(longStream(100, nth % longStreams.ofHundred)).length,
    'stream of 1,000': async (nth) => stream.all(longStream(1_000, nth % longStreams.ofThousand)).length,
    'by type': async () => countRows(type.iterate(oneType)),
    'by category': async () => countRows(category.iterate(oneCategory)),
  }
}

const categoryOfStream = "substr(stream, 1, instr(stream, '-') - 1)"

function fillDatabase(source: string, events: number): void {
  const db = createDatabase(join(source, 'raw.db'))
  const insert = insertInto(db)
  let nth = 0
  for (const slice of slicesOf(events)) {
    db.exec('begin immediate')
    for (const { streamId, firstVersion, events: length } of slice) {
      for (let place = 0; place < length; place++) insertEvent(insert, streamId, firstVersion + place, nth++)
    }
    db.exec('commit')
  }
  db.exec(`create index events_type on events (type); create index events_category on events (${categoryOfStream})`)
  db.close()
}

async function count(events: AsyncIterable<unknown>): Promise<number> {
  let seen = 0
  for await (const _ of events) seen++
  return seen
}

async function countParsed(events: AsyncIterable<{ readonly data: unknown }>): Promise<number> {
  let seen = 0
  for await (const event of events) if (event.data !== null) seen++
  return seen
}

function countRows(rows: Iterable<Record<string, unknown>>, touch?: (row: Record<string, unknown>) => unknown): number {
  let seen = 0
  for (const row of rows) if (touch?.(row) !== null) seen++
  return seen
}

async function repeat({ reading, warmUpMs, windowMs }: ReadSettings, once: ReadOnce): Promise<Measured> {
  let nth = 0
  for (const warmUpEnd = performance.now() + warmUpMs; performance.now() < warmUpEnd; ) await once(nth++)
  const samplesMs: number[] = []
  let events = 0
  const costs = processCosts()
  const startedAt = performance.now()
  let now = startedAt
  while (now - startedAt < windowMs) {
    events += await once(nth++)
    const endedAt = performance.now()
    samplesMs.push(endedAt - now)
    now = endedAt
  }
  if (events === 0) throw new Error(`${reading} found no event, so nothing was measured`)
  const { eventsPerSecond, cpuUsPerEvent } = rates(events, (now - startedAt) / 1000, costs())
  const perEvent = { eventsPerSecond: eventsPerSecond ?? Number.NaN, cpuUsPerEvent: cpuUsPerEvent ?? Number.NaN }
  return reading.startsWith('stream') ? { ...perEvent, ...latencies(samplesMs) } : perEvent
}
