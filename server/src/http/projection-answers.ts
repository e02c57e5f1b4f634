import { type TSchema, Type } from 'typebox'
import { type Answers, accepted, okAnswers, paged } from './answers.ts'

const place = Type.Integer({ minimum: 0 })
const count = Type.Integer({ minimum: 0 })
const milliseconds = Type.Number({ minimum: 0 })
const stateField = Type.Enum(['new', 'catching_up', 'live', 'parked', 'paused', 'failed', 'rebuilding', 'retired'])

function orNull(schema: TSchema): TSchema {
  return Type.Union([schema, Type.Null()])
}

const lagFields = {
  position: place,
  lag_events: Type.Integer({ minimum: 0, description: 'Events of the store between its position and the head' }),
  lag_ms: Type.Number({ minimum: 0, description: 'How long the first event that is missing has been in the store' }),
  parked: count,
}

const failureAnswer: TSchema = Type.Object({
  code: Type.String(),
  reason: Type.String(),
  event: orNull(
    Type.Object({ position: place, event_id: Type.String(), event_type: Type.String(), stream_id: Type.String() }),
  ),
  at: Type.String(),
  tried_by: Type.Array(Type.String()),
})

const partitionAnswer: TSchema = Type.Object({
  partition: Type.Integer({ minimum: 1 }),
  state: stateField,
  owner: orNull(Type.String({ description: 'The instance that runs it' })),
  epoch: count,
  position: place,
  parked: count,
  failure: orNull(failureAnswer),
  counts: Type.Object({
    events: count,
    batches: count,
    retries: count,
    skipped: count,
    load_ms: milliseconds,
    apply_ms: milliseconds,
    write_ms: milliseconds,
  }),
})

const generationAnswer: TSchema = Type.Object({
  generation: Type.Integer({ minimum: 1 }),
  version: Type.Integer({ minimum: 1, description: 'Of the projection that builds it' }),
  role: Type.Enum(['building', 'published', 'kept', 'retired']),
  state: stateField,
  ...lagFields,
  progress: orNull(
    Type.Object({ done: Type.Number({ minimum: 0, maximum: 1 }), eta_ms: orNull(Type.Number({ minimum: 0 })) }),
  ),
  partitions: Type.Array(partitionAnswer),
})

const projectionAnswer: TSchema = Type.Object({
  name: Type.String(),
  state: stateField,
  wanted: Type.Enum(['running', 'paused']),
  published: orNull(Type.Integer({ minimum: 1, description: 'The generation that readers see' })),
  ...lagFields,
  generations: Type.Array(generationAnswer),
})

/** How one projection is doing. */
export const projectionAnswers: Answers = okAnswers(projectionAnswer)

/** How all of them are. */
export const projectionsAnswers: Answers = okAnswers(Type.Object({ projections: Type.Array(projectionAnswer) }))

/** What was told to the instances of a projection, and how it is doing at that moment. */
export const toldAnswers: Answers = accepted(projectionAnswer)

/** The generation that is to be built. */
export const rebuildAnswers: Answers = accepted(
  Type.Object({ name: Type.String(), generation: Type.Integer({ minimum: 1 }) }),
)

/** How many events are to be replayed. */
export const replayAnswers: Answers = accepted(Type.Object({ name: Type.String(), replaying: count }))

const parkedAnswer: TSchema = Type.Object({
  position: place,
  event_id: Type.String(),
  event_type: Type.String(),
  stream_id: Type.String(),
  generation: Type.Integer({ minimum: 1 }),
  partition: Type.Integer({ minimum: 1 }),
  key: orNull(Type.String({ description: 'Given when its whole key is set aside' })),
  code: Type.String(),
  reason: Type.String(),
  attempts: count,
  at: Type.String(),
})

/** A page of parked events, or all of them as lines. */
export const parkedAnswers: Answers = paged(
  Type.Object({
    parked: Type.Array(parkedAnswer),
    next: Type.Integer({ minimum: 0, description: 'The from of the next page' }),
    end: Type.Boolean(),
  }),
  parkedAnswer,
)
