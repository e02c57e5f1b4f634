import { isDeepStrictEqual } from 'node:util'
import { fromEnvelope, isVarveError, type NewEvent, newEventFrom, type RecordedEvent } from 'varve'
import { damaged, jsonOf, type Line } from './lines.ts'

/** A line of an export and the event in it. */
export interface EventLine {
  readonly line: Line
  readonly event: RecordedEvent
}

const fields: ReadonlySet<string> = new Set([
  'event_id',
  'stream_id',
  'event_type',
  'version',
  'schema_version',
  'content_type',
  'data',
  'data_base64',
  'metadata',
  'metadata_content_type',
  'metadata_base64',
  'tags',
  'global_position',
])

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Reads lines as the envelopes of an export and refuses the first that is none, or that does not lie behind the one
 * before it in the log: whoever gets past the last line has a file that makes sense.
 */
export async function* eventLinesOf(lines: AsyncIterable<Line>, name: string): AsyncGenerator<EventLine> {
  let position = 0
  for await (const line of lines) {
    const event = eventOf(line, name)
    if (event.position <= position) {
      const problem = `is at position ${event.position}, but a line before it at ${position}: the file is not in order of the log`
      throw damaged(name, line.number, problem)
    }
    position = event.position
    yield { line, event }
  }
}

/** The event of one line; nothing in the line is passed over. */
export function eventOf(line: Line, name: string): RecordedEvent {
  const value = jsonOf(line, name)
  try {
    const event = fromEnvelope(value)
    const problem = problemOf(value as Readonly<Record<string, unknown>>)
    if (problem !== undefined) throw damaged(name, line.number, problem)
    return event
  } catch (error) {
    if (isVarveError(error, 'INVALID_ARGUMENT')) throw damaged(name, line.number, `is no event: ${error.message}`)
    throw error
  }
}

/** What goes into the store for a line. */
export function newEventOf({ event }: EventLine): NewEvent {
  return newEventFrom(event)
}

function problemOf(envelope: Readonly<Record<string, unknown>>): string | undefined {
  const unknown = Object.keys(envelope).find((key) => !fields.has(key))
  if (unknown !== undefined) return `has an unknown field ${JSON.stringify(unknown)}, which would be lost`
  if (!uuid.test(envelope.event_id as string)) return 'has an event_id that is not a UUID'
  return editProblem(envelope)
}

/**
 * The bytes win over the JSON beside them, which is there for people and tools: an edit of the JSON alone would change
 * nothing, in silence.
 */
function editProblem(envelope: Readonly<Record<string, unknown>>): string | undefined {
  const { data, data_base64: dataBytes, metadata_base64: metadataBytes } = envelope
  const { timestamp: _, ...metadata } = envelope.metadata as Readonly<Record<string, unknown>>
  const isDataEdited = dataBytes !== undefined && data !== undefined && !saysTheSame(dataBytes, data)
  if (isDataEdited) return `has a data_base64 that ${otherThan} its data`
  const hasMetadata = metadataBytes !== undefined && Object.keys(metadata).length > 0
  if (hasMetadata && !saysTheSame(metadataBytes, metadata))
    return `has a metadata_base64 that ${otherThan} its metadata`
  return undefined
}

const otherThan = 'says something else than'

function saysTheSame(encoded: unknown, value: unknown): boolean {
  try {
    const exact: unknown = JSON.parse(Buffer.from(String(encoded), 'base64').toString())
    // Through JSON once more, since -0 is written as 0.
    return isDeepStrictEqual(JSON.parse(JSON.stringify(exact)), value)
  } catch {
    return false
  }
}
