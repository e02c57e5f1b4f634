import { type TSchema, Type } from 'typebox'
import { type Answers, envelopeAnswer, okAnswers, statusAnswers } from './answers.ts'

/** What the routes of consumer groups answer, for the description of the API only. */
const place = Type.Integer({ minimum: 0 })
const count = Type.Integer({ minimum: 0 })
const orNull = (schema: TSchema): TSchema => Type.Union([schema, Type.Null()])

const consumerAnswer = Type.Object({
  name: Type.String(),
  in_flight: count,
  finished: count,
  per_second: Type.Number({ description: 'Events finished per second, lately' }),
})

const summaryFields = {
  group: Type.String(),
  settings: Type.Object({}, { additionalProperties: true }),
  status: Type.Enum(['running', 'idle', 'stopped']),
  stopped: orNull(Type.Object({ reason: Type.String(), position: orNull(place) })),
  checkpoint: Type.Integer({ minimum: 0, description: 'Everything up to here is finished' }),
  reached: Type.Integer({ minimum: 0, description: 'Everything up to here was taken in' }),
  in_flight: count,
  waiting: Type.Integer({ minimum: 0, description: 'Events taken in that nobody has' }),
  parked: count,
  is_replaying: Type.Boolean(),
  acked: count,
  skipped: count,
  per_second: Type.Number(),
  members: Type.Array(Type.Object({ id: Type.String(), consumers: Type.Array(consumerAnswer) })),
}

const infoAnswer = Type.Object({
  ...summaryFields,
  lag_events: count,
  is_lag_exact: Type.Boolean(),
  oldest: orNull(
    Type.Object({
      position: place,
      event_id: Type.String(),
      event_type: Type.String(),
      stream_id: Type.String(),
      timestamp: Type.String(),
      attempts: count,
    }),
  ),
})

/** Where a group stands. */
export const groupAnswers: Answers = okAnswers(infoAnswer)

/** Where a group begins. */
export const newGroupAnswers: Answers = statusAnswers(201, 'Created', infoAnswer)

/** A page of groups. */
export const groupListAnswers: Answers = okAnswers(Type.Object({ groups: Type.Array(Type.Object(summaryFields)) }))

/** How many of something there were. */
export const countAnswers: Answers = okAnswers(Type.Object({ group: Type.String(), count }))

/** A page of parked events. */
export const parkedListAnswers: Answers = okAnswers(
  Type.Object({
    group: Type.String(),
    parked: Type.Array(
      Type.Object({
        position: place,
        event_id: Type.String(),
        event_type: Type.String(),
        stream_id: Type.String(),
        reason: Type.String(),
        attempts: count,
        parked_at: Type.String(),
      }),
    ),
  }),
)

/** Events for a consumer. */
export const deliveriesAnswers: Answers = okAnswers(
  Type.Object({
    group: Type.String(),
    deliveries: Type.Array(
      Type.Object({
        delivery_id: Type.String({ description: 'What the event is acknowledged by' }),
        attempt: Type.Integer({ minimum: 1 }),
        position: place,
        event: envelopeAnswer,
      }),
    ),
  }),
)

/** What became of words on events. */
export const saidAnswers: Answers = okAnswers(
  Type.Object({
    known: Type.Array(Type.String()),
    lost: Type.Array(Type.String(), {
      description: 'Not this consumer’s any more: nothing was recorded, and they come again',
    }),
  }),
)
