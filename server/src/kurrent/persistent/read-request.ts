import type { NackAction } from 'varve'
import type { Decode } from '../grpc/method.ts'
import { bytesTag, MalformedMessage, ProtoReader, varintTag } from '../protobuf/proto-reader.ts'
import { readUuid, type UuidForm } from '../protobuf/uuid.ts'
import { readStreamName } from '../streams/stream-name.ts'
import { nameIn, type SubscriptionName } from './subscription-name.ts'

/** One message of Read: first what is read, then words on events. */
export type ReadRequest = Beginning | Word

/** What a consumer wants. */
export interface Beginning {
  readonly kind: 'options'
  readonly name: SubscriptionName
  /** Events that it wants to have at a time. */
  readonly bufferSize: number
  readonly uuidForm: UuidForm
}

/** What a consumer says of events that it was sent. */
export interface Word {
  readonly kind: 'word'
  readonly ids: readonly string[]
  readonly says: 'ack' | NackAction
  readonly reason: string
}

const requestTags = { options: bytesTag(1), ack: bytesTag(2), nack: bytesTag(3) } as const

const optionTags = {
  stream: bytesTag(1),
  group: bytesTag(2),
  bufferSize: varintTag(3),
  uuid: bytesTag(4),
  all: bytesTag(5),
} as const

const structuredTag = bytesTag(1)
const wordTags = { ids: bytesTag(2), action: varintTag(3), reason: bytesTag(4) } as const

/** By their numbers. What is not known is tried again, as KurrentDB does. */
const actions: readonly NackAction[] = ['retry', 'park', 'retry', 'skip', 'stop']

/** Reads a message of Read. */
export const decodeReadRequest: Decode<ReadRequest> = (message) => {
  const reader = new ProtoReader(message)
  let request: ReadRequest | undefined
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== requestTags.options && tag !== requestTags.ack && tag !== requestTags.nack) {
      reader.skip(tag)
      continue
    }
    const outer = reader.enter()
    request = tag === requestTags.options ? readOptions(reader) : readWord(reader, tag === requestTags.ack)
    reader.leave(outer)
  }
  if (request === undefined) throw new MalformedMessage('it has neither options nor a word on events')
  return request
}

function readOptions(reader: ProtoReader): Beginning {
  let stream: string | undefined
  let isAll = false
  let groupName = ''
  let bufferSize = 0
  let uuidForm: UuidForm = 'string'
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === optionTags.stream || tag === optionTags.uuid) {
      const outer = reader.enter()
      if (tag === optionTags.stream) stream = readStreamName(reader)
      else uuidForm = readUuidForm(reader)
      reader.leave(outer)
    } else if (tag === optionTags.group) groupName = reader.text()
    else if (tag === optionTags.bufferSize) bufferSize = reader.high() === 0 ? reader.low : 0
    else {
      if (tag === optionTags.all) isAll = true
      reader.skip(tag)
    }
  }
  const streamIdentifier = stream === undefined ? null : { streamName: Buffer.from(stream) }
  const name = nameIn({ groupName, streamIdentifier, all: isAll ? {} : null })
  return { kind: 'options', name, bufferSize, uuidForm }
}

function readUuidForm(reader: ProtoReader): UuidForm {
  let form: UuidForm = 'string'
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    form = tag === structuredTag ? 'structured' : 'string'
    reader.skip(tag)
  }
  return form
}

function readWord(reader: ProtoReader, isAck: boolean): Word {
  const ids: string[] = []
  let action = 0
  let reason = ''
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === wordTags.ids) {
      const outer = reader.enter()
      ids.push(readUuid(reader).toLowerCase())
      reader.leave(outer)
    } else if (!isAck && tag === wordTags.action) action = reader.uint()
    else if (!isAck && tag === wordTags.reason) reason = reader.text()
    else reader.skip(tag)
  }
  return { kind: 'word', ids, says: isAck ? 'ack' : (actions[action] ?? 'skip'), reason }
}
