import type { Decode } from '../grpc/method.ts'
import { bytesTag, MalformedMessage, ProtoReader } from '../protobuf/proto-reader.ts'
import { type ProposedEvent, readProposedEvent } from './proposed-event.ts'
import { readStreamOptions, type StreamOptions } from './stream-options.ts'

/** One message of Append: first the options, then an event each. */
export type AppendRequest =
  | { readonly kind: 'options'; readonly options: StreamOptions }
  | { readonly kind: 'event'; readonly event: ProposedEvent }

const optionsTag = bytesTag(1)
const eventTag = bytesTag(2)

/** Reads a message of Append. */
export const decodeAppend: Decode<AppendRequest> = (message) => {
  const reader = new ProtoReader(message)
  let request: AppendRequest | undefined
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== optionsTag && tag !== eventTag) {
      reader.skip(tag)
      continue
    }
    const outer = reader.enter()
    request =
      tag === optionsTag
        ? { kind: 'options', options: readStreamOptions(reader) }
        : { kind: 'event', event: readProposedEvent(reader) }
    reader.leave(outer)
  }
  if (request === undefined) throw new MalformedMessage('it has neither options nor an event')
  return request
}

/** Reads a request of Delete or Tombstone, which has such options and nothing else. */
export const decodeStreamOptions: Decode<StreamOptions> = (message) => {
  const request = decodeAppend(message)
  if (request.kind !== 'options') throw new MalformedMessage('it has no options')
  return request.options
}
