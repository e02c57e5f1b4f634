import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type TOptional, type TSchema, type TUnsafe, Type } from 'typebox'
import {
  type Clock,
  type EventStore,
  InvalidArgument,
  type Query,
  type SubscribeOptions,
  type SubscriptionItem,
  toEnvelope,
} from 'varve'
import { AccessRefused, type Ask } from '../auth/access.ts'
import { followAnswers } from './answers.ts'
import { problemOf } from './problem.ts'
import { filterFields, filterFrom, noQuery } from './range.ts'
import { endAnswer, endOf, untilGone } from './until-gone.ts'
import { queryFrom, querySchema } from './wire.ts'

type From = number | 'end'

const from: TOptional<TUnsafe<From>> = Type.Optional(
  Type.Unsafe<From>(
    Type.Union([Type.Integer({ minimum: 0 }), Type.Literal('end')], { description: 'a place from 0 on, or "end"' }),
  ),
)
const stream = Type.Optional(Type.String({ description: 'Follows one stream, by version, instead of the store' }))
const closed = { additionalProperties: false } as const

const description =
  'Server-sent events (text/event-stream): event with an envelope, caught_up and checkpoint with a position. Every id is a place to resume after by Last-Event-ID: a position, or a version when one stream is followed. Ends only when the server shuts down, or with error and a problem document: also when the right to it is withdrawn.'

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
  body: Type.Object({ from, stream, query: Type.Optional(querySchema) }, closed),
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
  const options = { ...optionsFrom(asked, request.headers['last-event-id']), signal }
  const items = parts.store.subscribe({ ...options, marks: true })
  reply.hijack()
  parts.opened()
  try {
    const placeOf = asked.stream === undefined ? positionOf : versionOf
    await send(parts, items, reply.raw, { signal, placeOf, ask })
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
  readonly placeOf: PlaceOf
  readonly ask: Ask
}

async function send(
  { clock, heartbeatMs }: SubscribeParts,
  items: AsyncIterable<SubscriptionItem>,
  response: ServerResponse,
  { signal, placeOf, ask }: Sending,
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // Proxies that gather answers would hold events back.
    'x-accel-buffering': 'no',
  })
  // The time a browser waits before it comes back, in milliseconds.
  response.write('retry: 1000\n\n')
  void sendHeartbeats(clock, heartbeatMs, response, signal)
  for await (const item of items) {
    // Rights that are withdrawn end what was begun with them.
    const refused = ask()
    if (refused !== undefined) await refused
    // A reader that does not drain holds one page here and nothing more.
    if (!response.write(frameOf(item, placeOf))) await once(response, 'drain', { signal })
  }
}

async function sendHeartbeats(
  clock: Clock,
  everyMs: number,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(everyMs, signal)
    if (signal.aborted || response.writableEnded) return
    if (!response.writableNeedDrain) response.write(': alive\n\n')
  }
}

type PlaceOf = (event: { readonly position: number; readonly version: number }) => number

const positionOf: PlaceOf = (event) => event.position
const versionOf: PlaceOf = (event) => event.version

/** An id on every frame: whoever resumes begins right after it, also after events that were filtered out. */
function frameOf(item: SubscriptionItem, placeOf: PlaceOf): string {
  return item.kind === 'event'
    ? frame('event', toEnvelope(item.event), placeOf(item.event))
    : frame(item.kind, { position: item.position }, item.position)
}

function frame(event: string, data: object, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

function optionsFrom(asked: Asked, lastEventId: string | string[] | undefined): SubscribeOptions {
  const { stream: followed, filter } = asked
  if (followed !== undefined && filter !== 'everything') {
    throw new InvalidArgument('stream', 'does not go together with a filter: a subscription follows one or the other')
  }
  const begin = lastEventId === undefined ? asked.from : placeAfter(String(lastEventId))
  return {
    ...(followed === undefined ? { filter } : { stream: followed }),
    ...(begin !== undefined && { from: begin }),
  }
}

function placeAfter(id: string): number {
  const place = /^\d{1,16}$/.test(id) ? Number(id) : Number.NaN
  if (!Number.isSafeInteger(place + 1)) throw new InvalidArgument('Last-Event-ID', 'is none that this server gave')
  return place + 1
}
