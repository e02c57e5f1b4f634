import { defineEvents, defineProjection, event, memoryTarget, type Projection, type Target } from 'varve'
import { type SqliteDatabase, sqliteTarget } from 'varve/targets/sqlite'

/** What the flights are told as; the load appends exactly these. */
export const flightEvents = defineEvents({
  FlightDeparted: event<{ flight: string; origin: string; destination: string; distance_miles: number }>(),
  /** The delay is negative when the flight was early. */
  FlightArrived: event<{ flight: string; origin: string; destination: string; delay_minutes: number }>(),
})

/** One airport as the read model knows it. */
export interface Airport {
  readonly code: string
  readonly departures: number
  readonly arrivals: number
  /** Mean delay of arrivals; null where nothing has arrived. */
  readonly meanDelayMinutes: number | null
}

/** One route as the read model knows it. */
export interface Route {
  readonly origin: string
  readonly destination: string
  readonly flights: number
}

// Sums are kept, not means: a sum of whole minutes is exact, and a mean is a division when somebody asks.
const createTables = `
  drop table if exists airports;
  drop table if exists routes;
  create table airports (
    code          text primary key,
    departures    integer not null default 0,
    arrivals      integer not null default 0,
    delay_minutes integer not null default 0
  ) strict, without rowid;
  create table routes (
    origin      text not null,
    destination text not null,
    flights     integer not null,
    primary key (origin, destination)
  ) strict, without rowid`

const countDeparture = `insert into airports (code, departures) values (?, 1)
  on conflict (code) do update set departures = departures + 1`

const countRoute = `insert into routes (origin, destination, flights) values (?, ?, 1)
  on conflict (origin, destination) do update set flights = flights + 1`

const countArrival = `insert into airports (code, arrivals, delay_minutes) values (?, 1, ?)
  on conflict (code) do update set arrivals = arrivals + 1, delay_minutes = delay_minutes + excluded.delay_minutes`

/** A read model that answers questions, and the projection that keeps it up to date. */
export interface AirportsReadModel {
  readonly target: Target<SqliteDatabase>
  readonly projection: Projection<SqliteDatabase>
  /** Undefined where no flight was seen. */
  airport(code: string): Airport | undefined
  /** All, in order of their codes. */
  airports(): readonly Airport[]
  busiestRoutes(limit: number): readonly Route[]
  /** Among airports with at least a hundred arrivals, so that one bad flight makes no headline. */
  worstDelays(limit: number): readonly Airport[]
}

const selectAirports = `
  select code, departures, arrivals, cast(delay_minutes as real) / nullif(arrivals, 0) as meanDelayMinutes
  from airports`

/** The read model of all airports in a SQLite file. */
export function airportsIn(path: string): AirportsReadModel {
  const target = sqliteTarget({ path })
  const projection = defineProjection({
    name: 'airports',
    events: flightEvents,
    filter: { categories: ['Airport'] },
    target,
    empty: (db) => db.exec(createTables),
    on: {
      FlightDeparted: (db, { data }) => {
        db.prepare(countDeparture).run(data.origin)
        db.prepare(countRoute).run(data.origin, data.destination)
      },
      FlightArrived: (db, { data }) => db.prepare(countArrival).run(data.destination, data.delay_minutes),
    },
  })
  const select = (sql: string, ...parameters: readonly (number | string)[]): unknown[] =>
    target.readModel.prepare(sql).all(...parameters)
  return {
    target,
    projection,
    airport: (code) => select(`${selectAirports} where code = ?`, code)[0] as Airport | undefined,
    airports: () => select(`${selectAirports} order by code`) as Airport[],
    busiestRoutes: (limit) =>
      select('select * from routes order by flights desc, origin, destination limit ?', limit) as Route[],
    worstDelays: (limit) =>
      select(
        `${selectAirports} where arrivals >= 100 order by meanDelayMinutes desc, code limit ?`,
        limit,
      ) as Airport[],
  }
}

/** The same totals in memory, as a test or a small service keeps them: by airport, built anew at every start. */
export type AirportTotals = Map<string, { departures: number; arrivals: number; delayMinutes: number }>

/** The projection that keeps {@link AirportTotals}. */
export function airportsInMemory(): Projection<AirportTotals> {
  const totalsOf = (airports: AirportTotals, code: string) => {
    const totals = airports.get(code) ?? { departures: 0, arrivals: 0, delayMinutes: 0 }
    airports.set(code, totals)
    return totals
  }
  return defineProjection({
    name: 'airports in memory',
    events: flightEvents,
    filter: { categories: ['Airport'] },
    target: memoryTarget((): AirportTotals => new Map()),
    on: {
      FlightDeparted: (airports, { data }) => {
        totalsOf(airports, data.origin).departures++
      },
      FlightArrived: (airports, { data }) => {
        const totals = totalsOf(airports, data.destination)
        totals.arrivals++
        totals.delayMinutes += data.delay_minutes
      },
    },
  })
}
