import {
  createServer,
  type Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from 'varve'
import type { Access } from '../../auth/access.ts'
import { type Handler, StreamCall } from './call.ts'
import { timeoutMsOf } from './deadline.ts'
import type { Assembling, FrameLimits } from './frames.ts'
import type { Methods } from './method.ts'
import { CallFailed, type StatusName } from './status.ts'

/** What a gRPC server is made of. */
export interface GrpcParts {
  readonly methods: Methods
  /** What the sender of a call may do. Throws what the call ends with when the sender may not call this method at all. */
  readonly admit: (method: string, headers: IncomingHttpHeaders) => Access | Promise<Access>
  readonly clock: Clock
  readonly limits: FrameLimits
  /** Quiet time after which a connection is asked whether it lives, and as long again to answer, in milliseconds. */
  readonly heartbeatMs: number
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  /** The status and message that an error of a handler ends a call with. */
  readonly failureOf: (error: unknown) => CallFailed
  /** Answers what is no call: browsers and others speak HTTP/2 as well where TLS offers it. */
  readonly others: (request: Http2ServerRequest, response: Http2ServerResponse) => void
  /** Hears how each call of a known method ended. */
  readonly ended: (call: EndedCall) => void
}

/** How a call ended. */
export interface EndedCall {
  readonly method: string
  readonly status: StatusName
  readonly tookMs: number
  /** What the handler failed with. */
  readonly error?: unknown
}

/** gRPC over connections that others accept. */
export interface GrpcServer {
  /** Serves a connection that begins with the preface of HTTP/2. */
  take(socket: Socket): void
  /** Ends every connection once its calls are answered. */
  close(): void
  /** Ends every connection now. */
  destroy(): void
}

/** Calls that one connection may have open: each subscription is one. */
const callsMax = 10_000

/** Bytes of one call, and of all calls of a connection, that a client may send before they are read. */
const callWindowBytes = 1_048_576
const connectionWindowBytes = 16_777_216

/** Memory of one connection, in megabytes, before it takes no more calls: Node allows 10, which subscriptions exceed. */
const connectionMegabytes = 256

/**
 * Calls that one connection may cancel at once, and each second from then on, before it counts as an attack
 * (CVE-2023-44487). Each read that is left before its end is such a call; Node allows 33 a second.
 */
const cancelsAtOnce = 10_000
const cancelsASecond = 1_000

const settings = { maxConcurrentStreams: callsMax, initialWindowSize: callWindowBytes, enablePush: false }

/** A server of gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
export function createGrpcServer(parts: GrpcParts): GrpcServer {
  const sessions = new Set<ServerHttp2Session>()
  const sockets = new Set<Socket>()
  const server = http2Server()
  server.on('session', (session) => {
    sessions.add(session)
    session.setLocalWindowSize(connectionWindowBytes)
    const closed = new AbortController()
    session.once('close', () => {
      sessions.delete(session)
      closed.abort()
    })
    // What goes wrong with a connection closes it, and its calls hear of that.
    session.on('error', () => undefined)
    const assembling: Assembling = { bytes: 0 }
    session.on('stream', (stream, headers, _, rawHeaders) => {
      if (isGrpc(headers)) void serve(parts, stream, headers, assembling)
      else parts.others(new Http2ServerRequest(stream, headers, {}, rawHeaders), new Http2ServerResponse(stream))
    })
    void keepAlive(parts, session, closed.signal)
  })
  return {
    take: (socket) => {
      if (parts.closing.aborted) {
        socket.destroy()
        return
      }
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      server.emit('connection', socket)
    },
    close: () => {
      for (const session of sessions) session.close()
    },
    destroy: () => {
      // Beneath a session that has ended its client may still hold the connection, with an answer that it does not read.
      for (const socket of sockets) socket.destroy()
    },
  }
}

function http2Server(): Http2Server {
  return createServer({
    settings,
    maxSessionMemory: connectionMegabytes,
    streamResetBurst: cancelsAtOnce,
    streamResetRate: cancelsASecond,
  })
}

async function serve(
  parts: GrpcParts,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  assembling: Assembling,
): Promise<void> {
  const method = String(headers[':path'])
  const call = new StreamCall({ stream, headers, limits: parts.limits, assembling, turn: () => parts.clock.turn() })
  const handler = Object.hasOwn(parts.methods, method) ? parts.methods[method] : undefined
  if (handler === undefined) return call.end('unimplemented', `This server has no method ${method.slice(0, 200)}.`)
  if (parts.closing.aborted) return call.end('unavailable', 'The server shuts down. Retry elsewhere or later.')
  const begunAt = parts.clock.now()
  const error = await failure(parts, call, (admitted) => answer(parts, method, admitted, handler))
  const failed = error === undefined ? undefined : parts.failureOf(error)
  if (failed === undefined) call.end('ok')
  else call.end(failed.status, failed.message, failed.trailers)
  const tookMs = parts.clock.now() - begunAt
  parts.ended({ method, status: failed?.status ?? 'ok', tookMs, ...(error !== undefined && { error }) })
}

/** Runs a handler within its deadline. Whether it heard its signal or not, the client gets its answer in time. */
async function failure(
  { clock }: GrpcParts,
  call: StreamCall,
  handler: (call: StreamCall) => Promise<void>,
): Promise<unknown> {
  const done = new AbortController()
  try {
    const timeoutMs = timeoutMsOf(call.headers['grpc-timeout'])
    if (timeoutMs === undefined) await handler(call)
    else await Promise.race([handler(call), deadline(clock, call, timeoutMs, done.signal)])
    return undefined
  } catch (error) {
    if (call.signal.aborted) return call.signal.reason
    return error ?? new Error('A handler failed with nothing.')
  } finally {
    done.abort()
  }
}

/** Nothing of a call is read before it is known who has sent it. */
async function answer({ admit }: GrpcParts, method: string, call: StreamCall, handler: Handler): Promise<void> {
  const access = admit(method, call.headers)
  call.access = access instanceof Promise ? await access : access
  return handler(call)
}

async function deadline(clock: Clock, call: StreamCall, ms: number, done: AbortSignal): Promise<void> {
  await clock.sleep(ms, done)
  if (done.aborted) return
  const late = new CallFailed('deadlineExceeded', `The call was not done within the ${ms} ms that the client gave it.`)
  call.giveUp(late)
  throw late
}

function isGrpc({ ':method': verb, 'content-type': type = '' }: IncomingHttpHeaders): boolean {
  return verb === 'POST' && /^application\/grpc(?:[+;]|$)/.test(type)
}

/** A peer that vanished without a word would keep its calls, and what they hold, for ever. */
async function keepAlive(
  { clock, heartbeatMs }: GrpcParts,
  session: ServerHttp2Session,
  closed: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(heartbeatMs, closed)
    if (closed.aborted || session.destroyed) return
    const answered = new AbortController()
    session.ping(() => answered.abort())
    await clock.sleep(heartbeatMs, AbortSignal.any([answered.signal, closed]))
    // After a time in which this process itself stood still the answer lies there, and is read within a turn.
    if (!answered.signal.aborted) await clock.turn()
    if (closed.aborted) return
    if (!answered.signal.aborted) return session.destroy()
  }
}
