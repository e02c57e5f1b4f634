import type { Server, Socket } from 'node:net'
import type { Logger } from 'pino'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from 'varve'

/** Connections that are turned away come in hundreds: they are told of once in so many milliseconds. */
const tellEveryMs = 10_000

/** What a bound on connections is made of. */
export interface BoundParts {
  readonly connectionsMax: number
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Lets a server have so many connections and no more. Whoever is turned away hears nothing but a closed connection, so the log
 * and the numbers say it.
 */
export function boundConnections(server: Server, { connectionsMax, registry, clock, logger }: BoundParts): void {
  const registers = [registry]
  const open = new Gauge({ name: 'varve_connections', help: 'Connections open now.', registers })
  const help = 'Connections turned away because there were as many as allowed.'
  const refused = new Counter({ name: 'varve_connections_refused_total', help, registers })
  let toldAt = Number.NEGATIVE_INFINITY
  let untold = 0
  server.maxConnections = connectionsMax
  server.on('connection', (socket: Socket) => {
    open.inc()
    socket.once('close', () => open.dec())
  })
  server.on('drop', () => {
    refused.inc()
    untold += 1
    const now = clock.now()
    if (now - toldAt < tellEveryMs) return
    const advice = `connections were turned away: there are ${connectionsMax} already, and VARVE_CONNECTIONS_MAX allows no more`
    logger.warn({ connections: untold }, advice)
    toldAt = now
    untold = 0
  })
}
