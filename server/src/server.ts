import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type SecureContextOptions, Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { type Logger, type LoggerOptions, pino, type TransportSingleOptions } from 'pino'
import { type Clock, type Engine, EngineFailed, type EventStore, InvalidArgument, openStore, systemClock } from 'varve'
import { defaultCost, type PasswordCost, scryptPasswords } from './auth/passwords.ts'
import type { Security } from './auth/security.ts'
import { boundConnections } from './bounded-connections.ts'
import { isLoopback, type ServerConfig } from './config.ts'
import { createApp } from './http/app.ts'
import { failureOf } from './kurrent/failure.ts'
import { createGrpcServer, type EndedCall, type GrpcParts, type GrpcServer } from './kurrent/grpc/grpc-server.ts'
import { admitTo } from './kurrent/needs.ts'
import { Supervisor } from './kurrent/projections/supervisor.ts'
import { kurrentMethods } from './kurrent/service.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { shareThePort } from './one-port.ts'
import { openEngine } from './open-engine.ts'
import { openedSecurity } from './open-security.ts'
import { type ShutdownParts, shutDown } from './shutdown.ts'
import { type CertificateFiles, readCertificate } from './tls.ts'

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
  readonly clock?: Clock | undefined
  /** Default: the engine that `config.store` names. The server closes it. */
  readonly engine?: Engine | undefined
  /** How much work the hash of a password is. Default: what OWASP asks for. */
  readonly passwordCost?: PasswordCost | undefined
}

const depNames: Readonly<Record<keyof ServerDeps, true>> = { clock: true, engine: true, passwordCost: true }

/** An engine under a misspelt name would not be served, and the one that the configuration names would. */
function refuseUnknown(deps: ServerDeps): void {
  const unknown = Object.keys(deps).find((name) => !Object.hasOwn(depNames, name))
  if (unknown === undefined) return
  const names = Object.keys(depNames).join(', ')
  throw new InvalidArgument('deps', `have an unknown field ${JSON.stringify(unknown)}; they may have ${names}`)
}

/** A server that listens. */
export interface RunningServer extends AsyncDisposable {
  /** Where it answers, as in `http://127.0.0.1:2113`. */
  readonly url: string
  readonly store: EventStore
  /** Whether requests have to say who sends them. */
  readonly asksForLogin: boolean
  /** The password of `admin` that was made up because there was no user yet. It is kept nowhere else. */
  readonly firstPassword: string | undefined
  /**
   * Reads the files of the certificate again, for connections from now on; without TLS it does nothing.
   *
   * @throws INVALID_ARGUMENT when they cannot be used: the certificate stays what it was.
   */
  reloadCertificate(): void
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
  refuseUnknown(deps)
  const certificate = certificateOf(config)
  const tls = certificate && readCertificate(certificate)
  const { clock = systemClock, engine = await openEngine(config.store), passwordCost = defaultCost } = deps
  const metrics = createMetrics(clock)
  const store = openStore({ engine: metrics.measured(engine), clock })
  const closing = new AbortController()
  const logger = pino(logOptions(config))
  const passwords = scryptPasswords(passwordCost)
  const failed = (error: unknown): void => logger.error({ err: error }, 'rights could not be followed')
  try {
    const parts = { engine, store, clock, passwords, closing: closing.signal, failed }
    const { security, firstPassword } = await openedSecurity(config, parts)
    const over = { security, tls, store: security.store, clock, instanceId: randomUUID(), metrics, logger }
    const served: Served = { ...over, closing: closing.signal }
    const projections = userProjections(config, served)
    const { grpc, app } = await bothProtocols(config, served, projections)
    const close = closingOnce({ app, grpc, projections, store, clock, closing, timeoutMs: config.shutdownTimeoutMs })
    const url = await listen(app, config, close)
    return {
      url: tls === undefined ? url : url.replace(/^http:/, 'https:'),
      store: security.store,
      asksForLogin: security.asksForLogin,
      firstPassword,
      reloadCertificate: () => {
        if (certificate !== undefined && app.server instanceof TlsServer)
          app.server.setSecureContext(readCertificate(certificate))
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    closing.abort(error)
    await store.close()
    throw error
  }
}

async function listen(app: FastifyInstance, { host, port }: ServerConfig, close: () => Promise<void>): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (error) {
    await close()
    throw new EngineFailed(
      'server',
      `${host}:${port} cannot be listened on (${(error as NodeJS.ErrnoException).code}). Is another server running there? Choose another --port`,
      { cause: error },
    )
  }
}

function closingOnce(parts: ShutdownParts): () => Promise<void> {
  let closed: Promise<void> | undefined
  return () => {
    closed ??= shutDown(parts)
    return closed
  }
}

function certificateOf({ cert, key }: ServerConfig): CertificateFiles | undefined {
  return cert === undefined || key === undefined ? undefined : { cert, key }
}

/** What both protocols are over. */
interface Served {
  readonly security: Security
  readonly tls: SecureContextOptions | undefined
  readonly store: EventStore
  readonly clock: Clock
  /** Who this server is, for as long as it runs. */
  readonly instanceId: string
  readonly metrics: Metrics
  readonly logger: Logger
  readonly closing: AbortSignal
}

/** Either may be spoken by HTTP/2, so that what is no gRPC goes to the HTTP API. */
async function bothProtocols(
  config: ServerConfig,
  served: Served,
  projections: Supervisor,
): Promise<{ readonly app: FastifyInstance; readonly grpc: GrpcServer }> {
  let http: RequestListener = (_, response) => response.destroy()
  const others: GrpcParts['others'] = (request, response) => {
    // The framework takes requests of either version; their classes only look alike.
    http(request as unknown as IncomingMessage, response as unknown as ServerResponse<IncomingMessage>)
  }
  const grpc = grpcServer(config, { ...served, projections, others })
  const { bodyBytes, requestTimeoutMs, heartbeatMs, projectionLagMs, readyNeedsProjections } = config
  const app = await createApp({
    ...served,
    bodyBytes,
    requestTimeoutMs,
    heartbeatMs,
    projectionLagMs,
    readyNeedsProjections,
    answersTo: (host) => isAllowed(config, host),
    sharePort: (front, handler) => {
      http = handler
      shareThePort({ front, http2: grpc.take, silenceMs: requestTimeoutMs, closing: served.closing })
    },
  })
  const { metrics, clock, logger } = served
  const { connectionsMax } = config
  boundConnections(app.server, { connectionsMax, registry: metrics.registry, clock, logger })
  return { app, grpc }
}

function userProjections(config: ServerConfig, { store, clock, logger }: Served): Supervisor {
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

/** What gRPC is over besides. */
interface ServedGrpc extends Served {
  readonly projections: Supervisor
  readonly others: GrpcParts['others']
}

function grpcServer({ heartbeatMs }: ServerConfig, served: ServedGrpc): GrpcServer {
  const { security, projections, others, store, clock, instanceId, metrics, logger, closing } = served
  return createGrpcServer({
    methods: kurrentMethods({
      store,
      accounts: security.accounts,
      clock,
      newId: randomUUID,
      instanceId,
      closing,
      projections,
      failed: (error) => logger.error({ err: error }, 'an append failed'),
      opened: () => metrics.subscriptions.inc(),
      closed: () => metrics.subscriptions.dec(),
    }),
    admit: admitTo(security),
    clock,
    limits: { messageBytes: grpcMessageBytes, assemblingBytes: grpcAssemblingBytes },
    heartbeatMs,
    closing,
    failureOf,
    others,
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
