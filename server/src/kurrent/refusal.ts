import { CallFailed } from './grpc/status.ts'
import { type Expectation, expectationNumber } from './streams/expectation.ts'

/** Why something was refused, in the words of KurrentDB. */
export type Refusal =
  | WrongVersion
  | EventTooLarge
  | { readonly kind: 'stream_deleted'; readonly stream: string }
  | {
      readonly kind: 'append_too_large'
      readonly bytes?: number
      readonly allowed: number
      readonly problem: string
    }
  | { readonly kind: 'missing_metadata' }
  | { readonly kind: 'access_denied'; readonly problem: string }
  | { readonly kind: 'bad_request'; readonly problem: string }
  | { readonly kind: 'timeout'; readonly problem: string }

/** The stream is not where it was expected to be; `actual` is its revision, -1 when it has none. */
export interface WrongVersion {
  readonly kind: 'wrong_version'
  readonly stream: string
  readonly expected: Expectation
  readonly actual: number
}

/** One event is larger than any may be. */
export interface EventTooLarge {
  readonly kind: 'event_too_large'
  readonly stream: string
  readonly eventId: string
  readonly bytes: number
  readonly allowed: number
}

/** A refusal on its way to the client. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(explanationOf(refusal))
    this.name = 'Refused'
    this.refusal = refusal
  }
}

/** A refusal as the end of a call: official clients tell refusals apart by the trailer `exception`. */
export function callFailedBy(refusal: Refusal): CallFailed {
  const explanation = explanationOf(refusal)
  switch (refusal.kind) {
    case 'wrong_version':
      return new CallFailed('failedPrecondition', explanation, {
        exception: 'wrong-expected-version',
        'stream-name': refusal.stream,
        'expected-version': String(expectationNumber(refusal.expected)),
        'actual-version': String(refusal.actual),
      })
    case 'stream_deleted': {
      const trailers = { exception: 'stream-deleted', 'stream-name': refusal.stream }
      return new CallFailed('failedPrecondition', explanation, trailers)
    }
    // KurrentDB has another word for a single event that is too large, which not every official client knows.
    case 'event_too_large':
    case 'append_too_large': {
      const trailers = { exception: 'maximum-append-size-exceeded', 'maximum-append-size': String(refusal.allowed) }
      return new CallFailed('invalidArgument', explanation, trailers)
    }
    case 'missing_metadata':
      return new CallFailed('invalidArgument', explanation, {
        exception: 'missing-required-metadata-property',
        'required-metadata-properties': 'type,content-type',
      })
    case 'access_denied':
      return new CallFailed('permissionDenied', explanation, { exception: 'access-denied' })
    case 'bad_request':
      return new CallFailed('invalidArgument', explanation)
    case 'timeout':
      return new CallFailed('aborted', explanation)
  }
}

/** What a person is told. */
export function explanationOf(refusal: Refusal): string {
  switch (refusal.kind) {
    // The Python client reads the numbers out of these words, where the others look at the trailers.
    case 'wrong_version':
      return (
        `The write failed due to WrongExpectedVersion. Stream: ${refusal.stream}, ` +
        `Expected version: ${expectationNumber(refusal.expected)}, Actual version: ${refusal.actual}`
      )
    case 'stream_deleted':
      return `Event stream '${refusal.stream}' is deleted.`
    case 'event_too_large':
      return (
        `Event ${refusal.eventId} has ${refusal.bytes} bytes of data and metadata; at most ${refusal.allowed} are ` +
        'taken. Store what is large elsewhere and put a reference to it into the event.'
      )
    case 'missing_metadata':
      return "Required metadata properties are missing: an event says its 'type' and its 'content-type'."
    default:
      return refusal.problem
  }
}
