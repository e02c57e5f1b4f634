import { type TSchema, type TUnsafe, Type } from 'typebox'
import { type AppendCondition, InvalidArgument, limits, type NewEvent, type Query, type QueryItem } from 'varve'

/** An object that may have no other fields: a typo is refused, never dropped. */
const closed = { additionalProperties: false } as const

/** An event to append, as clients send it. */
export interface WireNewEvent {
  readonly event_type: string
  readonly data?: unknown
  readonly data_base64?: string
  readonly content_type?: string
  readonly event_id?: string
  readonly metadata?: Record<string, unknown>
  readonly metadata_base64?: string
  readonly metadata_content_type?: string
  readonly tags?: string[]
  readonly schema_version?: number
  readonly timestamp?: string
}

/** One item of a query, as clients send it. */
export interface WireQueryItem {
  readonly types?: string[]
  readonly tags?: string[]
  readonly categories?: string[]
  readonly stream_prefix?: string
}

/** A query, as clients send it. */
export type WireQuery = 'everything' | WireQueryItem | WireQueryItem[]

/** An append condition, as clients send it. */
export interface WireCondition {
  readonly fail_if_match: WireQuery
  readonly after?: number
}

const text = (description: string): TSchema => Type.Optional(Type.String({ description }))

/** The shape of {@link WireNewEvent}. */
export const newEventSchema: TUnsafe<WireNewEvent> = Type.Unsafe<WireNewEvent>(
  Type.Object(
    {
      event_type: Type.String({ description: `1 to ${limits.eventTypeChars} characters` }),
      data: Type.Optional(Type.Unknown({ description: 'Any JSON value' })),
      data_base64: text('Instead of data: any bytes, kept and returned exactly'),
      content_type: text('Default application/json, or application/octet-stream with data_base64'),
      event_id: text('A UUID, unique in the store for ever; default: a fresh one, or one from Idempotency-Key'),
      metadata: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), {
          description: 'correlation_id, causation_id, user_id and whatever else; not timestamp',
        }),
      ),
      metadata_base64: text('Instead of metadata: any bytes, kept and returned exactly'),
      metadata_content_type: text('Of metadata_base64; default application/octet-stream'),
      tags: Type.Optional(Type.Array(Type.String(), { description: `At most ${limits.eventTags}` })),
      schema_version: Type.Optional(Type.Integer({ minimum: 1, description: "Of the payload's shape; default 1" })),
      timestamp: text('For imports: when the event was first recorded, ISO 8601 in UTC; default: now'),
    },
    closed,
  ),
)

const terms = Type.Optional(Type.Array(Type.String(), { description: 'Not empty' }))

const queryItemSchema = Type.Object(
  { types: terms, tags: terms, categories: terms, stream_prefix: Type.Optional(Type.String()) },
  closed,
)

/** The shape of {@link WireQuery}. */
export const querySchema: TUnsafe<WireQuery> = Type.Unsafe<WireQuery>(
  Type.Union([Type.Literal('everything'), queryItemSchema, Type.Array(queryItemSchema)], {
    description:
      '"everything", an item or a list of items, which are OR-ed. Within an item types are OR-ed, tags AND-ed, categories OR-ed, and all fields of types, tags, categories and stream_prefix must hold',
  }),
)

/** The shape of {@link WireCondition}. */
export const conditionSchema: TUnsafe<WireCondition> = Type.Unsafe<WireCondition>(
  Type.Object(
    {
      fail_if_match: querySchema,
      after: Type.Optional(Type.Integer({ minimum: 0, description: 'A position; default 0' })),
    },
    { ...closed, description: 'Refuses the append when an event above after matches' },
  ),
)

/** An event as the store's API takes it. */
export function newEventFrom(wire: WireNewEvent, at: string): NewEvent {
  const { event_id, content_type, tags, schema_version, timestamp } = wire
  return {
    type: wire.event_type,
    data: dataFrom(wire, at),
    ...(event_id !== undefined && { id: event_id }),
    ...(content_type !== undefined && { contentType: content_type }),
    ...metadataFrom(wire, at),
    ...(tags !== undefined && { tags }),
    ...(schema_version !== undefined && { schemaVersion: schema_version }),
    ...(timestamp !== undefined && { timestamp }),
  }
}

/** A query as the store's API takes it. */
export function queryFrom(wire: WireQuery): Query {
  if (wire === 'everything') return wire
  return Array.isArray(wire) ? wire.map(itemFrom) : itemFrom(wire)
}

/** A condition as the store's API takes it. */
export function conditionFrom(wire: WireCondition): AppendCondition {
  const { fail_if_match, after } = wire
  return { failIfMatch: queryFrom(fail_if_match), ...(after !== undefined && { after }) }
}

function itemFrom({ types, tags, categories, stream_prefix }: WireQueryItem): QueryItem {
  return {
    ...(types !== undefined && { types }),
    ...(tags !== undefined && { tags }),
    ...(categories !== undefined && { categories }),
    ...(stream_prefix !== undefined && { streamPrefix: stream_prefix }),
  }
}

function dataFrom(wire: WireNewEvent, at: string): unknown {
  const { data_base64 } = wire
  if (data_base64 === undefined) {
    if ('data' in wire) return wire.data
    throw new InvalidArgument(`${at}.data`, 'is missing: give data, or data_base64 for bytes; null says "no data"')
  }
  if ('data' in wire) throw new InvalidArgument(at, 'has both data and data_base64: give one')
  return bytesFrom(data_base64, `${at}.data_base64`)
}

function metadataFrom(wire: WireNewEvent, at: string): Pick<NewEvent, 'metadata' | 'metadataContentType'> {
  const { metadata, metadata_base64, metadata_content_type } = wire
  if (metadata_base64 === undefined) {
    if (metadata_content_type !== undefined && metadata_content_type !== 'application/json') {
      throw new InvalidArgument(`${at}.metadata_content_type`, 'goes with metadata_base64 only')
    }
    return metadata === undefined ? {} : { metadata }
  }
  if (metadata !== undefined) throw new InvalidArgument(at, 'has both metadata and metadata_base64: give one')
  return {
    metadata: bytesFrom(metadata_base64, `${at}.metadata_base64`),
    ...(metadata_content_type !== undefined && { metadataContentType: metadata_content_type }),
  }
}

function bytesFrom(base64: string, at: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64')
  // Buffer skips what is not base64, which would store other bytes than were sent.
  if (bytes.toString('base64') !== base64) throw new InvalidArgument(at, 'is not base64 with its padding')
  return new Uint8Array(bytes)
}
