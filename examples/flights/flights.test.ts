import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EventStore, execute, given, memory, openStore, project, rebuild } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Airport, type AirportsReadModel, airportsIn, airportsInMemory, flightEvents } from './airports.ts'
import { type Row, readFlights, readRows } from './flights.ts'
import { loadFlights } from './load.ts'
import { HourIsFull, slotDecider, slotsStream } from './slots.ts'

const rows = readRows()
const flights = readFlights()

/** Counted straight from the file, by code that shares nothing with the projections. */
function countedIn(file: readonly Row[]): readonly (Omit<Airport, 'meanDelayMinutes'> & { delayMinutes: number })[] {
  const codes = [...new Set(file.flatMap((row) => [row.origin, row.destination]))].sort()
  return codes.map((code) => {
    const delays = file.filter((row) => row.destination === code).map((row) => row.delay)
    const delayMinutes = delays.reduce((total, delay) => total + delay, 0)
    const departures = file.filter((row) => row.origin === code).length
    return { code, departures, arrivals: delays.length, delayMinutes }
  })
}

function tally(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

describe('the flights of early 2001', () => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-flights-'))
  let store: EventStore
  let readModel: AirportsReadModel

  beforeAll(async () => {
    store = openStore({ engine: sqlite({ path: join(folder, 'flights.db') }) })
    readModel = airportsIn(join(folder, 'read-model.db'))
    const running = project(store, readModel.projection)
    await loadFlights(store, flights)
    await running.waitFor(await store.head())
    await running.stop()
  }, 120_000)
  afterAll(async () => {
    await readModel.target.close()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('are two events each, in the streams of 224 airports', async () => {
    const streams = await store.streams({ prefix: 'Airport-' }).toArray()
    const versions = streams.reduce((sum, { version }) => sum + version, 0)
    deepEqual([rows.length, await store.head(), streams.length, versions], [20_000, 40_000, 224, 40_000])
  })

  it('give every airport the departures, arrivals and mean delay that the file gives it', () => {
    const expected = countedIn(rows).map(({ delayMinutes, ...airport }) => ({
      ...airport,
      meanDelayMinutes: airport.arrivals > 0 ? delayMinutes / airport.arrivals : null,
    }))
    equal(expected.length, 224)
    deepEqual(
      readModel.airports().map((airport) => ({ ...airport })),
      expected,
    )
  })

  it('give every route the flights that the file gives it', () => {
    const routes = readModel.busiestRoutes(100_000)
    const counted = tally(rows.map(({ origin, destination }) => `${origin}-${destination}`))
    equal(counted.size, 2_977)
    deepEqual(new Map(routes.map((route) => [`${route.origin}-${route.destination}`, route.flights])), counted)
    equal(routes[0]?.flights, Math.max(...counted.values()))
  })

  it('give the same totals to a read model in memory', async () => {
    const projection = airportsInMemory()
    await rebuild(store, projection)
    const expected = countedIn(rows).map(({ code, ...totals }) => [code, totals] as const)
    deepEqual(projection.target.readModel, new Map(expected))
  })

  it('are followed by a departure that comes later', async () => {
    const projection = airportsInMemory()
    await using running = project(store, projection)
    const data = { flight: 'X00001', origin: 'SFO', destination: 'JFK', distance_miles: 2586 }
    const airport = store.category('Airport', flightEvents).stream('SFO')
    const { position } = await airport.append([{ type: 'FlightDeparted', data }])
    await running.waitFor(position)
    const counted = countedIn(rows).find(({ code }) => code === 'SFO')?.departures ?? 0
    equal(projection.target.readModel.get('SFO')?.departures, counted + 1)
  })
})

describe('the slots of an hour', () => {
  const perHour = 3
  const decider = slotDecider(perHour)
  const granted = ['F1', 'F2', 'F3'].map((flight) => ({ type: 'SlotGranted', data: { flight } }) as const)

  it('are refused once all are granted, and free again when one is returned', () => {
    const returned = { type: 'SlotReturned', data: { flight: 'F2' } } as const
    given(decider, granted).when({ kind: 'request', flight: 'F4' }).thenThrows(HourIsFull)
    given(decider, [...granted, returned])
      .when({ kind: 'request', flight: 'F4' })
      .thenEvents([{ type: 'SlotGranted', data: { flight: 'F4' } }])
  })

  it('are held once by a flight that requests twice, and returned only by a flight that holds one', () => {
    given(decider, granted).when({ kind: 'request', flight: 'F1' }).thenEvents([])
    given(decider, granted).when({ kind: 'return', flight: 'F9' }).thenEvents([])
  })

  it('are refused to exactly as many of the 20,000 flights as the file has too many in an hour', async () => {
    await using store = openStore({ engine: memory() })
    let refused = 0
    // A thousand ask at once, so those of one hour race for it.
    for (let first = 0; first < flights.length; first += 1_000) {
      const asking = flights.slice(first, first + 1_000).map(({ flight, origin, departedAt }) => {
        const command = { kind: 'request', flight } as const
        return execute(store, { decider, streamId: slotsStream(origin, departedAt), command })
      })
      const results = await Promise.allSettled(asking)
      refused += results.filter((result) => result.status === 'rejected' && result.reason instanceof HourIsFull).length
    }
    const hours = tally(rows.map(({ origin, date }) => `${origin} ${date.slice(0, 13)}`))
    const tooMany = [...hours.values()].reduce((sum, asking) => sum + Math.max(0, asking - perHour), 0)
    deepEqual([refused, await store.head()], [tooMany, rows.length - tooMany])
    const streams = await store.streams().toArray()
    deepEqual([streams.length, Math.max(...streams.map(({ version }) => version))], [hours.size, perHour])
  })
})
