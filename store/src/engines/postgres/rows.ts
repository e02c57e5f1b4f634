import type { StoredEvent } from '../../model/event.ts'
import { jsonContentType, type Payload } from '../../model/payload.ts'
import type { Row } from './driver.ts'
import { decodeName } from './names.ts'

/** What an event has, in the order that {@link storedEvent} reads it. */
export const eventColumnNames = [
  'position',
  'version',
  'stream_id',
  'type',
  'event_id',
  'recorded_at_ms',
  'data',
  'metadata',
  'schema_version',
  'content_type',
  'metadata_content_type',
  'data_bytes',
  'metadata_bytes',
  'tags',
] as const

/** Metadata that says nothing. */
const emptyMetadata = '{}'

type Written = (column: (typeof eventColumnNames)[number], of: string) => string

/** What nearly every event has is not sent: a null is read faster than a value. */
const written: Written = (column, of) => {
  if (column === 'metadata') return `nullif(${of}.metadata, '${emptyMetadata}')`
  if (column === 'schema_version') return `nullif(${of}.schema_version, 1)`
  if (column === 'tags') return `to_json(nullif(${of}.tags, '{}'))`
  return `${of}.${column}`
}

/** The same, with payloads that are no larger than $3; where one is, the payload of the event is missing. */
const writtenSmall: Written = (column, of) => {
  const value = written(column, of)
  switch (column) {
    case 'data':
    case 'data_bytes':
      return `case when octet_length(${of}.${column}) <= $3::bigint and ${octetsIn(of, 'metadata')} <= $3::bigint then ${value} end`
    case 'metadata':
    case 'metadata_bytes':
      return `case when octet_length(${of}.${column}) <= $3::bigint then ${value} end`
    default:
      return value
  }
}

const columnsBy =
  (write: Written) =>
  (of: string): string =>
    eventColumnNames.map((column) => write(column, of)).join(', ')

/** The columns of an event. */
export const eventColumns: (of: string) => string = columnsBy(written)

/** The columns of an event whose payloads come if they are no larger than $3. */
export const sentColumns: (of: string) => string = columnsBy(writtenSmall)

const octetsIn = (of: string, payload: 'data' | 'metadata'): string =>
  `coalesce(octet_length(${of}.${payload}), octet_length(${of}.${payload}_bytes))`

/** Payload and metadata of an event, in bytes. Large values are not fetched to be measured. */
export const bytesOf = (of: string): string => `${octetsIn(of, 'data')} + ${octetsIn(of, 'metadata')}`

/**
 * The one row of the head: how far the log is, and whether it lies in parts. A planner without statistics would plan for
 * thousands of them, and find the whole so dear that it compiles it first, which takes a second.
 */
export const headRow = (schema: string): string =>
  `(select h.position, h.archived_until from ${schema}.log_head h limit 1) as h`

/**
 * The same for reads whose events are found by functions. That it names `events` locks that before the statement takes its
 * snapshot, and not after, when the functions do: so no part is archived between the two.
 */
export const headRowInParts = (schema: string): string =>
  `(select h.position, h.archived_until from ${schema}.log_head h left join ${schema}.events e on false limit 1) as h`

/** The last position and version that there can be. */
export const lastPlace = '9223372036854775807'

const noTags: readonly string[] = []

/** The event in a row whose columns begin at `at`. */
export function storedEvent(row: Row, at: number): StoredEvent {
  const tags = row[at + 13]
  return {
    position: Number(row[at]),
    version: Number(row[at + 1]),
    streamId: decodeName(row[at + 2] as string),
    type: decodeName(row[at + 3] as string),
    id: row[at + 4] as string,
    recordedAtMs: Number(row[at + 5]),
    data: payload(row[at + 6], row[at + 11]),
    metadata: payload(metadataIn(row, at), row[at + 12]),
    schemaVersion: Number(row[at + 8] ?? 1),
    contentType: contentType(row[at + 9]),
    metadataContentType: contentType(row[at + 10]),
    tags: typeof tags === 'string' ? (JSON.parse(tags) as string[]).map(decodeName) : noTags,
  }
}

/** The bytes of payload and metadata of the event in a row, undefined when they are missing from {@link sentColumns}. */
export function payloadSize(row: Row, at: number): number | undefined {
  const [data, dataBytes] = [row[at + 6], row[at + 11]]
  if (typeof data !== 'string' && typeof dataBytes !== 'string') return undefined
  return sizeOf(data, dataBytes) + sizeOf(metadataIn(row, at), row[at + 12])
}

/** No less than {@link payloadSize}, without measuring: a unit of UTF-16 becomes three bytes at the most. */
export function mostPayloadBytes(row: Row, at: number): number {
  const data = row[at + 6] ?? row[at + 11]
  if (typeof data !== 'string') return Number.POSITIVE_INFINITY
  return 3 * (data.length + (row[at + 7] ?? row[at + 12] ?? emptyMetadata).length)
}

function metadataIn(row: Row, at: number): string | null {
  return row[at + 7] ?? (typeof row[at + 12] === 'string' ? null : emptyMetadata)
}

function sizeOf(text: string | null | undefined, bytes: string | null | undefined): number {
  if (typeof text === 'string') return Buffer.byteLength(text)
  const written = bytes as string
  return written.startsWith('\\x') ? (written.length - 2) / 2 : bytesIn(written).byteLength
}

/** A payload in one of two columns. */
export function payload(text: string | null | undefined, bytes: string | null | undefined): Payload {
  return text ?? bytesIn(bytes as string)
}

/** Bytes as `bytea_output` has PostgreSQL write them; a backslash of the older form is never followed by an x. */
function bytesIn(written: string): Uint8Array {
  if (written.startsWith('\\x')) return new Uint8Array(Buffer.from(written.slice(2), 'hex'))
  const characters = written.replace(/\\(\\|[0-7]{3})/g, (_, one: string) =>
    one === '\\' ? one : String.fromCharCode(Number.parseInt(one, 8)),
  )
  return new Uint8Array(Buffer.from(characters, 'latin1'))
}

function contentType(stored: string | null | undefined): string {
  return stored === null || stored === undefined ? jsonContentType : decodeName(stored)
}
