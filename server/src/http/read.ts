import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type EventStore, InvalidArgument, logShardOf, type Query, requireOneOrder, toEnvelope } from 'varve'
import { eventAnswers, pageAnswers, streamPageAnswers, traceAnswers } from './answers.ts'
import { sendLines, wantsLines } from './lines.ts'
import { pageFrom } from './page.ts'
import {
  filterFields,
  filterFrom,
  pageRange,
  rangeFields,
  rangeIn,
  shardField,
  streamParams,
  type WireRange,
} from './range.ts'
import { wireInfo } from './stream-info.ts'
import { traceText } from './trace-text.ts'
import { untilGone } from './until-gone.ts'
import { queryFrom, querySchema } from './wire.ts'

const closed = { additionalProperties: false } as const
const lines = 'With accept: application/x-ndjson the answer is every event, one envelope a line, instead of a page.'

const readStreamSchema = {
  tags: ['read'],
  summary: 'Read one stream, by version',
  description: lines,
  params: streamParams,
  querystring: Type.Object(rangeFields, closed),
  response: streamPageAnswers,
}

const readAllSchema = {
  tags: ['read'],
  summary: 'Read the store, by position, everything or what a filter matches',
  description: lines,
  querystring: Type.Object({ ...rangeFields, ...shardField, ...filterFields }, closed),
  response: pageAnswers,
}

const readQuerySchema = {
  tags: ['read'],
  summary: 'Read with a whole query, or one stream of any name',
  description: `Takes query or stream_id, not both; without either, everything. ${lines}`,
  querystring: Type.Object({}, closed),
  body: Type.Object(
    { query: Type.Optional(querySchema), stream_id: Type.Optional(Type.String()), ...rangeFields, ...shardField },
    closed,
  ),
  response: pageAnswers,
}

const readEventSchema = {
  tags: ['read'],
  summary: 'The event with an id; null when there is none',
  params: Type.Object({ event_id: Type.String() }),
  querystring: Type.Object({}, closed),
  response: eventAnswers,
}

const traceSchema = {
  tags: ['read'],
  summary: 'Everything that carries a correlation id, as trees of what caused what',
  params: Type.Object({ correlation_id: Type.String({ description: 'Percent-encoded' }) }),
  querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })) }, closed),
  response: traceAnswers,
}

/** The routes that read events. */
export function readRoutes(store: EventStore): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/streams/:stream_id/events', { schema: readStreamSchema }, async (request, reply) =>
      answerStream({ store, request, reply }, request.params.stream_id, request.query),
    )

    app.get('/events', { schema: readAllSchema }, async (request, reply) =>
      answerAll({ store, request, reply }, filterFrom(request.query), request.query),
    )

    app.get('/events/:event_id', { schema: readEventSchema }, async ({ params, access }) => {
      const event = await store.readEvent(params.event_id)
      if (event !== undefined) await access.to('read', event.streamId)
      return { event: event === undefined ? null : toEnvelope(event) }
    })

    app.get('/traces/:correlation_id', { schema: traceSchema }, async ({ params, query }, reply) => {
      const trace = await store.trace(params.correlation_id, { ...query, signal: untilGone(reply) })
      return reply.type('application/json; charset=utf-8').send(traceText(trace))
    })

    app.post('/events/query', { schema: readQuerySchema }, async (request, reply) => {
      const { query, stream_id, shard, ...range } = request.body
      if (query !== undefined && stream_id !== undefined) {
        throw new InvalidArgument('stream_id', 'does not go together with query: a read is of one or the other')
      }
      if (stream_id !== undefined && shard !== undefined) {
        throw new InvalidArgument('shard', 'does not go together with stream_id: a stream lies in one shard')
      }
      const asked = { store, request, reply }
      if (stream_id !== undefined) return answerStream(asked, stream_id, range)
      return answerAll(asked, queryFrom(query ?? 'everything'), { ...range, ...(shard !== undefined && { shard }) })
    })
  }
}

interface Asked {
  readonly store: EventStore
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

async function answerStream({ store, request, reply }: Asked, streamId: string, wire: WireRange): Promise<unknown> {
  if (wantsLines(request)) {
    return sendLines(request, reply, (gone) => store.readStream(streamId, { ...wire, signal: gone }), toEnvelope)
  }
  const signal = untilGone(reply)
  const range = pageRange(wire)
  const info = await store.streamInfo(streamId, { signal })
  const head = (await store.heads({ signal }))[logShardOf(streamId, store.capabilities.logShards)] ?? 0
  const events = store.readStream(streamId, { ...range, signal })
  reply.header('etag', `"${info.version}"`)
  const page = await pageFrom({ events, range, head, last: info.version, placeOf: (event) => event.version })
  return { ...wireInfo(info), ...page }
}

async function answerAll(
  { store, request, reply }: Asked,
  filter: Query,
  { shard, ...wire }: WireRange & { readonly shard?: number },
): Promise<unknown> {
  const chosen = { filter, ...(shard !== undefined && { shard }) }
  if (wantsLines(request)) {
    return sendLines(request, reply, (gone) => store.readAll({ ...rangeIn(wire), ...chosen, signal: gone }), toEnvelope)
  }
  if (shard === undefined) {
    requireOneOrder(store.capabilities, 'A page is of one shard: give shard. Lines (application/x-ndjson) are of all.')
  }
  const signal = untilGone(reply)
  const range = pageRange(wire)
  // Nothing is read before the first event is asked for, and so not before the head.
  const events = store.readAll({ ...range, ...chosen, signal })
  const head = (await store.heads({ signal }))[shard ?? 0] ?? 0
  return pageFrom({ events, range, head, last: head, placeOf: (event) => event.position })
}
