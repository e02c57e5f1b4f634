import type { NewEvent } from '../model/event.ts'
import { definitionOf, type EventDefinitions, type EventOf } from '../model/event-definition.ts'
import { jsonContentType } from '../model/payload.ts'
import type { SchemaVerdict } from '../model/standard-schema.ts'

/** An event that was decided for and is not appended yet. */
export interface ForeseenEvent {
  /** What to append: nobody can change it any more, whatever they do to what was decided. */
  readonly toAppend: NewEvent
  /** What a fold will be given once it is read. */
  readonly asRead: EventOf<EventDefinitions>
  /** No less than its payload and its metadata have. */
  readonly bytesAtMost: number
}

/**
 * An event as it will be read: accepted by its schema, and through JSON. Undefined when that cannot be told, most likely
 * because the append would refuse it, in words of its own.
 */
export function foreseen(
  events: EventDefinitions,
  event: NewEvent,
): ForeseenEvent | undefined | Promise<ForeseenEvent | undefined> {
  const definition = definitionOf(events, event.type)
  if (definition === undefined || definition.retired !== undefined) return undefined
  const verdict = definition.schema?.['~standard'].validate(event.data)
  if (verdict === undefined) return stored(event, event.data)
  if (verdict instanceof Promise) return verdict.then((settled) => acceptedAs(event, settled))
  return acceptedAs(event, verdict)
}

function acceptedAs(event: NewEvent, verdict: SchemaVerdict<unknown>): ForeseenEvent | undefined {
  return verdict.issues === undefined ? stored(event, verdict.value) : undefined
}

function stored(event: NewEvent, data: unknown): ForeseenEvent | undefined {
  const { type, contentType, metadata } = event
  const metadataBytes = metadata instanceof Uint8Array ? metadata.byteLength : atMost(JSON.stringify(metadata ?? {}))
  if (data instanceof Uint8Array) {
    // Bytes that are said to be JSON are read as what they hold.
    if (contentType === jsonContentType) return undefined
    const [toAppend, read] = [Uint8Array.from(data), Uint8Array.from(data)]
    return foreseenAs(event, toAppend, { type, data: read }, data.byteLength + metadataBytes)
  }
  if (contentType !== undefined && contentType !== jsonContentType) return undefined
  const text: string | undefined = JSON.stringify(data)
  if (text === undefined) return undefined
  // Parsed twice: a fold may keep what it is given in its state, and change it there later.
  return foreseenAs(event, JSON.parse(text), { type, data: JSON.parse(text) }, atMost(text) + metadataBytes)
}

function foreseenAs(
  event: NewEvent,
  data: unknown,
  asRead: EventOf<EventDefinitions>,
  bytesAtMost: number,
): ForeseenEvent {
  return { toAppend: { ...event, data }, asRead, bytesAtMost }
}

/** No UTF-16 unit takes more than three bytes. */
function atMost(text: string): number {
  return text.length * 3
}
