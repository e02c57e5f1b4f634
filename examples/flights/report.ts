import type { AirportsReadModel } from './airports.ts'
import type { Loaded } from './load.ts'

/** One line that counts up, where somebody watches it. */
export function showProgress(loaded: number, total: number): void {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\rLoading: ${count(loaded)} of ${count(total)} flights`)
  if (loaded === total) process.stderr.write('\n')
}

/** What the load did. */
export function reportLoad({ flights, events, seconds }: Loaded): void {
  if (events === 0) {
    console.log('The flights are loaded already.')
    return
  }
  const rate = count(Math.round(events / seconds))
  console.log(
    `Loaded ${count(flights)} flights as ${count(events)} events in ${seconds.toFixed(1)} s: ` +
      `${rate} events a second, each on disk before it was acknowledged.`,
  )
}

/** Where to look, in lines that can be copied. */
export function announce(url: string, store: string): void {
  console.log(`
Varve serves ${store} at ${url}

  an airport    curl '${url}/streams/Airport-SFO/events?limit=3'
  a route       curl '${url}/events?tags=route:LAX-SFO&limit=3'
  the streams   curl '${url}/streams?prefix=Airport-&limit=5'
  live          npx varve tail --store ${url}
  live, as SSE  curl -N '${url}/subscribe?from=end'
  append        curl -X POST ${url}/streams/Airport-SFO/events \\
                  -H 'content-type: application/json' -H 'idempotency-key: try-1' \\
                  -d '{"events":[{"event_type":"FlightDeparted","data":{"flight":"X1","origin":"SFO","destination":"JFK","distance_miles":2586}}]}'
  metrics       ${url}/metrics
  OpenAPI       ${url}/openapi.json
`)
}

/** What the read model knows. */
export function reportReadModel(readModel: AirportsReadModel): void {
  console.log('Busiest routes')
  for (const { origin, destination, flights } of readModel.busiestRoutes(5)) {
    console.log(`  ${origin} to ${destination}  ${String(flights).padStart(4)} flights`)
  }
  console.log('\nLongest mean delays on arrival (airports with 100 arrivals or more)')
  for (const { code, arrivals, meanDelayMinutes } of readModel.worstDelays(5)) {
    console.log(`  ${code}  ${(meanDelayMinutes ?? 0).toFixed(1).padStart(6)} minutes, ${count(arrivals)} arrivals`)
  }
  console.log()
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
