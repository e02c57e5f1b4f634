import { once } from 'node:events'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type TSchema, Type } from 'typebox'
import { limits, type NackAction, toEnvelope } from 'varve'
import { AccessRefused } from '../auth/access.ts'
import { followAnswers } from './answers.ts'
import { countAnswers, deliveriesAnswers, saidAnswers } from './group-answers.ts'
import { type ConsumersParts, GroupConsumers, type HttpConsumer, type Said, type Taken } from './group-consumers.ts'
import { groupParams } from './group-wire.ts'
import { problemOf } from './problem.ts'
import { noQuery } from './range.ts'
import { beginEvents, frame, sendHeartbeats } from './server-sent-events.ts'
import { endAnswer, endOf } from './until-gone.ts'

/** How long a request waits for an event at the most, in milliseconds: longer, and proxies on the way give it up. */
const waitMsMax = 55_000
const waitMsDefault = 20_000
const maxDefault = 10

const closed = { additionalProperties: false } as const
const consumer = Type.String({
  minLength: 1,
  maxLength: limits.consumerNameChars,
  description: 'Its name: it stays one consumer from request to request, until it is not heard of for 30 seconds',
})
const buffer = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: limits.consumerEvents,
    description: 'Events it has at a time; default: what the group says. Counts when the consumer begins',
  }),
)

const pollSchema = {
  tags: ['groups'],
  summary: 'Take the next events of a consumer group, waiting for the first one',
  params: groupParams,
  querystring: Type.Object(
    {
      consumer,
      buffer_events: buffer,
      max: Type.Optional(
        Type.Integer({ minimum: 1, maximum: limits.consumerEvents, description: `Default ${maxDefault}` }),
      ),
      wait_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: waitMsMax, description: `Default ${waitMsDefault}` })),
    },
    closed,
  ),
  response: deliveriesAnswers,
}

const followSchema = {
  tags: ['groups'],
  summary: 'Follow a consumer group',
  description:
    'Server-sent events: delivery with a delivery_id, an attempt and an event. The consumer ends with its connection, and what it has not acknowledged is given back. Ends with error and a problem document, also when the right to it is withdrawn.',
  params: groupParams,
  querystring: Type.Object({ consumer, buffer_events: buffer }, closed),
  response: followAnswers,
}

const deliveryIds = Type.Array(Type.String(), { minItems: 1, maxItems: limits.consumerEvents })
const ofGroup = { tags: ['groups'], params: groupParams, querystring: noQuery }

const ackSchema = {
  ...ofGroup,
  summary: 'Say that events were handled; names those that are not the consumer’s any more',
  body: Type.Object({ consumer, delivery_ids: deliveryIds }, closed),
  response: saidAnswers,
}

const nackSchema = {
  ...ofGroup,
  summary: 'Say that events were not handled, and what is to become of them',
  body: Type.Object(
    {
      consumer,
      delivery_ids: deliveryIds,
      action: Type.Unsafe<NackAction>(Type.Enum(['retry', 'park', 'skip', 'stop'])),
      reason: Type.Optional(Type.String()),
      delay_ms: Type.Optional(Type.Integer({ minimum: 0, description: 'Before the retry' })),
    },
    closed,
  ),
  response: saidAnswers,
}

const leaveSchema = {
  ...ofGroup,
  summary: 'End a consumer: what it has is given back at once',
  params: Type.Object({ group: Type.String(), consumer }) as TSchema,
  response: countAnswers,
}

/** What the routes need. */
export interface DeliveryParts extends ConsumersParts {
  readonly heartbeatMs: number
}

