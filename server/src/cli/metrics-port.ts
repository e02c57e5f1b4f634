import { once } from 'node:events'
import { createServer } from 'node:http'
import { Registry } from 'prom-client'
import { type EventStore, systemClock } from 'varve'
import { createProjectionLooks } from '../projection-looks.ts'
import { createProjectionMetrics } from '../projection-metrics.ts'

/** Where a worker shows numbers. */
export interface MetricsPlace {
  readonly port: number
  readonly host: string
}

/** `GET /metrics` with the numbers of one projection, in Prometheus' form, for workers of stores that no server serves. */
export async function serveMetrics(
  store: EventStore,
  projection: string,
  { port, host }: MetricsPlace,
): Promise<AsyncDisposable & { readonly url: string }> {
  const registry = new Registry()
  const metrics = createProjectionMetrics(registry)
  const looks = createProjectionLooks(store, systemClock)
  const server = createServer(async ({ method, url }, response) => {
    if (method !== 'GET' || url !== '/metrics') return response.writeHead(404).end()
    const statuses = await looks.statuses().catch(() => undefined)
    metrics.show(statuses?.filter(({ name }) => name === projection))
    const text = await registry.metrics()
    return response.writeHead(200, { 'content-type': registry.contentType }).end(text)
  })
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://${host}:${bound}/metrics`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
