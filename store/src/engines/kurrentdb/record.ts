import { EngineFailed } from '../../model/errors.ts'
import type { EventToStore, StoredEvent } from '../../model/event.ts'
import { jsonContentType, type Payload, toBytes, toText } from '../../model/payload.ts'
import type { KurrentEvent, KurrentNewEvent, KurrentRecord, KurrentValue } from './driver.ts'
import { type Names, typeName } from './names.ts'

/**
 * An event as both sides read it. For clients of KurrentDB its data are JSON when they are, and its metadata have
 * `$correlationId`, `$causationId` and every text of the event's own metadata. What KurrentDB has no place for, and what would
 * not come back as the same bytes, is one text under `$varve`.
 */
interface Carried {
  /** When the store took the event in: KurrentDB gives every event the time of its append. */
  readonly time: number
  readonly stream?: string
  readonly type?: string
  readonly schema_version?: number
  readonly tags?: readonly string[]
  readonly content_type?: string
  /** The data, when JSON of the value that is sent is another text. */
  readonly data?: string
  readonly metadata?: string
  readonly metadata_base64?: string
  readonly metadata_content_type?: string
  /** Of a fact about a stream: what that stream is like after it, told by who appended it. */
  readonly stands?: Stands
}

/** What the facts about a stream have made of it. */
export interface Stands {
  readonly truncateBefore: number
  readonly tombstoned: boolean
}

/** A record of the engine's own, beside the events. */
export function ownRecord(streamName: string, id: string, type: string, data: Record<string, unknown>): KurrentRecord {
  return { streamName, record: { id, type: `varve:${type}`, contentType: jsonContentType, data, metadata: undefined } }
}

const carriedKey = '$varve'
const binaryContentType = 'application/octet-stream'

/** An event on its way into KurrentDB. */
export function recordOf(event: EventToStore, names: Names, stands: Stands | undefined): KurrentRecord {
  const streamName = names.streamName(event.streamId)
  const json = event.contentType === jsonContentType ? sentJson(event.data) : undefined
  const expected = json === undefined ? binaryContentType : jsonContentType
  const type = typeName(event.type)
  const carried: Carried = {
    time: event.recordedAtMs,
    ...(names.streamIdOf(streamName) !== event.streamId && { stream: event.streamId }),
    ...(type !== event.type && { type: event.type }),
    ...(event.schemaVersion !== 1 && { schema_version: event.schemaVersion }),
    ...(event.tags.length > 0 && { tags: event.tags }),
    ...(event.contentType !== expected && { content_type: event.contentType }),
    ...(json?.original !== undefined && { data: json.original }),
    ...carriedMetadata(event),
    ...(stands !== undefined && { stands }),
  }
  const metadata = { ...shownMetadata(event), [carriedKey]: JSON.stringify(carried) }
  const { id } = event
  const record: KurrentNewEvent =
    json === undefined
      ? { id, type, contentType: binaryContentType, data: new Uint8Array(toBytes(event.data)), metadata }
      : { id, type, contentType: jsonContentType, data: json.value, metadata }
  return { streamName, record }
}

/** An event of KurrentDB as one of the store. One that another client appended says of itself what KurrentDB says of it. */
export function storedEventOf(event: KurrentEvent, names: Names): StoredEvent {
  const { [carriedKey]: text, ...others } = objectIn(event.metadata) ?? {}
  const carried = typeof text === 'string' ? carriedIn(text) : undefined
  return {
    id: event.id,
    streamId: carried?.stream ?? names.streamIdOf(event.streamId),
    type: carried?.type ?? event.type,
    version: Number(event.revision) + 1,
    position: positionOf(event),
    schemaVersion: carried?.schema_version ?? 1,
    contentType: carried?.content_type ?? (event.isJson ? jsonContentType : binaryContentType),
    data: carried?.data ?? payloadOf(event.data, event.isJson),
    ...(carried === undefined ? foreignMetadata(event, others) : ownMetadata(carried)),
    tags: carried?.tags ?? [],
    recordedAtMs: carried?.time ?? event.created.getTime(),
  }
}

