import { type RecordedEvent, type StreamInfo, toEnvelope } from 'varve'
import type { Session } from './session.ts'
import { cutTo, visible } from './visible.ts'

/** How events are printed. */
export interface ShowOptions {
  /** On a terminal: every field of an event on its own lines. Without it, one line per event. */
  readonly full?: boolean
}

/**
 * Prints an event: laid out for a person on a terminal, otherwise as one line of JSON, its envelope.
 * Into a pipe goes the same as into an export, so that any tool that reads one reads the other.
 */
export async function printEvent(session: Session, event: RecordedEvent, options: ShowOptions = {}): Promise<void> {
  const { terminal, json } = session
  if (json || !terminal.isRead) return terminal.print(JSON.stringify(toEnvelope(event)))
  return terminal.print(options.full === true ? fullText(session, event) : lineText(session, event))
}

/** Prints one result: as JSON when asked for, for a person on a terminal, as tab-separated columns in a pipe. */
export async function printResult(
  { terminal, json }: Session,
  result: object,
  forPerson: string,
  columns: readonly (string | number)[],
): Promise<void> {
  if (json) return terminal.print(JSON.stringify(result))
  return terminal.print(terminal.isRead ? forPerson : tabbed(columns))
}

/** Columns of one line in a pipe. */
export function tabbed(columns: readonly (string | number)[]): string {
  return columns.map((column) => visible(String(column))).join('\t')
}

/** What has become of a stream, in one word. */
export function fateOf(stream: StreamInfo): 'open' | 'truncated' | 'deleted' | 'tombstoned' | 'empty' {
  if (stream.tombstoned) return 'tombstoned'
  if (stream.exists) return stream.truncateBefore > 1 ? 'truncated' : 'open'
  return stream.version === 0 ? 'empty' : 'deleted'
}

/** A stream as JSON, with the field names of the HTTP API. */
export function streamJson(stream: StreamInfo): object {
  return {
    stream_id: stream.streamId,
    version: stream.version,
    truncate_before: stream.truncateBefore,
    tombstoned: stream.tombstoned,
    exists: stream.exists,
  }
}

function lineText({ terminal }: Session, event: RecordedEvent): string {
  const position = String(event.position).padStart(7)
  const time = new Date(event.recordedAtMs).toISOString().replace('T', ' ').slice(0, -1)
  const place = `${visible(event.streamId)}@${event.version}`
  const type = visible(event.type)
  const tags = event.tags.map((tag) => ` #${visible(tag)}`).join('')
  const used = position.length + time.length + place.length + type.length + tags.length + 8
  const data = cutTo(dataText(event), Math.max(terminal.columns - used, 12))
  return [
    terminal.styled('dim', position),
    terminal.styled('dim', time),
    terminal.styled('cyan', place),
    terminal.styled('bold', type),
    tags === '' ? data : data + terminal.styled('magenta', tags),
  ].join('  ')
}

function fullText({ terminal }: Session, event: RecordedEvent): string {
  const { timestamp, ...metadata } = toEnvelope(event).metadata
  const field = (name: string, value: string): string => `    ${terminal.styled('dim', name.padEnd(12))}${value}`
  return [
    `${terminal.styled('dim', String(event.position))}  ${terminal.styled('cyan', `${visible(event.streamId)}@${event.version}`)}  ` +
      terminal.styled('bold', visible(event.type)),
    field('id', event.id),
    field('recorded', timestamp),
    ...(event.schemaVersion > 1 ? [field('schema', String(event.schemaVersion))] : []),
    ...(event.tags.length > 0 ? [field('tags', event.tags.map(visible).join(' '))] : []),
    ...(Object.keys(metadata).length > 0 ? [field('metadata', visible(JSON.stringify(metadata)))] : []),
    field('data', indented(event)),
  ].join('\n')
}

function indented(event: RecordedEvent): string {
  const { data } = toEnvelope(event)
  if (data === undefined) return dataText(event)
  return JSON.stringify(data, undefined, 2)
    .split('\n')
    .map(visible)
    .join(`\n${' '.repeat(16)}`)
}

function dataText(event: RecordedEvent): string {
  const { data } = toEnvelope(event)
  if (data !== undefined) return visible(JSON.stringify(data))
  return `${event.rawData.length} ${typeof event.rawData === 'string' ? 'characters' : 'bytes'} of ${visible(event.contentType)}`
}