/** The routes for consumers. */
export function groupDeliveryRoutes(parts: DeliveryParts): FastifyPluginAsyncTypebox {
  const consumers = new GroupConsumers(parts)

  return async (app) => {
    // The store closes after this.
    app.addHook('preClose', () => consumers.close())

    app.get('/groups/:group/events', { schema: pollSchema, exposeHeadRoute: false }, async (request, reply) => {
      const { params, query } = request
      const joined = consumers.join(params.group, query.consumer, query.buffer_events)
      const waiting = untilGone(reply, parts, query.wait_ms ?? waitMsDefault)
      const taken = await joined.take(query.max ?? maxDefault, request.access.whileAllowed(request.ask, waiting.signal))
      waiting.end()
      if (waiting.hasLeft()) await giveBack(joined, taken, 'The connection was closed before the event was sent.')
      await askBefore(request, joined, taken)
      return { group: params.group, deliveries: taken.map(wireDelivery) }
    })

    app.get('/groups/:group/subscribe', { schema: followSchema, exposeHeadRoute: false }, async (request, reply) => {
      const { params, query } = request
      await follow(parts, consumers.join(params.group, query.consumer, query.buffer_events), request, reply)
    })

    app.post('/groups/:group/acks', { schema: ackSchema }, async ({ params: { group }, body }) => {
      const said = await consumers
        .find(group, body.consumer)
        ?.say(body.delivery_ids, (delivery) => delivery.ack({ until: 'saved' }))
      return wireSaid(said, body.delivery_ids)
    })

    app.post('/groups/:group/nacks', { schema: nackSchema }, async ({ params: { group }, body }) => {
      const { action, reason, delay_ms } = body
      const options = { ...(reason !== undefined && { reason }), ...(delay_ms !== undefined && { delayMs: delay_ms }) }
      const said = await consumers
        .find(group, body.consumer)
        ?.say(body.delivery_ids, (delivery) => delivery.nack(action, options))
      return wireSaid(said, body.delivery_ids)
    })

    app.delete('/groups/:group/consumers/:consumer', { schema: leaveSchema }, async ({ params }) => {
      const { group, consumer: name } = params as { readonly group: string; readonly consumer: string }
      const found = consumers.find(group, name)
      await found?.leave()
      return { group, count: found === undefined ? 0 : 1 }
    })
  }
}

/** Sends events as they come, until the client or the server goes. */
async function follow(
  { clock, heartbeatMs, closing }: DeliveryParts,
  joined: HttpConsumer,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const gone = new AbortController()
  const response = reply.raw
  response.once('close', () => gone.abort(new Error('The client has gone.')))
  const signal = request.access.whileAllowed(request.ask, AbortSignal.any([gone.signal, closing]))
  reply.hijack()
  beginEvents(response, ': the consumer has joined\n\n')
  void sendHeartbeats(response, clock, heartbeatMs, signal)
  try {
    while (!signal.aborted) {
      const taken = await joined.take(1, signal)
      await askBefore(request, joined, taken)
      for (const one of taken) {
        // A client that does not drain holds what it has in hand here and nothing more.
        if (!response.write(frame('delivery', wireDelivery(one)))) await once(response, 'drain', { signal })
      }
    }
  } catch (failure) {
    const error = endOf(signal, failure)
    const isRefused = error instanceof AccessRefused
    if (signal.aborted && !isRefused) return
    if (!isRefused) request.log.error({ err: error }, 'a consumer of a group failed')
    response.write(frame('error', problemOf(error)))
  } finally {
    gone.abort(new Error('The consumer has ended.'))
    await joined.leave()
    endAnswer(response, signal)
  }
}

/** Aborts when the client has gone, the server goes, or the time is over. */
function untilGone(
  { raw }: FastifyReply,
  { clock, closing }: DeliveryParts,
  waitMs: number,
): { readonly signal: AbortSignal; readonly hasLeft: () => boolean; readonly end: () => void } {
  const over = new AbortController()
  const end = (): void => over.abort(new Error('The request is over.'))
  let isClosed = false
  raw.once('close', () => {
    isClosed = true
    end()
  })
  void clock.sleep(waitMs, over.signal).then(end)
  return { signal: AbortSignal.any([over.signal, closing]), hasLeft: () => isClosed, end }
}

/** Rights may have been withdrawn while an event was waited for: it is others' then. */
async function askBefore({ ask }: FastifyRequest, joined: HttpConsumer, taken: readonly Taken[]): Promise<void> {
  try {
    await ask()
  } catch (error) {
    await giveBack(joined, taken, 'Its consumer may not read it any more.')
    throw error
  }
}

/** The client does not get them, and nobody else has them. */
async function giveBack(joined: HttpConsumer, taken: readonly Taken[], reason: string): Promise<void> {
  await joined.say(
    taken.map(({ deliveryId }) => deliveryId),
    (delivery) => delivery.nack('retry', { reason, delayMs: 0 }),
  )
}

function wireDelivery({ deliveryId, delivery }: Taken): object {
  const { attempt, position, event } = delivery
  return { delivery_id: deliveryId, attempt, position, event: toEnvelope(event) }
}

function wireSaid(said: Said | undefined, asked: readonly string[]): object {
  return { known: said?.known ?? [], lost: said?.lost ?? asked }
}
