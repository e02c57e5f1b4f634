import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type TOptional, type TSchema, type TUnsafe, Type } from 'typebox'
import {
  type Clock,
  type EventStore,
  InvalidArgument,
  type LogPositions,
  positionsAfter,
  type Query,
  type SubscribeOptions,
  type SubscriptionItem,
  toEnvelope,
} from 'varve'
import { AccessRefused, type Ask } from '../auth/access.ts'
import { followAnswers } from './answers.ts'
import { problemOf } from './problem.ts'
import { filterFields, filterFrom, noQuery } from './range.ts'
import { beginEvents, frame, sendHeartbeats } from './server-sent-events.ts'
import { endAnswer, endOf, untilGone } from './until-gone.ts'
import { queryFrom, querySchema } from './wire.ts'

type From = number | 'end'

const from: TOptional<TUnsafe<From>> = Type.Optional(
  Type.Unsafe<From>(
    Type.Union([Type.Integer({ minimum: 0 }), Type.Literal('end')], { description: 'a place from 0 on, or "end"' }),
  ),
)
const after = Type.Optional(
  Type.Array(Type.Integer({ minimum: 0 }), {
    description: 'Instead of from: a position for each log shard, as marks have them; begins after these',
  }),
)
const stream = Type.Optional(Type.String({ description: 'Follows one stream, by version, instead of the store' }))
const closed = { additionalProperties: false } as const

const description =
  'Server-sent events (text/event-stream): event with an envelope, caught_up and checkpoint with a position. Every id is a place to resume after by Last-Event-ID: a position, or a version when one stream is followed; of a store with several log shards a position for each, with commas between. Ends only when the server shuts down, or with error and a problem document: also when the right to it is withdrawn.'

const headers: TSchema = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ description: 'The last id heard: goes on after it, whatever from says' }),
  ),
})

const getSchema = {
  tags: ['subscribe'],
  summary: 'Follow the store or one stream',
  description,
  headers,
  querystring: Type.Object({ from, stream, ...filterFields }, closed),
  response: followAnswers,
}

const postSchema = {
  tags: ['subscribe'],
  summary: 'Follow what a whole query matches',
  description,
  headers,
  querystring: noQuery,
  body: Type.Object({ from, after, stream, query: Type.Optional(querySchema) }, closed),
  response: followAnswers,
}

/** What subscriptions over HTTP need. */
export interface SubscribeParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly heartbeatMs: number
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  readonly opened: () => void
  readonly closed: () => void
}

/** What a client asks to follow. */
interface Asked {
  readonly stream: string | undefined
  readonly filter: Query
  readonly from: From | undefined
  readonly after?: readonly number[] | undefined
}

/** The routes that follow (WHATWG HTML, section 9.2). */
export function subscribeRoutes(parts: SubscribeParts): FastifyPluginAsyncTypebox {
  return async (app) => {
    // A HEAD request would follow for ever and say nothing.
    app.get('/subscribe', { schema: getSchema, exposeHeadRoute: false }, async (request, reply) => {
      const { query } = request
      return follow(parts, request, reply, { stream: query.stream, filter: filterFrom(query), from: query.from })
    })

    app.post('/subscribe', { schema: postSchema }, async (request, reply) => {
      const { body } = request
      return follow(parts, request, reply, {
        stream: body.stream,
        filter: queryFrom(body.query ?? 'everything'),
        from: body.from,
        after: body.after,
      })
    })
  }
}

async function follow(
  parts: SubscribeParts,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: Asked,
): Promise<void> {
  const { access, ask } = request
  const signal = access.whileAllowed(ask, AbortSignal.any([untilGone(reply), parts.closing]))
  // Bad arguments are refused here, as a problem document, before the stream of events begins.
  const { logShards } = parts.store.capabilities
  const options = { ...optionsFrom(asked, request.headers['last-event-id'], logShards), signal }
  const items = parts.store.subscribe({ ...options, marks: true })
  reply.hijack()
  parts.opened()
  try {
    const frameOf = asked.stream === undefined && logShards > 1 ? shardFrames(logShards) : frames(asked.stream)
    await send(parts, items, reply.raw, { signal, frameOf, ask })
  } catch (failure) {
    const error = endOf(signal, failure)
    const isRefused = error instanceof AccessRefused
    if (signal.aborted && !isRefused) return
    if (!isRefused) request.log.error({ err: error }, 'a subscription failed')
    reply.raw.write(frame('error', problemOf(error)))
  } finally {
    parts.closed()
    endAnswer(reply.raw, signal, parts.closing.aborted ? ': the server shuts down, come back later\n\n' : undefined)
  }
}

interface Sending {
  readonly signal: AbortSignal
  readonly frameOf: FrameOf
  readonly ask: Ask
}

async function send(
  { clock, heartbeatMs }: SubscribeParts,
  items: AsyncIterable<SubscriptionItem>,
  response: ServerResponse,
  { signal, frameOf, ask }: Sending,
): Promise<void> {
  // The time a browser waits before it comes back, in milliseconds.
  beginEvents(response, 'retry: 1000\n\n')
  void sendHeartbeats(response, clock, heartbeatMs, signal)
  for await (const item of items) {
    // Rights that are withdrawn end what was begun with them.
    const refused = ask()
    if (refused !== undefined) await refused
    // A reader that does not drain holds one page here and nothing more.
    if (!response.write(frameOf(item))) await once(response, 'drain', { signal })
  }
}

/** An id on every frame: whoever resumes begins right after it, also after events that were filtered out. */
type FrameOf = (item: SubscriptionItem) => string

function frames(stream: string | undefined): FrameOf {
  return (item) => {
    if (item.kind !== 'event') return frame(item.kind, { position: item.position }, item.position)
    const { event } = item
    return frame('event', toEnvelope(event), stream === undefined ? event.position : event.version)
  }
}

/** The first item is a mark, which says where each shard begins. */
function shardFrames(logShards: number): FrameOf {
  let positions: LogPositions = Array.from({ length: logShards }, () => 0)
  return (item) => {
    positions = item.kind === 'event' ? positionsAfter(positions, item.event) : (item.positions ?? positions)
    return item.kind === 'event'
      ? frame('event', toEnvelope(item.event), positions.join())
      : frame(item.kind, { position: item.position, positions }, positions.join())
  }
}

function optionsFrom(asked: Asked, lastEventId: string | string[] | undefined, logShards: number): SubscribeOptions {
  const { stream: followed, filter } = asked
  if (followed !== undefined && filter !== 'everything') {
    throw new InvalidArgument('stream', 'does not go together with a filter: a subscription follows one or the other')
  }
  const place =
    lastEventId === undefined
      ? {
          ...(asked.from !== undefined && { from: asked.from }),
          ...(asked.after !== undefined && { after: asked.after }),
        }
      : placeAfter(String(lastEventId), followed === undefined ? logShards : 1)
  return { ...(followed === undefined ? { filter } : { stream: followed }), ...place }
}

function placeAfter(id: string, places: number): Pick<SubscribeOptions, 'from' | 'after'> {
  const after = id.split(',').map((place) => (/^\d{1,16}$/.test(place) ? Number(place) : Number.NaN))
  if (after.length !== places || !after.every((place) => Number.isSafeInteger(place + 1))) {
    throw new InvalidArgument('Last-Event-ID', 'is none that this server gave')
  }
  const [only] = after as [number]
  return places === 1 ? { from: only + 1 } : { after }
}
