import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { InvalidArgument } from 'varve'
import { type Problem, problem, sendProblem } from './problem.ts'

/** What the guard asks. */
export interface GuardParts {
  /** True for a Host header that this server may be addressed by. */
  readonly answersTo: (host: string | undefined) => boolean
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
}

/** Turns away, before anything is read, what must not reach the store. */
export function guard(app: FastifyInstance, parts: GuardParts): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-cache')
    const found = foreignName(request, parts) ?? foreignPage(request) ?? closingDown(request, parts) ?? encoded(request)
    return found === undefined ? undefined : sendProblem(reply, found)
  })
  app.addHook('onSend', async (request, reply) => {
    // A connection kept for a next request, which would be refused, would hold up the shutdown until it times out.
    if (parts.closing.aborted && request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
  })
  app.addHook('preValidation', async (request) => {
    // A body that nobody reads may have held a guard, as in {"expected_version": 3}.
    if (request.body !== undefined && !request.is404 && request.routeOptions.schema?.body === undefined) {
      throw new InvalidArgument('body', 'is not taken by this route: send none')
    }
  })
}

/** A web page whose host name was made to point here would otherwise speak to the store on this machine. */
function foreignName({ headers }: FastifyRequest, { answersTo }: GuardParts): Problem | undefined {
  const host = hostOf(headers)
  if (answersTo(host)) return undefined
  const name = host === undefined ? 'a request without a host' : `the name ${host.slice(0, 200)}`
  return problem(421, 'MISDIRECTED', `This server does not answer to ${name}. Allow a name with --allowed-hosts.`)
}

/** HTTP/2 has another name for it. */
function hostOf(headers: IncomingHttpHeaders): string | undefined {
  return headers.host ?? (headers[':authority'] as string | undefined)
}

/** What a GET of these hands out is nobody else's for a while, whoever may read the answer. */
const consuming: ReadonlySet<string | undefined> = new Set(['/groups/:group/events', '/groups/:group/subscribe'])

/**
 * Browsers send the origin with everything that can change something; programs send none. With a GET that is no script's, as of
 * an image, they only say how its page is related (W3C Fetch Metadata, section 2.4).
 */
function foreignPage({ method, headers, routeOptions }: FastifyRequest): Problem | undefined {
  const { origin, 'sec-fetch-site': site = 'none' } = headers
  const isConsuming = consuming.has(routeOptions.url)
  if ((method === 'GET' || method === 'HEAD') && !isConsuming) return undefined
  if (origin === undefined) {
    if (!isConsuming || site === 'none' || site === 'same-origin') return undefined
    return problem(403, 'CROSS_ORIGIN', 'A page of another site may not consume from this server.')
  }
  if (URL.canParse(origin) && new URL(origin).host === hostOf(headers)) return undefined
  return problem(403, 'CROSS_ORIGIN', `A page of ${origin.slice(0, 200)} may not write to this server.`)
}

function closingDown({ url }: FastifyRequest, { closing }: GuardParts): Problem | undefined {
  if (!closing.aborted || url.startsWith('/health/')) return undefined
  return problem(503, 'CLOSING', 'The server shuts down. Retry elsewhere or later, appends with the same event ids.')
}

/** What a body was packed with would otherwise be looked for in its JSON. */
function encoded({ headers }: FastifyRequest): Problem | undefined {
  const encoding = headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return undefined
  const detail = `Bodies are taken as they are: send this one without a content-encoding (${encoding.slice(0, 200)}).`
  return problem(415, 'UNSUPPORTED_MEDIA_TYPE', detail)
}

interface KnownRoute {
  readonly method: string
  readonly path: RegExp
}

/** Answers what no route takes: 405 with what would be allowed where the path is known, 404 elsewhere. */
export function refuseUnknownRoutes(app: FastifyInstance): void {
  const known: KnownRoute[] = []
  app.addHook('onRoute', ({ method, url }) => {
    const path = new RegExp(`^${url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`)
    for (const one of [method].flat()) known.push({ method: one, path })
  })
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const [path = ''] = request.url.split('?')
    const allowed = known.filter((route) => route.path.test(path)).map(({ method }) => method)
    allowed.sort()
    if (allowed.length === 0) {
      const shown = JSON.stringify(path.slice(0, 200))
      return sendProblem(reply, problem(404, 'NOT_FOUND', `There is nothing at ${shown}; /openapi.json lists the API.`))
    }
    reply.header('allow', allowed.join(', '))
    const detail = `${request.method} is not allowed here. Use ${allowed.join(' or ')}.`
    return sendProblem(reply, problem(405, 'METHOD_NOT_ALLOWED', detail))
  })
}
