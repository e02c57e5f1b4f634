import { InvalidArgument } from '../model/errors.ts'
import type { NewEvent, RecordedEvent, StoredEvent } from '../model/event.ts'
import { jsonContentType, type Payload, samePayload, toBytes, toText } from '../model/payload.ts'
import { momentOf, notIsoTime } from '../model/time.ts'
import { checkWhole } from '../model/whole-number.ts'
import { decodeEvent, storedMetadata } from './codec.ts'

/**
 * The wire form of a recorded event: what files hold and servers send, in snake case, one JSON object per event.
 * Every envelope gives back the exact bytes: `data_base64` stands beside `data` when the payload is JSON that does not
 * serialise to the same bytes again, and instead of it when the payload is no JSON, or has a number beyond every double,
 * which would read as null. Likewise `metadata_base64`.
 */
export interface Envelope {
  readonly event_id: string
  readonly stream_id: string
  readonly event_type: string
  readonly version: number
  readonly schema_version: number
  /** Absent: `application/json`. */
  readonly content_type?: string
  readonly data?: unknown
  readonly data_base64?: string
  readonly metadata: Readonly<Record<string, unknown>> & { readonly timestamp: string }
  /** Absent: `application/json`. */
  readonly metadata_content_type?: string
  readonly metadata_base64?: string
  readonly tags: readonly string[]
  readonly global_position: number
}

/** The envelope of an event. */
export function toEnvelope(event: RecordedEvent): Envelope {
  const data = wireForm(event.rawData, event.contentType)
  const metadata = metadataForm(event)
  return {
    event_id: event.id,
    stream_id: event.streamId,
    event_type: event.type,
    version: event.version,
    schema_version: event.schemaVersion,
    ...(event.contentType !== jsonContentType && { content_type: event.contentType }),
    ...(data.isJson && { data: data.value }),
    ...(data.base64 !== undefined && { data_base64: data.base64 }),
    metadata: { ...metadata.fields, timestamp: new Date(event.recordedAtMs).toISOString() },
    ...(event.metadataContentType !== jsonContentType && { metadata_content_type: event.metadataContentType }),
    ...(metadata.base64 !== undefined && { metadata_base64: metadata.base64 }),
    tags: event.tags,
    global_position: event.position,
  }
}

/**
 * The event an envelope stands for.
 *
 * @throws INVALID_ARGUMENT naming the field when the value is no envelope.
 */
export function fromEnvelope(value: unknown, argument = 'envelope'): RecordedEvent {
  return decodeEvent(storedFromEnvelope(value, argument))
}

/** An envelope's event, to be appended again elsewhere with its id, time and exact bytes. */
export function newEventFrom(event: RecordedEvent): NewEvent {
  return {
    id: event.id,
    type: event.type,
    data: isStableJson(event.rawData, event.contentType) ? JSON.parse(toText(event.rawData)) : toBytes(event.rawData),
    contentType: event.contentType,
    ...exactMetadata(event),
    tags: event.tags,
    schemaVersion: event.schemaVersion,
    timestamp: new Date(event.recordedAtMs).toISOString(),
  }
}

function exactMetadata(event: RecordedEvent): Pick<NewEvent, 'metadata' | 'metadataContentType'> {
  const { timestamp: _, ...metadata } = event.metadata
  if (samePayload(storedMetadata(metadata), event.rawMetadata) && event.metadataContentType === jsonContentType) {
    return { metadata }
  }
  return { metadata: toBytes(event.rawMetadata), metadataContentType: event.metadataContentType }
}

interface WireForm {
  /** Whether `value` may stand for the payload. */
  readonly isJson: boolean
  readonly value?: unknown
  readonly base64?: string
}

function wireForm(payload: Payload, contentType: string): WireForm {
  if (contentType !== jsonContentType) return { isJson: false, base64: base64Of(payload) }
  try {
    const value: unknown = JSON.parse(toText(payload))
    if (samePayload(JSON.stringify(value), payload)) return { isJson: true, value }
    return { isJson: !hasInfinity(value), value, base64: base64Of(payload) }
  } catch {
    return { isJson: false, base64: base64Of(payload) }
  }
}

