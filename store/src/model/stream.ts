import type { EventToStore } from './event.ts'
import { jsonContentType, toText } from './payload.ts'

/** Where a stream stands: what an engine judges an append by and what a reader may see. */
export interface StreamState {
  /** Version of the last event, 0 when there never was one. It keeps counting after a delete. */
  readonly version: number
  /** The first version that reads of the stream still show; 1 when nothing is hidden, `version + 1` after a delete. */
  readonly truncateBefore: number
  /** True once the stream is closed for ever. */
  readonly tombstoned: boolean
}

/** A stream as listings and {@link StreamState} readers see it. */
export interface StreamInfo extends StreamState {
  readonly streamId: string
  /** True when a read of the stream would show at least one event. */
  readonly exists: boolean
}

/** The state of a stream nobody has written to. */
export const emptyStream: StreamState = { version: 0, truncateBefore: 1, tombstoned: false }

/** Whether a reader sees any event of the stream. */
export function streamExists(state: StreamState): boolean {
  return !state.tombstoned && state.version >= state.truncateBefore
}

/** The public view of a stream's state. */
export function streamInfo(streamId: string, state: StreamState): StreamInfo {
  return { streamId, ...state, exists: streamExists(state) }
}

/** The category of a stream: the text before the first `-`, or the whole id when there is none. */
export function categoryOf(streamId: string): string {
  const dash = streamId.indexOf('-')
  return dash < 0 ? streamId : streamId.slice(0, dash)
}

/**
 * Facts about a stream (its metadata, a truncation, a delete, a tombstone) are events in a stream of their own, named
 * after it with `$$` in front: they are ordered, exported and audited like every other event, and nothing is ever edited.
 */
export const metadataStreamPrefix = '$$'

/** The event type that carries a stream's metadata; the last one in the metadata stream holds. */
export const metadataEventType = '$metadata'

/** The event type that closes a stream for ever. */
export const tombstoneEventType = '$tombstone'

/** The id of the stream that holds the facts about `streamId`. */
export function metadataStreamOf(streamId: string): string {
  return metadataStreamPrefix + streamId
}

/** The stream that a metadata stream speaks about, or undefined for an ordinary stream. */
export function subjectOf(streamId: string): string | undefined {
  return streamId.length > 2 && streamId.startsWith(metadataStreamPrefix) ? streamId.slice(2) : undefined
}

/** What an appended fact does to the state of the stream it speaks about. */
export interface StreamChange {
  /** The stream spoken about, not the metadata stream. */
  readonly streamId: string
  /** The new first visible version. Absent: unchanged. */
  readonly truncateBefore?: number
  /** True: closed for ever. */
  readonly tombstoned?: true
}

/** The stored JSON of a stream's metadata; keys Varve does not know belong to the user and are kept. */
export interface StoredStreamMetadata {
  readonly truncate_before?: number
  readonly [key: string]: unknown
}

/**
 * The change that an event makes to another stream's state when it is appended; undefined for ordinary events.
 * Engines apply it in the append's own transaction, so no append can slip past a tombstone.
 *
 * @returns `'malformed'` for an event in a metadata stream that is no fact Varve understands: a store refuses it, an
 *   engine that meets one keeps it and changes nothing.
 */
export function streamChangeOf(
  event: Pick<EventToStore, 'streamId' | 'type' | 'data' | 'contentType'>,
): StreamChange | 'malformed' | undefined {
  // Character codes first: this runs for every appended event, and nearly all of them stop here.
  if (event.streamId.charCodeAt(0) !== 36) return undefined
  const streamId = subjectOf(event.streamId)
  if (streamId === undefined) return undefined
  if (event.type === tombstoneEventType) return { streamId, tombstoned: true }
  if (event.type !== metadataEventType || event.contentType !== jsonContentType) return 'malformed'
  return metadataChange(streamId, event.data)
}

function metadataChange(streamId: string, data: EventToStore['data']): StreamChange | 'malformed' {
  const metadata = parseObject(data)
  if (metadata === undefined) return 'malformed'
  const before = metadata.truncate_before
  // Metadata replaces metadata: without the key, everything is visible again.
  if (before === undefined) return { streamId, truncateBefore: 1 }
  if (!Number.isSafeInteger(before) || (before as number) < 1) return 'malformed'
  return { streamId, truncateBefore: before as number }
}

function parseObject(data: EventToStore['data']): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(toText(data))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** The state after a change; a tombstone is never taken back. */
export function changedState(state: StreamState, change: StreamChange): StreamState {
  return {
    version: state.version,
    truncateBefore: change.truncateBefore ?? state.truncateBefore,
    tombstoned: state.tombstoned || change.tombstoned === true,
  }
}
