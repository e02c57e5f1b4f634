import type { Envelope } from 'varve'
import { Refused } from '../kurrent/refusal.ts'
import { deletedType, idTagPrefix, tombstoneType } from '../kurrent/streams/kurrent-event.ts'
import { metadataType, storedMetadataText } from '../kurrent/streams/metadata-text.ts'
import { binaryContentType, jsonContentType, newEventOf } from '../kurrent/streams/proposed-event.ts'
import { derivedId } from '../kurrent/streams/settle-ids.ts'
import { isMetadataStream, metadataStreamOf, subjectOf } from '../kurrent/streams/stream-access.ts'
import { takeCarried } from './carried.ts'
import type { SourceEvent } from './connect.ts'

/**
 * Events of KurrentDB as those of a store: the same that `varve serve` makes of them when a client appends them.
 */

/** The type of an event that stands where the source has none any more, so that a revision is a version less one. */
export const scavengedType = '$scavenged'

/** Whether a stream is one of the system's or of its projections; what is said about such a stream is as well. */
export function isOfSystem(stream: string): boolean {
  return (isMetadataStream(stream) ? subjectOf(stream) : stream).startsWith('$')
}

/** Whether an event closes its stream for ever. */
export function closesStream({ type, streamId }: SourceEvent): boolean {
  return type === deletedType && !isMetadataStream(streamId)
}

/** The stream whose next version has to be known to say what an event means; undefined when none has. */
export function spokenAbout({ streamId, type }: SourceEvent): string | undefined {
  return isMetadataStream(streamId) && type === metadataType ? subjectOf(streamId) : undefined
}

/** An event that no store takes. */
export class NotKept extends Error {}

/** Where an event goes. */
export interface Place {
  readonly version: number
  /** Its number among those that are copied. */
  readonly number: number
  /** Of what is said about a stream: the version of that stream's last event. */
  readonly subjectVersion: number
}

/**
 * An event of the source.
 *
 * @throws NotKept when it is metadata of a stream that the store cannot keep.
 */
export function envelopeOf(event: SourceEvent, { version, number, subjectVersion }: Place): Envelope {
  const taken = takeCarried(event.metadata)
  const carried = taken?.carried
  const contentType = carried?.content_type ?? (event.isJson ? jsonContentType : binaryContentType)
  return {
    event_id: carried?.id ?? event.id,
    stream_id: event.streamId,
    event_type: event.type,
    version,
    schema_version: carried?.schema_version ?? 1,
    content_type: contentType,
    data_base64: carried?.data_base64 ?? base64(dataOf(event, subjectVersion)),
    metadata: { timestamp: carried?.time ?? new Date(event.created).toISOString() },
    ...metadataOf(event, taken),
    tags: carried?.tags ?? [],
    global_position: number,
  }
}

function dataOf(event: SourceEvent, subjectVersion: number): Uint8Array {
  if (spokenAbout(event) === undefined) return event.data
  try {
    return Buffer.from(storedMetadataText(Buffer.from(event.data).toString(), subjectVersion + 1))
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    throw new NotKept(`${event.revision}@${event.streamId}: ${error.message}`, { cause: error })
  }
}

type MetadataFields = Pick<Envelope, 'metadata_base64' | 'metadata_content_type'>

function metadataOf(event: SourceEvent, taken: ReturnType<typeof takeCarried>): MetadataFields {
  if (taken === undefined) {
    const { metadata, metadataContentType } = newEventOf({ ...event, customMetadata: event.metadata })
    if (metadata === undefined) return {}
    return {
      metadata_base64: base64(event.metadata),
      ...(metadataContentType !== undefined && { metadata_content_type: metadataContentType }),
    }
  }
  const { metadata_base64: bytes, metadata_content_type: contentType } = taken.carried
  return {
    metadata_base64: bytes ?? base64(Buffer.from(taken.metadata)),
    ...(contentType !== undefined && { metadata_content_type: contentType }),
  }
}

/** The fact that closes a stream for ever, in the store's own words. */
export function tombstoneOf(event: SourceEvent, { version, number, subjectVersion }: Place): Envelope {
  return {
    event_id: event.id,
    stream_id: metadataStreamOf(event.streamId),
    event_type: tombstoneType,
    version,
    schema_version: 1,
    data: { version: subjectVersion },
    metadata: { timestamp: new Date(event.created).toISOString() },
    tags: [],
    global_position: number,
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** What stands for an event that the source has no more. Its id follows from its place, so that a repeat is recognised. */
export function scavengedAt({ streamId, created }: SourceEvent, version: number, number: number): Envelope {
  return {
    event_id: derivedId(scavengedType, streamId, version - 1, 0),
    stream_id: streamId,
    // A store takes nothing else where it keeps what is said about a stream; the last word counts, and it comes.
    event_type: isMetadataStream(streamId) ? metadataType : scavengedType,
    version,
    schema_version: 1,
    data: {},
    metadata: { timestamp: new Date(created).toISOString() },
    tags: [],
    global_position: number,
  }
}

/** The same event under an id of its own: its id is taken by another one, which KurrentDB allows and the store does not. */
export function underOwnId(id: string, stream: string, version: number): { readonly id: string; readonly tag: string } {
  const expected = version === 1 ? 'no_stream' : version - 2
  return { id: derivedId(id, stream, expected, 0), tag: idTagPrefix + id }
}
