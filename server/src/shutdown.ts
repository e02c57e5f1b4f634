import type { FastifyInstance } from 'fastify'
import type { Clock, EventStore } from 'varve'
import type { GrpcServer } from './kurrent/grpc/grpc-server.ts'
import type { Supervisor } from './kurrent/projections/supervisor.ts'

/** What a shutdown closes, in this order. */
export interface ShutdownParts {
  readonly app: FastifyInstance
  readonly grpc: GrpcServer
  readonly projections: Supervisor
  readonly store: EventStore
  readonly clock: Clock
  /** Tells everybody: new requests are refused, subscriptions end. */
  readonly closing: AbortController
  readonly timeoutMs: number
}

/**
 * Refuses what is new, ends subscriptions, answers what is under way, closes the store. Requests that take longer than
 * `timeoutMs` are cut off; their appends may be committed, and repeating them with the same ids is safe.
 */
export async function shutDown({
  app,
  grpc,
  projections,
  store,
  clock,
  closing,
  timeoutMs,
}: ShutdownParts): Promise<void> {
  closing.abort(new Error('The server shuts down.'))
  const drained = new AbortController()
  grpc.close()
  const closed = app.close().finally(() => drained.abort())
  void clock.sleep(timeoutMs, drained.signal).then(() => {
    if (drained.signal.aborted) return
    app.server.closeAllConnections()
    grpc.destroy()
  })
  await closed
  await projections.close()
  await store.close()
}
