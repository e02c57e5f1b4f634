import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type ServerOptions, type Server as TlsServer } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import swagger from '@fastify/swagger'
import fastify, {
  type ConnectionError,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerFactory,
  LogController,
} from 'fastify'
import type { Clock, EventStore } from 'varve'
import type { Security } from '../auth/security.ts'
import { healthRoutes } from '../health.ts'
import type { Metrics } from '../metrics.ts'
import { createProjectionLooks } from '../projection-looks.ts'
import { appendRoutes } from './append.ts'
import { checkpointRoutes } from './checkpoints.ts'
import { gossipRoutes } from './gossip.ts'
import { groupDeliveryRoutes } from './group-deliveries.ts'
import { groupRoutes } from './groups.ts'
import { type GuardParts, guard, refuseUnknownRoutes } from './guard.ts'
import { jsonFrom } from './json-body.ts'
import { metricsRoutes } from './metrics.ts'
import { askForNeeds } from './needs.ts'
import { problem, problemType, sendError } from './problem.ts'
import { projectionRoutes } from './projections.ts'
import { parseQueryString } from './query-string.ts'
import { readRoutes } from './read.ts'
import { shelfRoutes } from './shelf.ts'
import { streamRoutes } from './streams.ts'
import { subscribeRoutes } from './subscribe.ts'
import { userRoutes } from './users.ts'
import { validatorCompiler } from './validation.ts'

/** What the HTTP API is made of. */
export interface AppParts extends GuardParts {
  readonly store: EventStore
  readonly security: Security
  /** The certificate and its key; undefined for HTTP without TLS. */
  readonly tls: SecureContextOptions | undefined
  readonly clock: Clock
  /** Who this server is, for as long as it runs. */
  readonly instanceId: string
  readonly metrics: Metrics
  readonly logger: FastifyBaseLogger
  readonly bodyBytes: number
  readonly requestTimeoutMs: number
  readonly heartbeatMs: number
  readonly projectionLagMs: number
  readonly readyNeedsProjections: boolean
  /** Lets another protocol answer some of the connections of the port. */
  readonly sharePort: (front: Server | TlsServer, handler: RequestListener) => void
}

/** A stream id of `limits.streamIdChars` characters, each of which percent-encodes to nine at the most. */
const paramCharsMax = 16_384

/** Room for such an id in the first line, and for the headers of proxies on the way. */
const headerBytes = 32_768

/** The HTTP API on a server that does not listen yet. */
export async function createApp(parts: AppParts): Promise<FastifyInstance> {
  const { store, clock, metrics, closing, heartbeatMs } = parts
  const app = fastify({
    loggerInstance: parts.logger,
    logController: new LogController({ disableRequestLogging: true }),
    serverFactory: serverWith(parts),
    bodyLimit: parts.bodyBytes,
    routerOptions: { maxParamLength: paramCharsMax, querystringParser: parseQueryString },
    forceCloseConnections: 'idle',
    // The guard answers while the server closes, as a problem document and with health left open.
    return503OnClosing: false,
    frameworkErrors: sendError,
    clientErrorHandler: (error, socket) => {
      if (socket.writable) socket.end(malformed(error))
    },
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(() => JSON.stringify)
  app.setErrorHandler(sendError)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) =>
    jsonFrom(body),
  )
  refuseUnknownRoutes(app)
  guard(app, parts)
  askForNeeds(app, parts.security, store)
  observe(app, metrics)

  await app.register(swagger, { openapi: { openapi: '3.1.0', info: apiInfo, ...logins } })
  await app.register(appendRoutes(store))
  await app.register(readRoutes(store))
  await app.register(streamRoutes(store))
  await app.register(checkpointRoutes(store))
  await app.register(shelfRoutes(store))
  await app.register(projectionRoutes({ store, clock, closing }))
  const looks = createProjectionLooks(store, clock)
  const { projectionLagMs, readyNeedsProjections } = parts
  await app.register(healthRoutes({ store, clock, closing, looks, projectionLagMs, readyNeedsProjections }))
  await app.register(groupRoutes(store))
  await app.register(userRoutes(parts.security.accounts))
  await app.register(groupDeliveryRoutes({ store, clock, heartbeatMs, closing }))
  await app.register(metricsRoutes({ registry: metrics.registry, looks, store }))
  const { subscriptions } = metrics
  const counted = { opened: () => subscriptions.inc(), closed: () => subscriptions.dec() }
  await app.register(subscribeRoutes({ store, clock, heartbeatMs, closing, ...counted }))
  await app.register(gossipRoutes({ store, clock, instanceId: parts.instanceId, isTls: parts.tls !== undefined }))
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  await app.ready()
  return app
}

const apiInfo = {
  title: 'Varve',
  description: 'The event store over HTTP. Errors are problem documents (RFC 9457) with a stable code.',
  version: '0.1.0',
  license: { name: 'MIT', identifier: 'MIT' },
}

/** Where nobody has to log in, neither is needed; elsewhere one of them is, nearly everywhere. */
const logins: { components: object; security: Record<string, string[]>[] } = {
  components: {
    securitySchemes: {
      password: { type: 'http', scheme: 'basic', description: 'A user and a password' },
      token: { type: 'http', scheme: 'bearer', description: 'A token of a user' },
    },
  },
  security: [{}, { password: [] }, { token: [] }],
}

/** Clients that send slowly, or never finish, are let go after the request timeout. */
function serverWith({ requestTimeoutMs, tls, sharePort }: AppParts): FastifyServerFactory {
  const options = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(requestTimeoutMs, 5_000),
    maxHeaderSize: headerBytes,
  }
  return (handler) => {
    const server = tls === undefined ? createServer(options, handler) : tlsServer({ ...options, ...tls }, handler)
    sharePort(server, handler)
    return server
  }
}

function tlsServer(options: ServerOptions, handler: RequestListener): TlsServer {
  const agreed = { ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: options.requestTimeout }
  const server = createTlsServer({ ...options, ...agreed }, handler)
  // Who has not agreed on keys cannot read an answer.
  return server.removeAllListeners('tlsClientError').on('tlsClientError', (_, socket) => socket.destroy())
}

function observe(app: FastifyInstance, { requests }: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    // The template, not the path: a label for every stream would fill any memory.
    const route = request.routeOptions.url ?? 'none'
    const { statusCode, elapsedTime } = reply
    requests.observe({ method: request.method, route, status: String(statusCode) }, elapsedTime / 1_000)
    const fields = { method: request.method, route, status: statusCode, ms: Math.round(elapsedTime * 10) / 10 }
    request.log.debug(fields, 'answered')
  })
}

/** What is no HTTP at all never reaches a route; it is still told why, in the same form as everything else. */
function malformed({ code }: ConnectionError): string {
  const [status, reason] = clientErrors[code] ?? [400, 'Bad Request']
  const detail = `The request is not valid HTTP, or came too slowly (${code}).`
  const body = JSON.stringify(problem(status, 'INVALID_REQUEST', detail))
  const head = `HTTP/1.1 ${status} ${reason}\r\ncontent-type: ${problemType}\r\ncontent-length: ${Buffer.byteLength(body)}`
  return `${head}\r\nconnection: close\r\n\r\n${body}`
}

const clientErrors: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
}
