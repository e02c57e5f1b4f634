import { type LoggerOptions, pino, type TransportSingleOptions } from 'pino'
import { type Clock, type Engine, EngineFailed, type EventStore, openStore, systemClock } from 'varve'
import { isLoopback, type ServerConfig } from './config.ts'
import { createApp } from './http/app.ts'
import { createMetrics } from './metrics.ts'
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
  const { bodyBytes, requestTimeoutMs, heartbeatMs, projectionLagMs, readyNeedsProjections } = config
  const answersTo = (host: string | undefined): boolean => isAllowed(config, host)
  const limits = { bodyBytes, requestTimeoutMs, heartbeatMs, projectionLagMs, readyNeedsProjections }
  const app = await createApp({ store, clock, metrics, logger, closing: closing.signal, answersTo, ...limits })
  app.server.maxConnections = config.connectionsMax
  const shutdown = { app, store, clock, closing, timeoutMs: config.shutdownTimeoutMs }
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
