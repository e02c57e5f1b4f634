import { bytesTag, MalformedMessage, type ProtoReader, varintTag } from '../protobuf/proto-reader.ts'
import type { Expectation } from './expectation.ts'
import { readStreamName } from './stream-name.ts'

/** A stream and what is expected of it: what every write begins with. */
export interface StreamOptions {
  readonly stream: string
  readonly expected: Expectation
  /** Of a batch only: when the client stops waiting. */
  readonly deadline: Deadline | undefined
}

/** A time since 1970, or a time from now on, in milliseconds. */
export type Deadline = { readonly atMs: number } | { readonly inMs: number }

const streamTag = bytesTag(1)
const revisionTag = varintTag(2)
const noStreamTag = bytesTag(3)
const anyTag = bytesTag(4)
const existsTag = bytesTag(5)
const timestampTag = bytesTag(6)
const durationTag = bytesTag(7)

const secondsTag = varintTag(1)
const nanosTag = varintTag(2)

/**
 * The options in a message that was entered.
 *
 * @throws MalformedMessage when they name no stream or expect nothing of it.
 */
export function readStreamOptions(reader: ProtoReader): StreamOptions {
  let stream: string | undefined
  let expected: Expectation | undefined
  let deadline: Deadline | undefined
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === streamTag || tag === timestampTag || tag === durationTag) {
      const outer = reader.enter()
      if (tag === streamTag) stream = readStreamName(reader)
      else if (tag === timestampTag) deadline = { atMs: readMs(reader) }
      else deadline = { inMs: readMs(reader) }
      reader.leave(outer)
    } else if (tag === revisionTag) expected = reader.uint()
    else {
      expected = wordOf(tag) ?? expected
      reader.skip(tag)
    }
  }
  if (stream === undefined) throw new MalformedMessage('it names no stream')
  if (expected === undefined) throw new MalformedMessage('it does not say what it expects of the stream')
  return { stream, expected, deadline }
}

function wordOf(tag: number): Expectation | undefined {
  if (tag === anyTag) return 'any'
  if (tag === noStreamTag) return 'no_stream'
  return tag === existsTag ? 'stream_exists' : undefined
}

/** A Timestamp or a Duration: seconds, which may be below 0, and nanoseconds. */
function readMs(reader: ProtoReader): number {
  let ms = 0
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== secondsTag && tag !== nanosTag) {
      reader.skip(tag)
      continue
    }
    const number = (reader.high() | 0) * 0x1_0000_0000 + reader.low
    ms += tag === secondsTag ? number * 1_000 : number / 1_000_000
  }
  return ms
}
