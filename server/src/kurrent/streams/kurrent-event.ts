import type { Payload, RecordedEvent } from 'varve'
import { metadataType, shownMetadata } from './metadata-text.ts'
import { jsonContentType } from './proposed-event.ts'
import { isMetadataStream, subjectOf } from './stream-access.ts'

/** An event as clients of KurrentDB see it. */
export interface KurrentEvent {
  readonly id: string
  readonly stream: string
  /** Its place in the stream, from 0; {@link afterAll} for the event that closes a stream for ever. */
  readonly revision: number
  /** Its place in the store, which is both of its positions. */
  readonly position: number
  readonly type: string
  readonly isJson: boolean
  /** Milliseconds since 1970. */
  readonly createdAtMs: number
  readonly customMetadata: Payload
  readonly data: Payload
}

/** The revision behind every other one. */
export const afterAll: number = Number.POSITIVE_INFINITY

/** The type of the event that closes a stream for ever; the store's own word for it is `$tombstone`. */
export const deletedType = '$streamDeleted'

/** The store's word for it. */
export const tombstoneType = '$tombstone'

/** The tag that holds the id that a client gave an event when it was taken in the store already. */
export const idTagPrefix = '$kurrent-id:'

/**
 * A recorded event for a client.
 *
 * @param isHidden of an event that is read as metadata of a stream: whether that stream shows no event now.
 */
export function kurrentEventOf(event: RecordedEvent, isHidden?: boolean): KurrentEvent {
  // Character codes first: nearly every event is an ordinary one.
  if (event.streamId.charCodeAt(0) === 36 && isMetadataStream(event.streamId)) return factOf(event, isHidden)
  return {
    id: event.tags.length === 0 ? event.id : clientIdOf(event),
    stream: event.streamId,
    revision: event.version - 1,
    position: event.position,
    type: event.type,
    isJson: event.contentType === jsonContentType,
    createdAtMs: event.recordedAtMs,
    customMetadata: customMetadataOf(event),
    data: event.rawData,
  }
}

/** The id that a client knows an event by. */
export function clientIdOf({ id, tags }: Pick<RecordedEvent, 'id' | 'tags'>): string {
  const tag = tags.find((one) => one.startsWith(idTagPrefix))
  return tag === undefined ? id : tag.slice(idTagPrefix.length)
}

function factOf(event: RecordedEvent, isHidden: boolean | undefined): KurrentEvent {
  const isTombstone = event.type === tombstoneType
  return {
    id: clientIdOf(event),
    stream: isTombstone ? subjectOf(event.streamId) : event.streamId,
    revision: isTombstone ? afterAll : event.version - 1,
    position: event.position,
    type: isTombstone ? deletedType : event.type,
    isJson: !isTombstone && event.contentType === jsonContentType,
    createdAtMs: event.recordedAtMs,
    customMetadata: customMetadataOf(event),
    data: event.type === metadataType ? shownMetadata(event.rawData, isHidden) : '',
  }
}

/** An event without metadata has an empty object in the store, and nothing for a client. */
function customMetadataOf({ rawMetadata, metadataContentType }: RecordedEvent): Payload {
  const isNone = metadataContentType === jsonContentType && rawMetadata.length === 2
  return isNone ? '' : rawMetadata
}
