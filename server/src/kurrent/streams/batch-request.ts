import type { Decode } from '../grpc/method.ts'
import { bytesTag, MalformedMessage, ProtoReader, varintTag } from '../protobuf/proto-reader.ts'
import { type ProposedEvent, readProposedEvent } from './proposed-event.ts'
import { readStreamOptions, type StreamOptions } from './stream-options.ts'

/** One message of BatchAppend: an append, or a part of one. */
export interface BatchRequest {
  /** What the client knows the append by: the fields of a UUID, which are sent back as they are. */
  readonly correlation: Buffer
  /** Whether it has options, as the first part of an append has and no other. */
  readonly isFirst: boolean
  /** The options; missing also when they cannot be read. */
  readonly options: StreamOptions | undefined
  readonly events: readonly ProposedEvent[]
  /** What is wrong with the options or an event of this part: it concerns this append, not the others of the call. */
  readonly problem: unknown
  readonly isFinal: boolean
}

const correlationTag = bytesTag(1)
const optionsTag = bytesTag(2)
const eventTag = bytesTag(3)
const finalTag = varintTag(4)

/**
 * Reads a message of BatchAppend.
 *
 * @throws MalformedMessage when it is not even one, or does not say which append it belongs to.
 */
export const decodeBatch: Decode<BatchRequest> = (message) => {
  const reader = new ProtoReader(message)
  const events: ProposedEvent[] = []
  let correlation: Buffer | undefined
  let options: StreamOptions | undefined
  let problem: unknown
  let isFirst = false
  let isFinal = false
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === eventTag || tag === optionsTag) {
      isFirst ||= tag === optionsTag
      const outer = reader.enter()
      const { end } = reader
      try {
        if (tag === eventTag) events.push(readProposedEvent(reader))
        else options = readStreamOptions(reader)
      } catch (error) {
        problem ??= error
        // The reader may be inside of a message within this one.
        reader.end = end
      }
      reader.leave(outer)
    } else if (tag === correlationTag) correlation = reader.view()
    else if (tag === finalTag) isFinal = reader.uint() !== 0
    else reader.skip(tag)
  }
  if (correlation === undefined) throw new MalformedMessage('it has no correlation id')
  return { correlation, isFirst, options, events, problem, isFinal }
}
