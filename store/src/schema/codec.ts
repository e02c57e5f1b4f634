import { inspect } from 'node:util'
import { givenTags } from '../model/correlation.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { EventMetadata, NewEventMetadata, RecordedEvent, StoredEvent } from '../model/event.ts'
import { PayloadUnreadable } from '../model/event-errors.ts'
import { binaryContentType, jsonContentType, ownPayload, type Payload, toText } from '../model/payload.ts'

/** Metadata that Varve itself gives meaning to: its TypeScript name and its name on wires and in files. */
const knownMetadata: ReadonlyMap<string, string> = new Map([
  ['correlationId', 'correlation_id'],
  ['causationId', 'causation_id'],
  ['userId', 'user_id'],
  ['commandId', 'command_id'],
])
const knownOnWire: ReadonlyMap<string, string> = new Map([...knownMetadata].map(([name, wire]) => [wire, name]))

/** Bytes and what they are. */
export interface Encoded {
  readonly payload: Payload
  readonly contentType: string
}

/** What an argument is called in a refusal; a function where making the name costs something. */
export type Name = string | (() => string)

const textOf = (name: Name): string => (typeof name === 'string' ? name : name())

/**
 * Turns a payload into what is stored: JSON as text, bytes as they are.
 *
 * @throws INVALID_ARGUMENT when a value has no JSON form, or is no bytes although the content type is not JSON.
 */
export function encodeData(data: unknown, contentType: string | undefined, name: Name): Encoded {
  if (data instanceof Uint8Array) return { payload: ownPayload(data), contentType: contentType ?? binaryContentType }
  if (contentType !== undefined && contentType !== jsonContentType) {
    throw new InvalidArgument(textOf(name), `has content type ${contentType}, so its data must be a Uint8Array`)
  }
  return { payload: encodeJson(data, name), contentType: jsonContentType }
}

/** JSON text of a value, refusing what would silently become null or vanish. */
export function encodeJson(value: unknown, name: Name): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new InvalidArgument(
      textOf(name),
      `has no JSON form: ${cause instanceof Error ? cause.message : String(cause)}`,
    )
  }
  if (text === undefined) {
    throw new InvalidArgument(textOf(name), `is ${typeof value}, which has no JSON form; use null for "no data"`)
  }
  return text
}

/** The stored JSON of metadata; `'{}'` is by far the most common and costs nothing. */
export function storedMetadata(metadata: NewEventMetadata, name: Name = 'metadata'): string {
  // Without a prototype, so that a key named __proto__ is a key like any other.
  const stored: Record<string, unknown> = Object.create(null)
  let empty = true
  for (const key in metadata) {
    const value = metadata[key]
    if (value === undefined) continue
    stored[knownMetadata.get(key) ?? key] = value
    empty = false
  }
  return empty ? '{}' : encodeJson(stored, name)
}

/** A stored event as callers see it. */
export function decodeEvent(stored: StoredEvent): RecordedEvent {
  return new DecodedEvent(stored)
}

/**
 * Parses when first touched: a filter, a relay or a server that hands text through never pays for JSON.parse, which
 * takes as long as fetching the row. Own accessors, which object spread would see, cost ten times as much per event
 * as these on the prototype (1,200 ns against 84 ns), so `{ ...event }` has no data: name the fields you want.
 */
class DecodedEvent implements RecordedEvent {
  readonly id: string
  readonly streamId: string
  readonly type: string
  readonly version: number
  readonly position: number
  readonly schemaVersion: number
  readonly contentType: string
  readonly tags: readonly string[]
  readonly rawData: Payload
  readonly rawMetadata: Payload
  readonly metadataContentType: string
  readonly recordedAtMs: number
  #data: unknown
  #dataParsed = false
  #metadata: EventMetadata | undefined

  constructor(stored: StoredEvent) {
    this.id = stored.id
    this.streamId = stored.streamId
    this.type = stored.type
    this.version = stored.version
    this.position = stored.position
    this.schemaVersion = stored.schemaVersion
    this.contentType = stored.contentType
    this.tags = givenTags(stored.tags)
    this.rawData = stored.data
    this.rawMetadata = stored.metadata
    this.metadataContentType = stored.metadataContentType
    this.recordedAtMs = stored.recordedAtMs
  }

  get data(): unknown {
    if (!this.#dataParsed) {
      this.#data = this.contentType === jsonContentType ? parseData(this) : this.rawData
      this.#dataParsed = true
    }
    return this.#data
  }

  get metadata(): EventMetadata {
    this.#metadata ??= decodeMetadata(this)
    return this.#metadata
  }

  [inspect.custom](_depth: number, options: object): string {
    const { id, streamId, type, version, position, schemaVersion, contentType, tags } = this
    const data = this.#readable()
    const shown = {
      id,
      streamId,
      type,
      version,
      position,
      schemaVersion,
      contentType,
      tags,
      metadata: this.metadata,
      data,
    }
    return `RecordedEvent ${inspect(shown, options)}`
  }

  #readable(): unknown {
    try {
      return this.data
    } catch {
      return this.rawData
    }
  }
}

function parseData(event: RecordedEvent): unknown {
  try {
    return JSON.parse(toText(event.rawData))
  } catch (cause) {
    throw new PayloadUnreadable(event.id, event.contentType, { cause })
  }
}

/** Metadata never fails to be read: bytes that are no JSON object stay in `rawMetadata`, the timestamp is always there. */
function decodeMetadata(event: RecordedEvent): EventMetadata {
  const timestamp = new Date(event.recordedAtMs).toISOString()
  if (event.rawMetadata === '{}' || event.metadataContentType !== jsonContentType) return { timestamp }
  const entries = Object.entries(metadataObject(event.rawMetadata))
  const named = entries.map(([key, value]) => [knownOnWire.get(key) ?? key, value] as const)
  return { ...Object.fromEntries(named), timestamp }
}

function metadataObject(payload: Payload): object {
  try {
    const value: unknown = JSON.parse(toText(payload))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
  } catch {
    return {}
  }
}
