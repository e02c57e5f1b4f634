import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type EventStore, groupInfo, listGroups } from 'varve'
import { type Access, type Ask, openAccess, type Role, type StreamRight } from '../auth/access.ts'
import type { Security } from '../auth/security.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the sender may do. */
    access: Access
    /** Asks again for what the request needed when it came in: for answers that go on for long. */
    ask: Ask
  }
}

/** How to ask for what a request needs. */
type AskOf = (request: FastifyRequest, store: EventStore) => Ask | Promise<Ask>

/** What it takes to use a route: nothing, a role, or rights to the streams that a request is about. */
type Need = Role | 'nothing' | AskOf

/** Names that stand for what is no stream in access control lists: whoever has a right to them may use the whole of it. */
const pseudoStreams = { all: '$all', streams: '$streams', shelf: '$shelf', checkpoints: '$checkpoints' } as const

const ofStream =
  (right: StreamRight): AskOf =>
  ({ access, params }) =>
  () =>
    access.to(right, (params as { readonly stream_id: string }).stream_id)

const of =
  (right: StreamRight, name: keyof typeof pseudoStreams): AskOf =>
  ({ access }) =>
  () =>
    access.to(right, pseudoStreams[name])

/** One stream that the query or the body names, or else the whole store. */
const readOf =
  (streamIn: (request: FastifyRequest) => unknown): AskOf =>
  (request) => {
    const stream = streamIn(request)
    return () => request.access.to('read', typeof stream === 'string' ? stream : pseudoStreams.all)
  }

const queried = readOf(({ query }) => (query as { readonly stream?: unknown }).stream)
const inBody = (name: string): AskOf => readOf(({ body }) => (body as Readonly<Record<string, unknown>>)[name])

/** A condition tells whether there are events that match it, wherever they are. */
const appended: AskOf =
  ({ access, params, body }) =>
  async () => {
    const { stream_id } = params as { readonly stream_id: string }
    await access.to('write', stream_id)
    if ((body as { readonly condition?: unknown }).condition !== undefined) await access.to('read', pseudoStreams.all)
  }

/** A write without events tells how its stream stands. */
const appendedAll: AskOf =
  ({ access, body }) =>
  async () => {
    const { writes, condition } = body as { readonly writes: readonly AnyWrite[]; readonly condition?: unknown }
    for (const { stream_id, events } of writes) await access.to(events.length > 0 ? 'write' : 'read', stream_id)
    if (condition !== undefined) await access.to('read', pseudoStreams.all)
  }

/** About oneself, or for whoever says who may log in. */
const ofUser: AskOf =
  ({ access, params }) =>
  () =>
    access.as((params as { readonly login: string }).login === access.login ? 'user' : 'admin')

interface AnyWrite {
  readonly stream_id: string
  readonly events: readonly unknown[]
}

/** Whoever consumes a group reads what it reads. What that is never changes, so it is looked up once. */
const consumed: AskOf = async ({ access, params }, store) => {
  const name = (params as { readonly group: string }).group
  // The first name that begins like this one is this one; what it takes to read the group's log is not asked for.
  const [found] = await listGroups(store, { prefix: name, limit: 1 }).toArray()
  const { settings } = found?.group === name ? found : await groupInfo(store, name)
  return () => access.to('read', settings.stream ?? pseudoStreams.all)
}

/**
 * The needs of each route, by its method and its path. A route that is not listed is an error when the server starts: one that
 * nobody has thought about is not served.
 */
