import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type AppendAllOptions, type EventStore, InvalidArgument, limits } from 'varve'
import { appendedAllAnswers, appendedAnswers } from './answers.ts'
import {
  appendAllHeaders,
  appendHeaders,
  expectedIn,
  expectedVersionSchema,
  refuseExpected,
} from './expected-version.ts'
import { conditionFrom, conditionSchema, newEventFrom, newEventSchema, type WireCondition } from './wire.ts'

const closed = { additionalProperties: false } as const

const appendSchema = {
  tags: ['append'],
  summary: 'Append events to one stream, all or none',
  description:
    'If-Match: "7" expects version 7, If-Match: * a stream with events, If-None-Match: * one without; a conflict is 412 then, and 409 when expected_version said it. With an Idempotency-Key, or with event_ids, the request may be repeated.',
  headers: appendHeaders,
  params: Type.Object({ stream_id: Type.String() }),
  querystring: Type.Object({}, closed),
  body: Type.Object(
    {
      events: Type.Array(newEventSchema),
      expected_version: Type.Optional(expectedVersionSchema),
      condition: Type.Optional(conditionSchema),
    },
    closed,
  ),
  response: appendedAnswers,
}

const appendAllSchema = {
  tags: ['append'],
  summary: 'Append events to several streams in one transaction, all or none',
  description: 'A write without events only checks the version of its stream.',
  headers: appendAllHeaders,
  querystring: Type.Object({}, closed),
  body: Type.Object(
    {
      writes: Type.Array(
        Type.Object(
          {
            stream_id: Type.String(),
            events: Type.Array(newEventSchema),
            expected_version: Type.Optional(expectedVersionSchema),
          },
          closed,
        ),
      ),
      condition: Type.Optional(conditionSchema),
    },
    closed,
  ),
  response: appendedAllAnswers,
}

/** The routes that append. */
export function appendRoutes(store: EventStore): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/streams/:stream_id/events', { schema: appendSchema }, async (request, reply) => {
      const { stream_id } = request.params
      const { events, expected_version, condition } = request.body
      const options = { ...appendOptions(request, condition), ...expectedIn(expected_version, request.headers) }
      const news = events.map((event, index) => newEventFrom(event, `events[${index}]`))
      const appended = await store.append(stream_id, news, options)
      const { firstVersion, version, firstPosition, position, eventIds, idempotent } = appended
      // A longer append is more than a page: this is the first one of it.
      const limit = Math.min(news.length, limits.pageEvents)
      const eventsAt = `/streams/${encodeURIComponent(stream_id)}/events?from=${firstVersion}&limit=${limit}`
      reply
        .status(idempotent ? 200 : 201)
        .header('etag', `"${version}"`)
        .header('location', eventsAt)
      return {
        stream_id,
        first_version: firstVersion,
        version,
        first_position: firstPosition,
        position,
        event_ids: eventIds,
        idempotent,
      }
    })

    app.post('/events', { schema: appendAllSchema }, async (request, reply) => {
      refuseExpected(request.headers, 'give each write its expected_version')
      const { writes, condition } = request.body
      const all = writes.map(({ stream_id, events, expected_version }, place) => ({
        streamId: stream_id,
        events: events.map((event, index) => newEventFrom(event, `writes[${place}].events[${index}]`)),
        ...(expected_version !== undefined && { expectedVersion: expected_version }),
      }))
      const appended = await store.appendAll(all, appendOptions(request, condition))
      const { firstPosition, position, streams, eventIds, idempotent } = appended
      reply.status(idempotent ? 200 : 201)
      return {
        first_position: firstPosition,
        position,
        streams: streams.map(({ streamId, firstVersion, version }) => ({
          stream_id: streamId,
          first_version: firstVersion,
          version,
        })),
        event_ids: eventIds,
        idempotent,
      }
    })
  }
}

function appendOptions({ headers }: FastifyRequest, condition: WireCondition | undefined): AppendAllOptions {
  // Node joins a header that was sent twice, and two keys make no third one.
  const key = headers['idempotency-key']
  if (key === '' || (typeof key === 'string' && key.includes(','))) {
    throw new InvalidArgument('Idempotency-Key', 'is empty or has a comma, as if it had been sent twice')
  }
  return {
    ...(condition !== undefined && { condition: conditionFrom(condition) }),
    ...(typeof key === 'string' && { idempotencyKey: key }),
  }
}
