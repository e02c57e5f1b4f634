import type { EventStore, NewEventOf, StreamWrite } from 'varve'
import type { flightEvents } from './airports.ts'
import type { Flight } from './flights.ts'

/** What a load did. */
export interface Loaded {
  /** Flights that this load sent; 0 when an earlier one had finished. */
  readonly flights: number
  readonly events: number
  readonly seconds: number
}

/** Options of {@link loadFlights}. */
export interface LoadOptions {
  readonly signal?: AbortSignal
  /** Told after each round. */
  readonly onProgress?: (loaded: number, total: number) => void
}

/** How far the load has come is kept in the store under this name: the load reads a file as others read a log. */
export const loadCheckpoint = 'flights-20k loaded'

/**
 * Flights sent without waiting for each other; each is an append of its own, and group commit makes few transactions of
 * them. More at once would be no faster, and more would be sent again after an interruption.
 */
const flightsPerRound = 2_000

/**
 * Puts the flights into the store, each exactly once, however often it is called and wherever it was interrupted.
 * The checkpoint makes the second call quick, and the idempotency keys make it right: what was sent since the last
 * checkpoint is sent again and recognised.
 */
export async function loadFlights(
  store: EventStore,
  flights: readonly Flight[],
  options: LoadOptions = {},
): Promise<Loaded> {
  const startedAt = performance.now()
  const first = (await store.checkpoints.load(loadCheckpoint))?.position ?? 0
  for (let done = first; done < flights.length; done += flightsPerRound) {
    options.signal?.throwIfAborted()
    const round = flights.slice(done, done + flightsPerRound)
    await Promise.all(round.map((flight) => store.appendAll(writesOf(flight), { idempotencyKey: flight.flight })))
    await store.checkpoints.save(loadCheckpoint, done + round.length)
    options.onProgress?.(done + round.length, flights.length)
  }
  const loaded = Math.max(0, flights.length - first)
  return { flights: loaded, events: loaded * 2, seconds: (performance.now() - startedAt) / 1000 }
}

/**
 * A stream is what happens at one airport: that is what is asked about, and what a rule such as "so many departures an
 * hour" is about. A flight touches two airports, so its row is one append to two streams, stored whole or not at all;
 * the tags find both ends again.
 */
function writesOf({ flight, origin, destination, ...row }: Flight): readonly StreamWrite[] {
  const about = { tags: [`flight:${flight}`, `route:${origin}-${destination}`], timestamp: row.departedAt }
  const departed: FlightEvent = {
    type: 'FlightDeparted',
    data: { flight, origin, destination, distance_miles: row.distanceMiles },
    ...about,
  }
  const arrived: FlightEvent = {
    type: 'FlightArrived',
    data: { flight, origin, destination, delay_minutes: row.delayMinutes },
    ...about,
  }
  return [
    { streamId: `Airport-${origin}`, events: [departed] },
    { streamId: `Airport-${destination}`, events: [arrived] },
  ]
}

type FlightEvent = NewEventOf<typeof flightEvents>
