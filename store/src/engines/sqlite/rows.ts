import type { EventToStore, StoredEvent } from '../../model/event.ts'
import { jsonContentType, type Payload, toBytes } from '../../model/payload.ts'
import type { EventRow } from './event-rows.ts'
import type { Log } from './log.ts'

/** The columns of a {@link EventRow}, in order. */
export const eventColumns =
  'e.position, e.stream, e.version, e.id, e.type, e.schema_version, e.content, e.recorded_at, e.tags, e.data, e.metadata'

const noTags: readonly string[] = Object.freeze([])

/** The event in a row. On the path of every read: a literal of one shape, numbers resolved from memory. */
export function eventOf(log: Log, row: EventRow): StoredEvent {
  const content = row[6]
  const tags = row[8]
  const event = {
    id: row[3],
    streamId: log.streams.nameOf(row[1]),
    type: log.types.nameOf(row[4]),
    schemaVersion: row[5],
    contentType: jsonContentType,
    data: row[9],
    metadataContentType: jsonContentType,
    metadata: row[10],
    tags: tags === null ? noTags : (JSON.parse(tags) as string[]),
    recordedAtMs: row[7],
    version: row[2],
    position: row[0],
  }
  return content === 0 ? event : { ...event, ...contentTypes(log, content) }
}

function contentTypes(log: Log, content: number): Pick<StoredEvent, 'contentType' | 'metadataContentType'> {
  const [contentType, metadataContentType] = JSON.parse(log.contents.nameOf(content)) as [string, string]
  return { contentType, metadataContentType }
}

/** The number that stands for an event's content types; 0 for the usual pair, which needs no entry. */
export function contentOf(log: Log, event: EventToStore): number {
  const { contentType, metadataContentType } = event
  if (contentType === jsonContentType && metadataContentType === jsonContentType) return 0
  return log.contents.numberOf(JSON.stringify([contentType, metadataContentType]))
}

/** The tags as stored. JSON, so that a tag may hold anything. */
export function tagsColumn(tags: readonly string[]): string | null {
  return tags.length === 0 ? null : JSON.stringify(tags)
}

/** A payload as stored: text stays text, which reads fastest, unless it holds NUL, where Node before 22.16 cuts it off. */
export function payloadColumn(payload: Payload): Payload {
  return typeof payload === 'string' && payload.includes('\0') ? toBytes(payload) : payload
}