const needs: Readonly<Record<string, Need>> = {
  'GET /health/live': 'nothing',
  'GET /health/ready': 'nothing',
  'GET /openapi.json': 'nothing',
  'GET /gossip': 'nothing',
  'GET /metrics': 'user',
  'GET /head': 'user',

  'POST /streams/:stream_id/events': appended,
  'POST /events': appendedAll,
  'GET /streams/:stream_id/events': ofStream('read'),
  'GET /events': of('read', 'all'),
  'POST /events/query': inBody('stream_id'),
  'GET /events/:event_id': 'user',
  'GET /traces/:correlation_id': of('read', 'all'),
  'GET /subscribe': queried,
  'POST /subscribe': inBody('stream'),

  'GET /streams': of('read', 'streams'),
  'GET /streams/:stream_id': ofStream('read'),
  'GET /streams/:stream_id/metadata': ofStream('read_metadata'),
  'PUT /streams/:stream_id/metadata': ofStream('write_metadata'),
  'POST /streams/:stream_id/truncate': ofStream('write_metadata'),
  'DELETE /streams/:stream_id': ofStream('delete'),
  'POST /streams/:stream_id/tombstone': ofStream('delete'),

  'GET /checkpoints/:name': of('read', 'checkpoints'),
  'PUT /checkpoints/:name': of('write', 'checkpoints'),
  'GET /shelf': of('read', 'shelf'),
  'GET /shelf/:key': of('read', 'shelf'),
  'PUT /shelf/:key': of('write', 'shelf'),
  'DELETE /shelf/:key': of('write', 'shelf'),

  'GET /projections': 'user',
  'GET /projections/:name': 'user',
  'GET /projections/:name/parked': 'operator',
  'POST /projections/:name/pause': 'operator',
  'POST /projections/:name/resume': 'operator',
  'POST /projections/:name/rebuild': 'operator',
  'POST /projections/:name/swap': 'operator',
  'POST /projections/:name/retire': 'operator',
  'POST /projections/:name/replay': 'operator',
  'POST /projections/:name/skip': 'operator',

  'GET /groups': 'user',
  'GET /groups/:group': 'user',
  'PUT /groups/:group': 'operator',
  'PATCH /groups/:group': 'operator',
  'DELETE /groups/:group': 'operator',
  'POST /groups/:group/stop': 'operator',
  'POST /groups/:group/start': 'operator',
  'GET /groups/:group/parked': 'operator',
  'POST /groups/:group/parked/replay': 'operator',
  'POST /groups/:group/parked/discard': 'operator',
  'GET /groups/:group/events': consumed,
  'GET /groups/:group/subscribe': consumed,
  'POST /groups/:group/acks': consumed,
  'POST /groups/:group/nacks': consumed,
  'DELETE /groups/:group/consumers/:consumer': consumed,

  'GET /users': 'admin',
  'POST /users': 'admin',
  'GET /users/:login': ofUser,
  'PATCH /users/:login': 'admin',
  'DELETE /users/:login': 'admin',
  'POST /users/:login/enable': 'admin',
  'POST /users/:login/disable': 'admin',
  'PUT /users/:login/password': ofUser,
  'GET /users/:login/tokens': ofUser,
  'POST /users/:login/tokens': ofUser,
  'DELETE /users/:login/tokens/:id': ofUser,
}

/** Lets requests in that may be answered: who sends them is found out before anything of a body is read. */
export function askForNeeds(app: FastifyInstance, security: Security, store: EventStore): void {
  app.decorateRequest('access')
  app.decorateRequest('ask')
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) needOf(one, url)
  })
  app.addHook('onRequest', async (request) => {
    request.access = await security.admit(request.headers.authorization)
    request.ask = () => undefined
    const need = routeNeed(request)
    if (need === undefined || need === 'nothing' || request.access === openAccess) return
    request.ask = () => request.access.as(typeof need === 'string' ? need : 'user')
    await request.ask()
  })
  app.addHook('preHandler', async (request) => {
    const need = routeNeed(request)
    if (typeof need !== 'function' || request.access === openAccess) return
    request.ask = await need(request, store)
    await request.ask()
  })
}

/** Undefined where there is no route. */
function routeNeed({ method, routeOptions: { url } }: FastifyRequest): Need | undefined {
  return url === undefined ? undefined : needOf(method, url)
}

function needOf(method: string, url: string): Need {
  // Each GET has a HEAD that tells the same without the body.
  const need = needs[`${method === 'HEAD' ? 'GET' : method} ${url}`]
  if (need === undefined)
    throw new TypeError(`The route ${method} ${url} does not say what it takes to use it: list it in http/needs.ts.`)
  return need
}
