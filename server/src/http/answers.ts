import { type TSchema, Type } from 'typebox'
import { linesType } from './lines.ts'
import { problemType } from './problem.ts'

/**
 * What the routes answer, for the description of the API only: answers are written as plain JSON, since a serialiser
 * made from a schema would leave out what the schema does not name.
 */
const place = Type.Integer({ minimum: 0 })

/** An answer with the media types it comes in. */
interface Answer {
  readonly description: string
  readonly content: Readonly<Record<string, { readonly schema: TSchema }>>
}

/** Any refusal. */
const problemAnswer: Answer = {
  description: 'A problem document (RFC 9457), with the facts of the error beside',
  content: {
    [problemType]: {
      schema: Type.Object({
        type: Type.String(),
        title: Type.String(),
        status: Type.Integer(),
        detail: Type.String({ description: 'What was refused and what to do next' }),
        code: Type.String({ description: 'Stable; docs/errors.md lists them' }),
      }),
    },
  },
}

/** A recorded event. */
export const envelopeAnswer: TSchema = Type.Object({
  event_id: Type.String(),
  stream_id: Type.String(),
  event_type: Type.String(),
  version: place,
  schema_version: place,
  content_type: Type.Optional(Type.String({ description: 'Absent: application/json' })),
  data: Type.Optional(Type.Unknown()),
  data_base64: Type.Optional(Type.String({ description: 'The exact bytes, when data alone would not give them back' })),
  metadata: Type.Object({ timestamp: Type.String() }, { additionalProperties: true }),
  metadata_content_type: Type.Optional(Type.String()),
  metadata_base64: Type.Optional(Type.String()),
  tags: Type.Array(Type.String()),
  global_position: place,
})

const pageFields = {
  events: Type.Array(envelopeAnswer),
  next: Type.Integer({ minimum: 0, description: 'The from of the next page; 0 at the beginning of a backward read' }),
  end: Type.Boolean({ description: 'True when nothing more was there' }),
  head: Type.Integer({ minimum: 0, description: 'The last position of the store' }),
}

const streamFields = {
  stream_id: Type.String(),
  version: Type.Integer({ minimum: 0, description: 'Of the last event, 0 when there never was one' }),
  truncate_before: Type.Integer({ minimum: 1, description: 'The first version that reads still show' }),
  tombstoned: Type.Boolean(),
  exists: Type.Boolean({ description: 'True when a read would show at least one event' }),
}

const appendedFields = {
  first_position: place,
  position: place,
  event_ids: Type.Array(Type.String()),
  idempotent: Type.Boolean({ description: 'True when these ids were in the store already' }),
}

const changedFields = { position: place, changed: Type.Boolean() }

/** The answers of one route by status: the good ones given, and a problem document for everything else. */
export type Answers = Readonly<Record<string, Answer>>

/** Where an append to one stream landed. */
export const appendedAnswers: Answers = created(
  Type.Object({ stream_id: Type.String(), first_version: place, version: place, ...appendedFields }),
)

/** Where an append to several streams landed. */
export const appendedAllAnswers: Answers = created(
  Type.Object({
    streams: Type.Array(Type.Object({ stream_id: Type.String(), first_version: place, version: place })),
    ...appendedFields,
  }),
)

/** One event, or null. */
export const eventAnswers: Answers = okAnswers(Type.Object({ event: Type.Union([envelopeAnswer, Type.Null()]) }))

/** What a correlation id ties together. */
export const traceAnswers: Answers = okAnswers(
  Type.Object({
    correlation_id: Type.String(),
    roots: Type.Array(
      Type.Object({
        event: envelopeAnswer,
        effects: Type.Array(Type.Object({}, { description: 'Again an event and its effects' })),
      }),
    ),
    complete: Type.Boolean({ description: 'False when there is more than was asked for' }),
  }),
)

/** A page of events, or all of them as lines. */
export const pageAnswers: Answers = read(Type.Object(pageFields))

/** A page of the events of one stream, and where the stream stands; or all of them as lines. */
export const streamPageAnswers: Answers = read(Type.Object({ ...streamFields, ...pageFields }))

