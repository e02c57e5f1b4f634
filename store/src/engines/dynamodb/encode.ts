import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import { jsonContentType, type Payload, toBytes } from '../../model/payload.ts'
import { pack, unpack } from './pack.ts'

/*
 * Events as bytes: a length, a head in JSON that tells everything about them, then their payloads and metadata, one behind
 * the other. Payloads stay out of JSON, which would change bytes and make twice of every quotation mark.
 */

/** What an event is without its payloads: id, stream, version, type, schema version, content types, tags, time, sizes. */
type EventHead = readonly [
  id: string,
  stream: number,
  version: number,
  position: number,
  type: string,
  schemaVersion: number,
  contentType: string | 0,
  metadataContentType: string | 0,
  tags: readonly string[],
  recordedAtMs: number,
  data: number,
  metadata: number,
]

interface Head<Extra> {
  readonly streams: readonly string[]
  readonly events: readonly EventHead[]
  readonly extra: Extra
}

/** Events, and whatever else is to lie beside them, as they are stored. Positions are stored as the distance to `base`. */
export function encodeEvents(events: readonly StoredEvent[], base: number, extra: unknown): Promise<Uint8Array> {
  const streams = new Map<string, number>()
  const payloads: Uint8Array[] = []
  const take = (payload: Payload): number => {
    const bytes = toBytes(payload)
    payloads.push(bytes)
    // The lowest bit says which of its two forms it had: text that comes back as text is not decoded twice.
    return bytes.byteLength * 2 + (typeof payload === 'string' ? 0 : 1)
  }
  const heads = events.map((event): EventHead => {
    const stream = streams.get(event.streamId) ?? streams.size
    streams.set(event.streamId, stream)
    const { id, version, type, schemaVersion, tags, recordedAtMs } = event
    const forms = [shortened(event.contentType), shortened(event.metadataContentType)] as const
    const sizes = [take(event.data), take(event.metadata)] as const
    return [id, stream, version, event.position - base, type, schemaVersion, ...forms, tags, recordedAtMs, ...sizes]
  })
  const head = Buffer.from(JSON.stringify({ streams: [...streams.keys()], events: heads, extra }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.byteLength)
  return pack(Buffer.concat([length, head, ...payloads]))
}

/** What was encoded. */
export interface Decoded<Extra> {
  readonly events: readonly StoredEvent[]
  readonly extra: Extra
}

/**
 * Events as they were.
 *
 * @throws STORE_CORRUPT
 */
export async function decodeEvents<Extra>(stored: Uint8Array, base: number, where: string): Promise<Decoded<Extra>> {
  const bytes = await unpack(stored, where)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { head, begin } = headOf<Extra>(buffer, where)
  let place = begin
  const take = (size: number): Payload => {
    const end = place + Math.floor(size / 2)
    const payload = size % 2 === 0 ? buffer.toString('utf8', place, end) : new Uint8Array(buffer.subarray(place, end))
    place = end
    return payload
  }
  const events = head.events.map((event): StoredEvent => {
    const [id, stream, version, distance, type, schemaVersion, contentType, metadataContentType, tags] = event
    return {
      id,
      streamId: head.streams[stream] ?? '',
      type,
      version,
      position: base + distance,
      schemaVersion,
      contentType: contentType === 0 ? jsonContentType : contentType,
      data: take(event[10]),
      metadataContentType: metadataContentType === 0 ? jsonContentType : metadataContentType,
      metadata: take(event[11]),
      tags,
      recordedAtMs: event[9],
    }
  })
  if (place !== buffer.byteLength) throw new StoreCorrupt(`the bytes of ${where} do not end where they should`)
  return { events, extra: head.extra }
}

function headOf<Extra>(buffer: Buffer, where: string): { readonly head: Head<Extra>; readonly begin: number } {
  try {
    const begin = 4 + buffer.readUInt32LE(0)
    return { head: JSON.parse(buffer.toString('utf8', 4, begin)) as Head<Extra>, begin }
  } catch (error) {
    throw new StoreCorrupt(`the bytes of ${where} cannot be read`, { cause: error })
  }
}

function shortened(contentType: string): string | 0 {
  return contentType === jsonContentType ? 0 : contentType
}
