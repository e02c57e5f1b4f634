import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { type Logger, type LoggerOptions, pino, type TransportSingleOptions } from 'pino'
import { type Clock, type Engine, EngineFailed, type EventStore, openStore, systemClock } from 'varve'
import { isLoopback, type ServerConfig } from './config.ts'
import { createApp } from './http/app.ts'
import { failureOf } from './kurrent/failure.ts'
import { createGrpcServer, type EndedCall, type GrpcServer } from './kurrent/grpc/grpc-server.ts'
import { Supervisor } from './kurrent/projections/supervisor.ts'
import { kurrentMethods } from './kurrent/service.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { shareThePort } from './one-port.ts'
import { openEngine } from './open-engine.ts'
import { shutDown } from './shutdown.ts'

export {
  type Environment,
  type LogFormat,
  type LogLevel,
  type ServerConfig,
  type ServerFlags,
  serverConfig,
} from './config.ts'

/** The largest message of gRPC: twice the largest append, so that one that is too large is told so in its own words. */
const grpcMessageBytes = 33_554_432

/** Unfinished messages of one connection. */
const grpcAssemblingBytes = 67_108_864

/** What a server is given instead of the machine's own. */
export interface ServerDeps {
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /** Default: the engine that `config.store` names. The server closes it. */
  readonly engine?: Engine
}

/** A server that listens. */
export interface RunningServer extends AsyncDisposable {
  /** Where it answers, as in `http://127.0.0.1:2113`. */
  readonly url: string
  readonly store: EventStore
  /** Ends subscriptions, answers what is under way, closes the store. Closing twice is fine. */
  close(): Promise<void>
}

/**
 * Opens the store and serves it.
 *
 * @throws ENGINE_FAILED when the address cannot be listened on, and what the engine says about its storage.
 * @example
 * await using server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
 */
export async function startServer(config: ServerConfig, deps: ServerDeps = {}): Promise<RunningServer> {
  const { clock = systemClock, engine = await openEngine(config.store) } = deps
  const metrics = createMetrics(clock)
  const store = openStore({ engine: metrics.measured(engine), clock })
  const closing = new AbortController()
  const logger = pino(logOptions(config))
  const projections = userProjections(config, { store, clock, logger })
  const grpc = grpcServer(config, { store, clock, metrics, logger, closing: closing.signal }, projections)
  const app = await httpApp(config, grpc, { store, clock, metrics, logger, closing: closing.signal })
  const shutdown = { app, grpc, projections, store, clock, closing, timeoutMs: config.shutdownTimeoutMs }
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= shutDown(shutdown)
    return closed
  }
  try {
    const url = await app.listen({ host: config.host, port: config.port })
    return { url, store, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw new EngineFailed(
      'server',
      `${config.host}:${config.port} cannot be listened on (${(error as NodeJS.ErrnoException).code}). Is another server running there? Choose another --port`,
      { cause: error },
    )
  }
}

/** What both protocols are over. */
interface Served {
  readonly store: EventStore
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
  readonly closing: AbortSignal
}

async function httpApp(config: ServerConfig, grpc: GrpcServer, served: Served): Promise<FastifyInstance> {
  const { bodyBytes, requestTimeoutMs, heartbeatMs, projectionLagMs, readyNeedsProjections } = config
  const app = await createApp({
    ...served,
    bodyBytes,
    requestTimeoutMs,
    heartbeatMs,
    projectionLagMs,
    readyNeedsProjections,
    answersTo: (host) => isAllowed(config, host),
    sharePort: (front) =>
      shareThePort({ front, http2: grpc.take, silenceMs: requestTimeoutMs, closing: served.closing }),
  })
  app.server.maxConnections = config.connectionsMax
  return app
}

function userProjections(
  config: ServerConfig,
  { store, clock, logger }: Omit<Served, 'metrics' | 'closing'>,
): Supervisor {
  return new Supervisor({
    store,
    clock,
    newId: randomUUID,
    limits: {
      eventMs: config.userProjectionEventMs,
      memoryMib: config.userProjectionMemoryMib,
      emits: config.userProjectionEmits,
      stateBytes: config.userProjectionStateBytes,
      running: config.userProjectionsMax,
    },
    leaseMs: config.userProjectionLeaseMs,
    logged: (projection, text) => logger.info({ projection }, text),
  })
}

function grpcServer(
  { heartbeatMs }: ServerConfig,
  { store, clock, metrics, logger, closing }: Served,
  projections: Supervisor,
): GrpcServer {
  return createGrpcServer({
    methods: kurrentMethods({
      store,
      clock,
      newId: randomUUID,
      closing,
      projections,
      failed: (error) => logger.error({ err: error }, 'an append failed'),
      opened: () => metrics.subscriptions.inc(),
      closed: () => metrics.subscriptions.dec(),
    }),
    clock,
    limits: { messageBytes: grpcMessageBytes, assemblingBytes: grpcAssemblingBytes },
    heartbeatMs,
    closing,
    failureOf,
    ended: (call) => observeCall(call, metrics, logger),
  })
}

function observeCall({ method, status, tookMs, error }: EndedCall, { calls }: Metrics, logger: Logger): void {
  calls.observe({ method, status }, tookMs / 1_000)
  if (status === 'unknown') logger.error({ err: error, method }, 'a call failed')
  else logger.debug({ method, status, ms: tookMs }, 'answered')
}

function logOptions({ logLevel, logFormat }: ServerConfig): LoggerOptions {
  const pretty = logFormat === 'pretty' || (logFormat === 'auto' && process.stderr.isTTY === true)
  // Standard output belongs to what a command prints; the log goes to standard error.
  const transport: TransportSingleOptions = pretty
    ? { target: 'pino-pretty', options: { destination: 2, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,hostname' } }
    : { target: 'pino/file', options: { destination: 2 } }
  return { level: logLevel, ...(logLevel !== 'silent' && { transport }) }
}

function isAllowed({ host, allowedHosts }: ServerConfig, given: string | undefined): boolean {
  const name = given?.toLowerCase().replace(/:\d+$/, '')
  if (allowedHosts.length > 0) return name !== undefined && (allowedHosts.includes(name) || name === host)
  return !isLoopback(host) || (name !== undefined && isLoopback(name))
}