/** Events for as long as the server runs. */
export const followAnswers: Answers = {
  200: as('text/event-stream', 'Server-sent events', Type.String()),
  default: problemAnswer,
}

/** Where a stream stands. */
export const streamAnswers: Answers = okAnswers(Type.Object(streamFields))

/** A page of streams. */
export const streamsAnswers: Answers = okAnswers(
  Type.Object({ streams: Type.Array(Type.Object(streamFields)), end: Type.Boolean() }),
)

/** What a change of a stream did. */
export const changedAnswers: Answers = okAnswers(Type.Object(changedFields))

/** A stream's metadata. */
export const metadataAnswers: Answers = okAnswers(
  Type.Object({ metadata: Type.Object({}, { additionalProperties: true }), version: place }),
)

/** A saved place. */
export const checkpointAnswers: Answers = okAnswers(
  Type.Object({ position: place, positions: Type.Optional(Type.Array(place)), version: place }),
)

const shelfItem = Type.Object({ key: Type.String(), value: Type.Unknown(), version: place })

/** An entry of the shelf. */
export const shelfItemAnswers: Answers = okAnswers(shelfItem)

/** A page of entries of the shelf. */
export const shelfListAnswers: Answers = okAnswers(Type.Object({ items: Type.Array(shelfItem) }))

/** Where an entry of the shelf stands now; version 0 when it is not there. */
export const shelfVersionAnswers: Answers = okAnswers(Type.Object({ key: Type.String(), version: place }))

/** The head and what the engine can do. */
export const headAnswers: Answers = okAnswers(
  Type.Object({ head: place, heads: Type.Array(place), capabilities: Type.Object({}, { additionalProperties: true }) }),
)

/** That the process lives. */
export const liveAnswers: Answers = { 200: json('It lives', Type.Object({ status: Type.Literal('live') })) }

const unwellAnswer = Type.Object({
  name: Type.String(),
  generation: Type.Integer({ minimum: 1 }),
  role: Type.String(),
  state: Type.String(),
  lag_events: place,
  lag_ms: Type.Number({ minimum: 0 }),
})

const readyFields = {
  head: place,
  projections: Type.Union(
    [Type.Array(unwellAnswer, { description: 'Those that are behind or have failed' }), Type.Null()],
    { description: 'null when the store did not tell' },
  ),
}

/** Whether the server can serve. */
export const readyAnswers: Answers = {
  200: json('It can serve', Type.Object({ status: Type.Literal('ready'), ...readyFields })),
  503: json(
    'It cannot, or a read model is behind and the server was told to wait for it',
    Type.Object({
      status: Type.String({ description: '"closing", "unready" or "behind"' }),
      head: Type.Optional(readyFields.head),
      projections: Type.Optional(readyFields.projections),
    }),
  ),
}

/** Numbers for a monitor. */
export const metricsAnswers: Answers = { 200: as('text/plain', "Prometheus' text form", Type.String()) }

/** Done, or a refusal. */
export function okAnswers(answer: TSchema): Answers {
  return statusAnswers(200, 'Done', answer)
}

/** Done in another way, or a refusal. */
export function statusAnswers(status: number, description: string, answer: TSchema): Answers {
  return { [status]: json(description, answer), default: problemAnswer }
}

function created(answer: TSchema): Answers {
  return {
    201: json('Appended', answer),
    200: json('These ids were in the store already', answer),
    default: problemAnswer,
  }
}

/** The answers of a route that tells others what to do. */
export function accepted(answer: TSchema): Answers {
  return { 202: json('The instances do it when they next look', answer), default: problemAnswer }
}

function read(page: TSchema): Answers {
  return paged(page, envelopeAnswer)
}

/** The answers of a listing: a page, or every item as a line. */
export function paged(page: TSchema, line: TSchema): Answers {
  const lines = { [linesType]: { schema: line } }
  const { description, content } = json('A page, or every event as a line, as the request accepts', page)
  return { 200: { description, content: { ...content, ...lines } }, default: problemAnswer }
}

function json(description: string, schema: TSchema): Answer {
  return as('application/json', description, schema)
}

function as(mediaType: string, description: string, schema: TSchema): Answer {
  return { description, content: { [mediaType]: { schema } } }
}
