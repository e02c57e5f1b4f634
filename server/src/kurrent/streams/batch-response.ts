import { statusCodes } from '../grpc/status.ts'
import { bytesTag, varintTag } from '../protobuf/proto-reader.ts'
import { ProtoWriter } from '../protobuf/proto-writer.ts'
import { explanationOf, type Refusal } from '../refusal.ts'
import { writeLanded } from './append-response.ts'
import type { LandedWrite } from './proposed-write.ts'
import { writeStreamName } from './stream-name.ts'

/** What becomes of an append in a batch: a place, or why not. Anything but a refusal is the server's own failure. */
export type BatchOutcome = LandedWrite | Refusal | { readonly kind: 'failed'; readonly problem: string }

const response = {
  correlation: bytesTag(1),
  error: bytesTag(2),
  success: bytesTag(3),
  stream: bytesTag(4),
} as const

const status = { code: varintTag(1), message: bytesTag(2), details: bytesTag(3) } as const
const detail = { url: bytesTag(1), value: bytesTag(2) } as const

const wrongVersion = {
  currentRevision: varintTag(1),
  currentNoStream: bytesTag(2),
  expectedRevision: varintTag(3),
  any: bytesTag(4),
  streamExists: bytesTag(5),
  noStream: bytesTag(6),
} as const

/** Answers to appends, gathered to be sent in one piece. */
export class BatchResponses {
  #writer = new ProtoWriter()

  /** Whether there is nothing to send. */
  get isEmpty(): boolean {
    return this.#writer.length === 0
  }

  /** Adds the answer to one append. */
  add(correlation: Uint8Array, stream: string, outcome: BatchOutcome): void {
    const writer = this.#writer
    const frame = writer.beginFrame()
    writer.bytes(response.correlation, correlation)
    if ('kind' in outcome) writeError(writer, outcome)
    else {
      const message = writer.open(response.success)
      writeLanded(writer, outcome)
      writer.close(message)
    }
    writeStreamName(writer, response.stream, stream)
    writer.endFrame(frame)
  }

  /** The frames of all answers since the last time. */
  take(): Buffer {
    const frames = this.#writer.finish()
    this.#writer = new ProtoWriter()
    return frames
  }
}

/** Clients look at the type of the detail only. */
function writeError(writer: ProtoWriter, outcome: Exclude<BatchOutcome, LandedWrite>): void {
  const { code, type } = statusOf(outcome)
  const message = writer.open(response.error)
  writer.uint(status.code, statusCodes[code])
  writer.text(status.message, outcome.kind === 'failed' ? outcome.problem : explanationOf(outcome))
  const details = writer.open(status.details)
  writer.text(detail.url, `type.googleapis.com/event_store.client.${type}`)
  const value = writer.open(detail.value)
  writeDetail(writer, outcome)
  writer.close(value)
  writer.close(details)
  writer.close(message)
}

interface ErrorStatus {
  readonly code: keyof typeof statusCodes
  readonly type: string
}

function statusOf(outcome: Exclude<BatchOutcome, LandedWrite>): ErrorStatus {
  switch (outcome.kind) {
    case 'wrong_version':
      return { code: 'alreadyExists', type: 'WrongExpectedVersion' }
    case 'stream_deleted':
      return { code: 'notFound', type: 'StreamDeleted' }
    case 'append_too_large':
    case 'event_too_large':
      return { code: 'invalidArgument', type: 'MaximumAppendSizeExceeded' }
    case 'access_denied':
      return { code: 'permissionDenied', type: 'AccessDenied' }
    case 'timeout':
      return { code: 'deadlineExceeded', type: 'Timeout' }
    case 'missing_metadata':
    case 'bad_request':
      return { code: 'invalidArgument', type: 'BadRequest' }
    case 'failed':
      return { code: 'unknown', type: 'Unknown' }
  }
}

function writeDetail(writer: ProtoWriter, outcome: Exclude<BatchOutcome, LandedWrite>): void {
  switch (outcome.kind) {
    case 'wrong_version': {
      const { expected, actual } = outcome
      if (actual < 0) writer.empty(wrongVersion.currentNoStream)
      else writer.uint(wrongVersion.currentRevision, actual)
      if (expected === 'any') writer.empty(wrongVersion.any)
      else if (expected === 'stream_exists') writer.empty(wrongVersion.streamExists)
      else if (expected === 'no_stream') writer.empty(wrongVersion.noStream)
      else writer.uint(wrongVersion.expectedRevision, expected)
      return
    }
    case 'stream_deleted':
      writeStreamName(writer, bytesTag(1), outcome.stream)
      return
    case 'append_too_large':
    case 'event_too_large':
      writer.uint(varintTag(1), outcome.allowed)
      return
    case 'missing_metadata':
    case 'bad_request':
      writer.text(bytesTag(1), explanationOf(outcome))
      return
    default:
      return
  }
}
