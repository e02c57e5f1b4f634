import type { NewEvent } from 'varve'
import { bytesTag, type ProtoReader } from '../protobuf/proto-reader.ts'
import { checkedUuid, readUuid } from '../protobuf/uuid.ts'
import { Refused } from '../refusal.ts'

/** An event as a client proposes it. The bytes are views of what was received. */
export interface ProposedEvent {
  readonly id: string
  readonly type: string
  readonly isJson: boolean
  readonly data: Uint8Array
  readonly customMetadata: Uint8Array
}

const idTag = bytesTag(1)
const metadataTag = bytesTag(2)
const customMetadataTag = bytesTag(3)
const dataTag = bytesTag(4)
const keyTag = bytesTag(1)
const valueTag = bytesTag(2)

const nothing = Buffer.alloc(0)

/**
 * The event in a ProposedMessage that was entered.
 *
 * @throws MalformedMessage, Refused when its metadata lacks what it must have.
 */
export function readProposedEvent(reader: ProtoReader): ProposedEvent {
  let id = ''
  let type: string | undefined
  let contentType: string | undefined
  let data: Uint8Array = nothing
  let customMetadata: Uint8Array = nothing
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === idTag) {
      const outer = reader.enter()
      id = readUuid(reader)
      reader.leave(outer)
    } else if (tag === metadataTag) {
      const [key, value] = readEntry(reader)
      if (key === 'type') type = value
      else if (key === 'content-type') contentType = value
    } else if (tag === customMetadataTag) customMetadata = reader.view()
    else if (tag === dataTag) data = reader.view()
    else reader.skip(tag)
  }
  if (type === undefined || contentType === undefined) throw new Refused({ kind: 'missing_metadata' })
  return { id: checkedUuid(id), type, isJson: contentType === jsonContentType, data, customMetadata }
}

function readEntry(reader: ProtoReader): readonly [string, string] {
  let key = ''
  let value = ''
  const outer = reader.enter()
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === keyTag) key = reader.text()
    else if (tag === valueTag) value = reader.text()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return [key, value]
}

/** The content types that KurrentDB tells apart; any other one counts as bytes. */
export const jsonContentType = 'application/json'

/** Of everything that is no JSON. */
export const binaryContentType = 'application/octet-stream'

/** The same event for the store, byte for byte. */
export function newEventOf({ id, type, isJson, data, customMetadata }: ProposedEvent): NewEvent {
  const contentType = isJson ? jsonContentType : binaryContentType
  if (customMetadata.length === 0) return { id, type, data, contentType }
  const metadataContentType = isObject(customMetadata) ? jsonContentType : binaryContentType
  return { id, type, data, contentType, metadata: customMetadata, metadataContentType }
}

/**
 * Metadata that looks like a JSON object is called one, so that everybody who reads the store sees its fields. The empty
 * one is what the store gives an event without metadata, and so cannot stand for itself.
 */
function isObject(metadata: Uint8Array): boolean {
  return metadata[0] === 0x7b && metadata.length > 2
}

/** An event that waits for others keeps its own bytes, not everything that was received with it. */
export function ownEvent(event: ProposedEvent): ProposedEvent {
  return { ...event, data: Buffer.from(event.data), customMetadata: Buffer.from(event.customMetadata) }
}
