import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { type EventStore, memory, openStore } from 'varve'
import { describe, it } from 'vitest'
import { readFlights, readRows } from './flights.ts'
import { loadCheckpoint, loadFlights } from './load.ts'

const flights = readFlights()
/** Enough for four rounds. */
const some = flights.slice(0, 7_000)

function emptyStore(): EventStore {
  return openStore({ engine: memory() })
}

/** What the log says, flight by flight; the ids differ where an event was stored twice. */
async function everything(store: EventStore): Promise<readonly (readonly unknown[])[]> {
  const events = await store.readAll().toArray()
  return events.map((event) => [event.id, event.streamId, event.type, event.version, event.data])
}

describe('loading the flights', () => {
  it('stores a departure and an arrival for each row, with the time and the places of the row', async () => {
    await using store = emptyStore()
    await loadFlights(store, flights)
    const [row] = readRows()
    const [departed, arrived] = await store.readAll({ filter: { tags: ['flight:F00001'] } }).toArray()
    equal(await store.head(), 40_000)
    deepEqual(row, { date: '2001/01/01 00:47', delay: 66, distance: 1750, origin: 'DTW', destination: 'LAS' })
    deepEqual([departed?.streamId, departed?.type], ['Airport-DTW', 'FlightDeparted'])
    deepEqual([arrived?.streamId, arrived?.type], ['Airport-LAS', 'FlightArrived'])
    deepEqual(departed?.data, { flight: 'F00001', origin: 'DTW', destination: 'LAS', distance_miles: 1750 })
    deepEqual(arrived?.data, { flight: 'F00001', origin: 'DTW', destination: 'LAS', delay_minutes: 66 })
    deepEqual(arrived?.tags, ['flight:F00001', 'route:DTW-LAS'])
    equal(arrived?.metadata.timestamp, '2001-01-01T00:47:00.000Z')
  })

  it('keeps the flights of an airport in the order of the file', async () => {
    await using store = emptyStore()
    await loadFlights(store, flights)
    const departures = await store.readAll({ filter: { types: ['FlightDeparted'] } }).toArray()
    deepEqual(
      departures.map((event) => (event.data as { flight: string }).flight),
      flights.map(({ flight }) => flight),
    )
  })

  it('adds nothing the second time', async () => {
    await using store = emptyStore()
    await loadFlights(store, some)
    const second = await loadFlights(store, some)
    equal(second.flights, 0)
    equal(await store.head(), 14_000)
  })

  it('is completed by the next load when it was interrupted, wherever that was', async () => {
    await using whole = emptyStore()
    await using broken = emptyStore()
    await loadFlights(whole, some)
    const stop = new AbortController()
    const load = loadFlights(broken, some, {
      signal: stop.signal,
      onProgress: (loaded) => loaded >= 4_000 && stop.abort(new Error('pulled the plug')),
    })
    await rejects(load, /pulled the plug/)
    const after = await broken.head()
    ok(after < 14_000)
    // As if the plug had been pulled inside a round: its events are there, and its checkpoint is not.
    await broken.checkpoints.save(loadCheckpoint, 2_000)
    const rest = await loadFlights(broken, some)
    equal(rest.flights, 5_000)
    deepEqual(await everything(broken), await everything(whole))
  })

  it('adds nothing when two loads run at once', async () => {
    await using store = emptyStore()
    await Promise.all([loadFlights(store, some), loadFlights(store, some)])
    equal(await store.head(), 14_000)
  })
})