/** What an event that is a fact says about its stream; undefined for every other event. */
export function standsOf(event: KurrentEvent): Stands | undefined {
  const text = objectIn(event.metadata)?.[carriedKey]
  return typeof text === 'string' ? carriedIn(text)?.stands : undefined
}

/** An event's place in the log. No two events have the same prepare, and it rises with the log. */
export function positionOf({ id, position }: Pick<KurrentEvent, 'id' | 'position'>): number {
  if (position === undefined)
    throw new EngineFailed('kurrentdb', `the server gives event ${id} no position. Use KurrentDB 26.1 or later`)
  return Number(position.prepare)
}

interface SentJson {
  readonly value: KurrentValue
  readonly original?: string
}

/** Undefined for what is no JSON, or has numbers that would become others: that goes as bytes. */
function sentJson(data: Payload): SentJson | undefined {
  try {
    const original = toText(data)
    const value: unknown = JSON.parse(original)
    const isSame = JSON.stringify(value) === original
    if (!isSame && !isFiniteThroughout(value)) return undefined
    return { value: value as KurrentValue, ...(!isSame && { original }) }
  } catch {
    return undefined
  }
}

function isFiniteThroughout(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  return typeof value !== 'object' || value === null || Object.values(value).every(isFiniteThroughout)
}

/** What other clients see of the metadata: the client takes texts only. */
function shownMetadata({ metadata, metadataContentType }: EventToStore): Record<string, string> {
  const own = metadataContentType === jsonContentType ? parsedObject(metadata) : undefined
  if (own === undefined) return {}
  const { correlation_id: correlation, causation_id: causation } = own
  const texts = Object.entries(own).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return {
    ...Object.fromEntries(texts.filter(([key]) => !key.startsWith('$') && key !== '__proto__')),
    ...(typeof correlation === 'string' && { $correlationId: correlation }),
    ...(typeof causation === 'string' && { $causationId: causation }),
  }
}

function carriedMetadata({ metadata, metadataContentType }: EventToStore): Partial<Carried> {
  const isJson = metadataContentType === jsonContentType
  const text = textOf(metadata)
  if (isJson && text === '{}') return {}
  return {
    ...(text === undefined
      ? { metadata_base64: Buffer.from(toBytes(metadata)).toString('base64') }
      : { metadata: text }),
    ...(!isJson && { metadata_content_type: metadataContentType }),
  }
}

type Metadata = Pick<StoredEvent, 'metadata' | 'metadataContentType'>

function ownMetadata(carried: Carried): Metadata {
  const { metadata = '{}', metadata_base64: base64, metadata_content_type: contentType = jsonContentType } = carried
  return {
    metadata: base64 === undefined ? metadata : new Uint8Array(Buffer.from(base64, 'base64')),
    metadataContentType: contentType,
  }
}

/** What says which event led to another has the same meaning under Varve's own names. */
function foreignMetadata({ metadata }: KurrentEvent, object: Readonly<Record<string, unknown>>): Metadata {
  if (metadata === undefined) return { metadata: '{}', metadataContentType: jsonContentType }
  if (objectIn(metadata) === undefined)
    return { metadata: payloadOf(metadata, !(metadata instanceof Uint8Array)), metadataContentType: binaryContentType }
  const { $correlationId: correlation, $causationId: causation } = object
  const known = {
    ...(typeof correlation === 'string' && { correlation_id: correlation }),
    ...(typeof causation === 'string' && { causation_id: causation }),
  }
  return { metadata: JSON.stringify({ ...known, ...object }), metadataContentType: jsonContentType }
}

function payloadOf(value: unknown, isJson: boolean): Payload {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  return isJson ? JSON.stringify(value) : ''
}

/** Somebody else's words under our key are theirs. */
function carriedIn(text: string): Carried | undefined {
  const value = parsedObject(text)
  return value !== undefined && typeof value.time === 'number' ? (value as unknown as Carried) : undefined
}

function parsedObject(payload: Payload): Readonly<Record<string, unknown>> | undefined {
  try {
    return objectIn(JSON.parse(toText(payload)))
  } catch {
    return undefined
  }
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject && !(value instanceof Uint8Array) ? (value as Record<string, unknown>) : undefined
}

function textOf(payload: Payload): string | undefined {
  try {
    return toText(payload)
  } catch {
    return undefined
  }
}
