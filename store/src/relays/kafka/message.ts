import { InvalidArgument } from '../../model/errors.ts'
import type { RecordedEvent } from '../../model/event.ts'
import { jsonContentType } from '../../model/payload.ts'
import { TargetFailed } from '../../model/target-errors.ts'
import type { KafkaCodec } from './codec.ts'

/** A message as it is handed to the client. */
export interface KafkaMessage {
  readonly topic: string
  readonly key: Buffer
  /** Absent for null. */
  readonly value?: Buffer
  readonly headers: Map<Buffer, Buffer>
  /** What it takes in a batch, at the most. */
  readonly bytes: number
}

/** Kafka's own bound unless somebody raised it, less what a batch has around its messages. */
export const batchBytesMax = 1_000_000

/** Lengths, differences of time and place, attributes of a record, as varints. */
const recordBytes = 40
const headerBytes = 10

/**
 * The message of an event.
 *
 * @throws whatever the codec throws; INVALID_ARGUMENT for what it may not give; TARGET_FAILED for a message that is too large.
 */
export function messageOf(event: RecordedEvent, topic: string, codec: KafkaCodec, bytesMax: number): KafkaMessage {
  const { value, contentType, headers: own = {} } = codec(event) ?? {}
  const key = Buffer.from(event.streamId)
  const bytes = value === null ? undefined : bytesOf(value, 'codec: value')
  const headers = headersOf(event, contentType, own)
  let size = recordBytes + key.length + (bytes?.length ?? 0)
  for (const [name, text] of headers) size += headerBytes + name.length + text.length
  if (size > bytesMax) {
    const where = `event ${event.position} (${event.type} of ${event.streamId})`
    throw new TargetFailed(
      'kafka',
      `the message of ${where} takes ${size} bytes, more than the ${bytesMax} of messageBytesMax. ` +
        'Raise it together with max.message.bytes of the topic, or publish a claim instead of what is large.',
    )
  }
  return { topic, key, ...(bytes !== undefined && { value: bytes }), headers, bytes: size }
}

function bytesOf(value: unknown, argument: string): Buffer {
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw new InvalidArgument(argument, 'is neither a string nor a Uint8Array')
}

/** Bytes of names, which are the same in every message. */
const names = {
  contentType: Buffer.from('content-type'),
  eventId: Buffer.from('varve-event-id'),
  eventType: Buffer.from('varve-event-type'),
  version: Buffer.from('varve-version'),
  position: Buffer.from('varve-position'),
  schemaVersion: Buffer.from('varve-schema-version'),
  timestamp: Buffer.from('varve-timestamp'),
  correlationId: Buffer.from('varve-correlation-id'),
  causationId: Buffer.from('varve-causation-id'),
  userId: Buffer.from('varve-user-id'),
  tags: Buffer.from('varve-tags'),
  traceparent: Buffer.from('traceparent'),
} as const

function headersOf(
  event: RecordedEvent,
  contentType: string | undefined,
  own: Readonly<Record<string, string | Uint8Array>>,
): Map<Buffer, Buffer> {
  const given = Object.entries(own)
  const isOwn = new Set(given.map(([name]) => name))
  const headers = new Map<Buffer, Buffer>()
  const put = (name: Buffer, text: unknown): void => {
    if (typeof text !== 'string' || (given.length > 0 && isOwn.has(name.toString()))) return
    headers.set(name, Buffer.from(text))
  }
  put(names.contentType, contentType)
  put(names.eventId, event.id)
  put(names.eventType, event.type)
  put(names.version, String(event.version))
  put(names.position, String(event.position))
  put(names.schemaVersion, String(event.schemaVersion))
  put(names.timestamp, new Date(event.recordedAtMs).toISOString())
  if (hasMetadata(event)) {
    const { correlationId, causationId, userId, traceparent } = event.metadata
    put(names.correlationId, correlationId)
    put(names.causationId, causationId)
    put(names.userId, userId)
    put(names.traceparent, traceparent)
  }
  if (event.tags.length > 0) put(names.tags, JSON.stringify(event.tags))
  for (const [name, value] of given) headers.set(Buffer.from(name), bytesOf(value, `codec: headers[${name}]`))
  return headers
}

/** Metadata that is no JSON object says nothing here; most events have none. */
function hasMetadata({ rawMetadata, metadataContentType }: RecordedEvent): boolean {
  return metadataContentType === jsonContentType && rawMetadata !== '{}'
}
