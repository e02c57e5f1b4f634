import { InvalidArgument } from '../../model/errors.ts'
import type { RecordedEvent } from '../../model/event.ts'
import { jsonContentType, toBytes } from '../../model/payload.ts'
import { toEnvelope } from '../../schema/envelope.ts'

/** What a message to Kafka carries beside its key, which is the id of the event's stream. */
export interface KafkaContent {
  /** Text is sent as UTF-8. Null is what a compacted topic takes for the end of a key. */
  readonly value: string | Uint8Array | null
  /** The header `content-type`. Default: none. */
  readonly contentType?: string
  /** Beside the headers that every message has; of equal names these hold. */
  readonly headers?: Readonly<Record<string, string | Uint8Array>>
}

/** Makes the content of a message of an event. What it throws is a failure of that event. */
export type KafkaCodec = (event: RecordedEvent) => KafkaContent

/** The envelope that Varve's files and servers use, as JSON. */
export const kafkaEnvelope: KafkaCodec = (event) => ({
  value: JSON.stringify(toEnvelope(event)),
  contentType: jsonContentType,
})

/**
 * Makes a codec for CloudEvents 1.0 in their JSON form: subject and `partitionkey` are the stream's id, `sequence` is the
 * position in the store.
 *
 * @param source what the events come from: a URI, or a part of one.
 * @throws INVALID_ARGUMENT
 * @example
 * const codec = cloudEvents('https://shop.example/orders')
 */
export function cloudEvents(source: string): KafkaCodec {
  if (typeof source !== 'string' || source === '' || /\s/.test(source)) {
    throw new InvalidArgument('source', 'is no URI, as in https://shop.example/orders')
  }
  return (event) => ({ value: JSON.stringify(cloudEvent(source, event)), contentType: cloudEventsContentType })
}

const cloudEventsContentType = 'application/cloudevents+json; charset=UTF-8'

function cloudEvent(source: string, event: RecordedEvent): object {
  const { correlationId, causationId, traceparent } = event.metadata
  const isJson = event.contentType === jsonContentType
  return {
    specversion: '1.0',
    id: event.id,
    source,
    type: event.type,
    subject: event.streamId,
    time: new Date(event.recordedAtMs).toISOString(),
    datacontenttype: event.contentType,
    partitionkey: event.streamId,
    sequence: String(event.position),
    streamversion: event.version,
    schemaversion: event.schemaVersion,
    ...(typeof correlationId === 'string' && { correlationid: correlationId }),
    ...(typeof causationId === 'string' && { causationid: causationId }),
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(isJson ? { data: event.data } : { data_base64: Buffer.from(toBytes(event.rawData)).toString('base64') }),
  }
}