/** As in `1e400`: JSON has no bound for numbers, and no word for what a double makes of this one. */
function hasInfinity(value: unknown): boolean {
  let found = false
  JSON.stringify(value, (_, inner: unknown) => {
    found ||= inner === Number.POSITIVE_INFINITY || inner === Number.NEGATIVE_INFINITY
    return inner
  })
  return found
}

/** Metadata shares its object with the timestamp, so only an object that leaves that key free can stand for itself. */
function metadataForm(event: RecordedEvent): { readonly fields: object; readonly base64?: string } {
  const { isJson, value, base64 } = wireForm(event.rawMetadata, event.metadataContentType)
  if (!isJson || typeof value !== 'object' || value === null || Array.isArray(value) || 'timestamp' in value) {
    return { fields: {}, base64: base64Of(event.rawMetadata) }
  }
  return { fields: value, ...(base64 !== undefined && { base64 }) }
}

function isStableJson(payload: Payload, contentType: string): boolean {
  const form = wireForm(payload, contentType)
  return form.isJson && form.base64 === undefined
}

function base64Of(payload: Payload): string {
  return Buffer.from(toBytes(payload)).toString('base64')
}

/**
 * The stored event an envelope stands for.
 *
 * @throws INVALID_ARGUMENT naming the field when the value is no envelope.
 */
export function storedFromEnvelope(value: unknown, argument = 'envelope'): StoredEvent {
  if (typeof value !== 'object' || value === null) throw new InvalidArgument(argument, 'is not an event envelope')
  const fields = value as Record<string, unknown>
  const metadata = fields.metadata as Record<string, unknown> | undefined
  if (typeof metadata !== 'object' || metadata === null) throw new InvalidArgument(`${argument}.metadata`, 'is missing')
  const recordedAtMs = momentOf(text(metadata.timestamp, `${argument}.metadata.timestamp`))
  if (recordedAtMs === undefined) throw new InvalidArgument(`${argument}.metadata.timestamp`, notIsoTime)
  const { timestamp: _, ...rest } = metadata
  return {
    id: text(fields.event_id, `${argument}.event_id`),
    streamId: text(fields.stream_id, `${argument}.stream_id`),
    type: text(fields.event_type, `${argument}.event_type`),
    version: place(fields.version, `${argument}.version`),
    position: place(fields.global_position, `${argument}.global_position`),
    schemaVersion: place(fields.schema_version ?? 1, `${argument}.schema_version`),
    contentType: text(fields.content_type ?? jsonContentType, `${argument}.content_type`),
    data: payloadFrom(fields.data, fields.data_base64, `${argument}.data`),
    metadataContentType: text(fields.metadata_content_type ?? jsonContentType, `${argument}.metadata_content_type`),
    metadata: payloadFrom(rest, fields.metadata_base64, `${argument}.metadata`),
    tags: tagsFrom(fields.tags ?? [], `${argument}.tags`),
    recordedAtMs,
  }
}

function text(value: unknown, argument: string): string {
  if (typeof value !== 'string' || value === '') throw new InvalidArgument(argument, 'is not a non-empty string')
  return value
}

function place(value: unknown, argument: string): number {
  checkWhole(argument, value, 1)
  return value
}

function tagsFrom(value: unknown, argument: string): readonly string[] {
  if (!Array.isArray(value) || !value.every((tag) => typeof tag === 'string')) {
    throw new InvalidArgument(argument, 'is not a list of strings')
  }
  return value
}

function payloadFrom(value: unknown, base64: unknown, argument: string): Payload {
  if (base64 !== undefined) {
    // Buffer skips what is not base64, which would store other bytes than were sent.
    if (typeof base64 !== 'string' || !base64Pattern.test(base64)) {
      throw new InvalidArgument(`${argument}_base64`, 'is not base64')
    }
    return new Uint8Array(Buffer.from(base64, 'base64'))
  }
  if (value === undefined) throw new InvalidArgument(argument, 'is missing')
  return JSON.stringify(value)
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
