/**
 * A new version of a read model is built beside the old one while flights are being imported, and readers change over to it
 * when it has caught up: `node examples/flights/blue-green.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import {
  defineProjection,
  type EventStore,
  listProjections,
  openStore,
  type Projection,
  runProjections,
  type Target,
} from 'varve'
import { sqlite } from 'varve/sqlite'
import { type SqliteDatabase, sqliteTarget } from 'varve/targets/sqlite'
import { flightEvents } from './airports.ts'
import { type Flight, readFlights } from './flights.ts'
import { loadFlights } from './load.ts'

type Arrivals = Projection<SqliteDatabase>

/** The first release counts arrivals by airport. */
function firstRelease(target: Target<SqliteDatabase>): Arrivals {
  const count = `insert into arrivals (airport, flights) values (?, 1)
    on conflict (airport) do update set flights = flights + 1`
  return defineProjection({
    ...{ name: 'arrivals', version: 1, events: flightEvents, target },
    empty: (db) => db.exec('create table arrivals (airport text primary key, flights integer not null) strict'),
    on: { FlightArrived: (db, { data }) => db.prepare(count).run(data.destination) },
  })
}

/** The second one also counts those that were late. It says nothing of how to get there from the first: it is built anew. */
function secondRelease(target: Target<SqliteDatabase>): Arrivals {
  const count = `insert into arrivals (airport, flights, late) values (?, 1, ?)
    on conflict (airport) do update set flights = flights + 1, late = late + excluded.late`
  return defineProjection({
    ...{ name: 'arrivals', version: 2, events: flightEvents, target },
    empty: (db) =>
      db.exec(`create table arrivals
        (airport text primary key, flights integer not null, late integer not null) strict`),
    on: {
      FlightArrived: (db, { data }) =>
        db.prepare(count).run(data.destination, data.delay_minutes > lateMinutes ? 1 : 0),
    },
  })
}

/** A flight that is later than this is late. */
export const lateMinutes = 15

/** What readers saw at the end, and how it came about. */
export interface Rollout {
  /** Generations that readers saw, in their order. */
  readonly seen: readonly number[]
  /** Arrivals that the second release counted. */
  readonly flights: number
  readonly late: number
}

/** Rolls out the second release in the middle of the import. */
export async function rollOut(
  store: EventStore,
  target: Target<SqliteDatabase>,
  flights: readonly Flight[],
  tell: (line: string) => void,
): Promise<Rollout> {
  const seen: number[] = []
  const look = async (): Promise<void> => {
    const [status] = await listProjections(store)
    if (status?.published === undefined) return
    if (seen.at(-1) !== status.published) seen.push(status.published)
    const building = status.generations.find(({ role }) => role === 'building')
    const beside = building?.progress
      ? `, generation ${building.generation} is built: ${percent(building.progress.done)}`
      : ''
    tell(`readers see generation ${status.published} at position ${status.position}${beside}`)
  }
  await using old = runProjections(store, [firstRelease(target)], { leaseMs: 1_000 })
  const half = Math.floor(flights.length / 2)
  await loadFlights(store, flights.slice(0, half))
  await old.waitFor('arrivals', await store.head())
  await look()

  // The new release starts while the old one runs and the import goes on.
  await using fresh = runProjections(store, [secondRelease(target)], { leaseMs: 1_000 })
  const importing = loadFlights(store, flights)
  while (seen.at(-1) !== 2) {
    await sleep(50)
    await look()
  }
  await importing
  await fresh.waitFor('arrivals', await store.head())
  const { flights: counted, late } = target.readModel
    .prepare('select sum(flights) as flights, sum(late) as late from arrivals')
    .get() as { flights: number; late: number }
  return { seen, flights: counted, late }
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = mkdtempSync(join(tmpdir(), 'varve-blue-green-'))
  {
    await using store = openStore({ engine: sqlite({ path: join(folder, 'flights.db') }) })
    await using target = sqliteTarget({ path: join(folder, 'read-model.db') })
    const { flights, late } = await rollOut(store, target, readFlights(), (line) => console.log(line))
    console.log(`${flights} arrivals, ${late} of them more than ${lateMinutes} minutes late`)
  }
  rmSync(folder, { recursive: true })
}
