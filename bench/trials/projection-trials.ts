import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventStore } from '../../store/src/event-store.ts'
import type { RecordedEvent } from '../../store/src/model/event.ts'
import { project } from '../../store/src/projections/project.ts'
import { defineProjection, type Projection } from '../../store/src/projections/projection.ts'
import { runProjections } from '../../store/src/projections/run-projections.ts'
import { type SqliteDatabase, sqliteTarget } from '../../store/src/projections/targets/sqlite/index.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'
import { openBenchStore } from '../engines.ts'
import { type Measured, processCosts } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { latencies, rates } from '../load/appenders.ts'
import { newEvent, oneCategory, typeOf } from '../load/events.ts'
import { fillStore, shortStreams } from '../load/fill.ts'

/** How much of everything; each trial uses what concerns it. */
export interface ProjectionSettings {
  readonly engine: string
  /** Events in the store that is caught up with. */
  readonly events: number
  readonly partitions: number
  /** Appends whose way into the read model is timed. */
  readonly samples: number
  /** How long an idle process is watched. */
  readonly idleMs: number
}

/** Events of one page and one transaction of the loop that is written by hand; those of a projection are as many. */
const batchEvents = 500

const schema = 'create table totals (stream text primary key, events integer not null, cents integer not null) strict'
const upsert = `insert into totals (stream, events, cents) values (?, 1, ?)
  on conflict (stream) do update set events = events + 1, cents = cents + excluded.cents`

interface Order {
  readonly total_cents: number
}

/** Every event counts in the row of its stream, as in the loop that is written by hand. */
const definitions = defineEvents(
  Object.fromEntries(
    ['Order', 'Payment', 'Shipment', 'Invoice', 'Customer', 'Product', 'Basket', 'Refund', 'Stock', 'Review'].flatMap(
      (category) => Array.from({ length: 5 }, (_, verb) => [typeOf(`${category}-1`, verb), event<Order>()]),
    ),
  ),
)

function totalsIn(folder: string, partitions: number): Projection<SqliteDatabase> {
  const target = sqliteTarget({ path: join(folder, 'read-model.db') })
  const count = (db: SqliteDatabase, { streamId, data }: RecordedEvent): unknown =>
    db.prepare(upsert).run(streamId, (data as Order).total_cents)
  return defineProjection({
    ...{ name: 'totals', partitions, events: definitions, target },
    empty: (db) => db.exec(`drop table if exists totals; ${schema}`),
    on: Object.fromEntries(Object.keys(definitions).map((type) => [type, count])),
  })
}

/** What anybody would write: pages of the log, and an upsert per event in one transaction per page. */
const loop: Trial<ProjectionSettings> = async (settings, folder) => {
  await using store = await filled(settings, folder)
  const db = new DatabaseSync(join(folder, 'read-model.db'))
  db.exec(`pragma journal_mode = wal; pragma synchronous = normal; ${schema}; create table place (position integer)`)
  db.exec('insert into place values (0)')
  const [add, move] = [db.prepare(upsert), db.prepare('update place set position = ?')]
  return await timed(settings, async () => {
    for (let from = 1; ; ) {
      const page = await store.readAll({ from, limit: batchEvents }).toArray()
      const last = page.at(-1)
      if (last === undefined) break
      db.exec('begin immediate')
      for (const { streamId, data } of page) add.run(streamId, (data as Order).total_cents)
      move.run(last.position)
      db.exec('commit')
      from = last.position + 1
    }
    db.close()
  })
}

const single: Trial<ProjectionSettings> = async (settings, folder) => {
  await using store = await filled(settings, folder)
  const totals = totalsIn(folder, 1)
  return await timed(settings, async () => {
    const running = project(store, totals)
    await running.waitFor(settings.events)
    await running.stop()
  })
}

const fleet: Trial<ProjectionSettings> = async (settings, folder) => {
  await using store = await filled(settings, folder)
  const totals = totalsIn(folder, settings.partitions)
  return await timed(settings, async () => {
    const running = runProjections(store, [totals])
    await running.waitFor('totals', settings.events, { timeoutMs: 600_000 })
    await running.stop()
  })
}

/** From the append to the read model of a reader that waits for it. */
const live: Trial<ProjectionSettings> = async ({ engine, samples }, folder) => {
  await using store = openBenchStore(engine, folder)
  await using running = runProjections(store, [totalsIn(folder, 1)])
  await running.waitFor('totals', (await store.append('Order-0', [newEvent('Order-0', 0, 0)])).position)
  await sleep(2_000)
  const samplesMs: number[] = []
  for (let nth = 0; nth < samples; nth++) {
    await sleep(10)
    const startedAt = performance.now()
    const { position } = await store.append(`${oneCategory}-1`, [newEvent(`${oneCategory}-1`, nth, nth)])
    await running.waitFor('totals', position)
    samplesMs.push(performance.now() - startedAt)
  }
  return latencies(samplesMs)
}

const idle: Trial<ProjectionSettings> = async (settings, folder) => {
  await using store = await filled(settings, folder)
  await using running = runProjections(store, [totalsIn(folder, settings.partitions)])
  await running.waitFor('totals', settings.events, { timeoutMs: 600_000 })
  await sleep(5_000)
  const costs = processCosts()
  await sleep(settings.idleMs)
  const { cpuUs } = costs()
  return { percentOfCore: (cpuUs / 1000 / settings.idleMs) * 100 }
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<ProjectionSettings>>> = { loop, single, fleet, live, idle }

async function filled({ engine, events }: ProjectionSettings, folder: string): Promise<EventStore> {
  const store = openBenchStore(engine, folder)
  await fillStore(store, shortStreams(events))
  return store
}

async function timed({ events }: ProjectionSettings, work: () => Promise<void>): Promise<Measured> {
  const costs = processCosts()
  const startedAt = performance.now()
  await work()
  const { eventsPerSecond, cpuUsPerEvent } = rates(events, (performance.now() - startedAt) / 1000, costs())
  return { eventsPerSecond: eventsPerSecond ?? Number.NaN, cpuUsPerEvent: cpuUsPerEvent ?? Number.NaN }
}
