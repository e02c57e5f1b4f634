import type { NewEvent, NewEventMetadata } from 'varve'
import { CliFailure, exitCodes } from './failure.ts'
import { bytesOf, nameOf } from './input.ts'
import { damaged, jsonOf, type Line, linesOf } from './lines.ts'
import { namedAsInCode } from './metadata-names.ts'
import type { Session } from './session.ts'

const fields: ReadonlySet<string> = new Set([
  'event_type',
  'data',
  'data_base64',
  'event_id',
  'metadata',
  'tags',
  'schema_version',
  'content_type',
])

/** The events of a file for one append, one JSON line each, in the form that the HTTP API takes. */
export async function newEventsOf(file: string, session: Session): Promise<readonly NewEvent[]> {
  const name = nameOf(file)
  const events: NewEvent[] = []
  for await (const line of linesOf(bytesOf(file, session), name)) events.push(newEventOf(line, name))
  if (events.length > 0) return events
  throw new CliFailure(`${name} holds no events. Give one JSON line per event.`, exitCodes.usage)
}

function newEventOf(line: Line, name: string): NewEvent {
  const value = jsonOf(line, name)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw damaged(name, line.number, 'is not a JSON object')
  }
  const { event_type, data, data_base64, event_id, metadata, tags, schema_version, content_type } = value as Fields
  const unknown = Object.keys(value).find((key) => !fields.has(key))
  if (unknown !== undefined) {
    throw damaged(
      name,
      line.number,
      `has an unknown field ${JSON.stringify(unknown)}; it may have ${[...fields].join(', ')}`,
    )
  }
  if (typeof event_type !== 'string') throw damaged(name, line.number, 'has no event_type')
  if (data !== undefined && data_base64 !== undefined) throw damaged(name, line.number, 'has both data and data_base64')
  // The store checks the rest, and names the event by its place.
  return {
    type: event_type,
    data: data_base64 === undefined ? (data ?? {}) : bytesFrom(data_base64, line, name),
    ...(event_id !== undefined && { id: event_id as string }),
    ...(metadata !== undefined && { metadata: metadataOf(metadata, line, name) }),
    ...(tags !== undefined && { tags: tags as readonly string[] }),
    ...(schema_version !== undefined && { schemaVersion: schema_version as number }),
    ...(content_type !== undefined && { contentType: content_type as string }),
  }
}

function metadataOf(metadata: unknown, line: Line, name: string): NewEventMetadata {
  if (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)) return namedAsInCode(metadata)
  throw damaged(name, line.number, 'has metadata that is not a JSON object')
}

/** Buffer skips what is not base64, which would append other bytes than were given. */
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

type Fields = Readonly<Partial<Record<string, unknown>>>

function bytesFrom(encoded: unknown, line: Line, name: string): Uint8Array {
  if (typeof encoded === 'string' && base64.test(encoded)) return new Uint8Array(Buffer.from(encoded, 'base64'))
  throw damaged(name, line.number, 'has a data_base64 that is not base64')
}
