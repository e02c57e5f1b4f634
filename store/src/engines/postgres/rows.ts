import type { StoredEvent } from '../../model/event.ts'
import { jsonContentType, type Payload } from '../../model/payload.ts'
import type { Row } from './driver.ts'
import { decodeName } from './names.ts'

/** The columns of an event, in the order that {@link storedEvent} reads them. */
export const eventColumns = (of: string): string =>
  [
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
  ]
    .map((column) => `${of}.${column}`)
    .concat(`to_json(nullif(${of}.tags, '{}'))`)
    .join(', ')

/** Payload and metadata of an event, in bytes. Large values are not fetched to be measured. */
export const bytesOf = (of: string): string =>
  `coalesce(octet_length(${of}.data), octet_length(${of}.data_bytes)) + coalesce(octet_length(${of}.metadata), octet_length(${of}.metadata_bytes))`

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
    metadata: payload(row[at + 7], row[at + 12]),
    schemaVersion: Number(row[at + 8]),
    contentType: contentType(row[at + 9]),
    metadataContentType: contentType(row[at + 10]),
    tags: typeof tags === 'string' ? (JSON.parse(tags) as string[]).map(decodeName) : noTags,
  }
}

/** A payload in one of two columns; bytes arrive as `\x` and hexadecimal digits. */
export function payload(text: string | null | undefined, bytes: string | null | undefined): Payload {
  return text ?? new Uint8Array(Buffer.from((bytes as string).slice(2), 'hex'))
}

function contentType(stored: string | null | undefined): string {
  return stored === null || stored === undefined ? jsonContentType : decodeName(stored)
}
