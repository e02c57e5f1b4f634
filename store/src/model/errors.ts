import type { AnyBlobError } from './blob-errors.ts'
import type { AnyErasureError } from './erasure-errors.ts'
import type { AnyEventError } from './event-errors.ts'
import type { AnyGroupError } from './group-errors.ts'
import { type LimitName, limits } from './limits.ts'
import type { AnyProjectionError } from './projection-errors.ts'
import type { MessageRefused } from './relay-errors.ts'
import type { CheckpointConflict, ShelfConflict } from './shelf-errors.ts'
import type { TargetFailed, TargetUnavailable } from './target-errors.ts'
import { type ErrorCode, quoted, VarveError, type VarveErrorShape } from './varve-error.ts'
import type { ExpectedVersion } from './version.ts'

/**
 * Whether a value is an error of Varve, and of this code when one is given.
 * Compares codes, so it holds across two copies of the package.
 */
export function isVarveError<Code extends ErrorCode>(error: unknown, code: Code): error is ErrorOfCode<Code>
export function isVarveError(error: unknown): error is VarveErrorShape
export function isVarveError(error: unknown, code?: ErrorCode): boolean {
  if (!(error instanceof Error) || !('code' in error) || !('retryable' in error)) return false
  return code === undefined ? typeof error.code === 'string' : error.code === code
}

/** The class that carries a code. */
export type ErrorOfCode<Code extends ErrorCode> = Extract<AnyVarveError, { readonly code: Code }>

type AnyVarveError =
  | VersionConflict
  | ConditionFailed
  | DuplicateEventId
  | StreamTombstoned
  | InvalidArgument
  | LimitExceeded
  | PayloadTooLarge
  | NotSupported
  | QueueFull
  | StoreClosed
  | EngineFailed
  | EngineUnavailable
  | StoreCorrupt
  | StoreTooNew
  | DriverMissing
  | CheckpointConflict
  | ShelfConflict
  | TargetUnavailable
  | TargetFailed
  | MessageRefused
  | AnyEventError
  | AnyBlobError
  | AnyErasureError
  | AnyProjectionError
  | AnyGroupError
  | Forbidden
  | RemoteFailed

/** The stream is not at the version the caller expected; nothing was written. */
export class VersionConflict extends VarveError {
  readonly code = 'VERSION_CONFLICT'
  override readonly retryable = true
  readonly streamId: string
  readonly expected: ExpectedVersion
  /** Version of the stream's last event, 0 when it has none. */
  readonly actual: number

  constructor(streamId: string, expected: ExpectedVersion, actual: number) {
    super(
      `Stream ${quoted(streamId)} is at version ${actual}, expected ${expected}. ` +
        'Nothing was written: read the stream again, decide again and append with its new version.',
    )
    this.streamId = streamId
    this.expected = expected
    this.actual = actual
  }
}

/** An event matching the append condition lies above its `after`; nothing was written. */
export class ConditionFailed extends VarveError {
  readonly code = 'CONDITION_FAILED'
  override readonly retryable = true
  readonly after: number
  /** A position above `after` at which a matching event lies. */
  readonly position: number

  constructor(after: number, position: number) {
    super(
      `An event at position ${position} matches the append condition, which allows none after ${after}. ` +
        'Nothing was written: run the query again, decide again and append with the new position.',
    )
    this.after = after
    this.position = position
  }
}

/** An event id is in the store already, and the append is no clean repeat of the one that put it there. */
export class DuplicateEventId extends VarveError {
  readonly code = 'DUPLICATE_EVENT_ID'
  readonly eventId: string
  /** The stream that holds the id. */
  readonly streamId: string

  constructor(eventId: string, streamId: string) {
    super(
      `Event id ${eventId} is stored in stream ${quoted(streamId)} already. Nothing was written: ` +
        'to repeat an append send exactly the same ids to the same stream, for new events use new ids.',
    )
    this.eventId = eventId
    this.streamId = streamId
  }
}

/** The stream was closed for ever. */
export class StreamTombstoned extends VarveError {
  readonly code = 'STREAM_TOMBSTONED'
  readonly streamId: string

  constructor(streamId: string) {
    super(`Stream ${quoted(streamId)} is tombstoned and takes no more events. Use another stream id.`)
    this.streamId = streamId
  }
}

/** An argument is not what the call takes; nothing was sent anywhere. */
export class InvalidArgument extends TypeError implements VarveErrorShape {
  readonly code = 'INVALID_ARGUMENT'
  readonly retryable = false
  /** The argument, as in `events[0].type`. */
  readonly argument: string

  constructor(argument: string, problem: string) {
    super(`${argument} ${problem}`)
    this.name = 'InvalidArgument'
    this.argument = argument
  }
}

/** A bound of {@link limits} was passed; nothing was sent anywhere. */
export class LimitExceeded extends RangeError implements VarveErrorShape {
  readonly code = 'LIMIT_EXCEEDED'
  readonly retryable = false
  readonly limit: LimitName
  readonly given: number
  readonly allowed: number

  constructor(limit: LimitName, given: number, advice = 'Split the call into smaller ones.') {
    super(`${given} is more than the ${limits[limit]} that limits.${limit} allows. ${advice}`)
    this.name = 'LimitExceeded'
    this.limit = limit
    this.given = given
    this.allowed = limits[limit]
  }
}

/** An event's payload and metadata are larger than `limits.eventBytes`. */
export class PayloadTooLarge extends VarveError {
  readonly code = 'PAYLOAD_TOO_LARGE'
  readonly bytes: number
  readonly allowed: number = limits.eventBytes

  constructor(argument: string, bytes: number) {
    super(
      `${argument} has ${bytes} bytes of payload and metadata; limits.eventBytes allows ${limits.eventBytes}. ` +
        'Store what is large with claimCheck() and put the claim it gives into the event: docs/guides/large-payloads.md.',
    )
    this.bytes = bytes
  }
}

/** The engine lacks a capability. */
export class NotSupported extends VarveError {
  readonly code = 'NOT_SUPPORTED'
  /** Its name in `Capabilities`. */
  readonly capability: string
  readonly engine: string

  constructor(engine: string, capability: string, advice: string, lack = `does not support ${capability}`) {
    super(`The ${engine} engine ${lack}. ${advice}`)
    this.engine = engine
    this.capability = capability
  }
}

/** Too much is waiting for a commit; this append was not taken in. */
export class QueueFull extends VarveError {
  readonly code = 'QUEUE_FULL'
  override readonly retryable = true
  readonly queuedEvents: number
  readonly queuedBytes: number

  constructor(queuedEvents: number, queuedBytes: number) {
    super(
      `${queuedEvents} events (${queuedBytes} bytes) wait for a commit already. This append was not taken in: ` +
        'await earlier appends before sending more, or retry with a delay.',
    )
    this.queuedEvents = queuedEvents
    this.queuedBytes = queuedBytes
  }
}

/** The store, or what belongs to it, was closed. */
export class StoreClosed extends VarveError {
  readonly code = 'STORE_CLOSED'

  constructor(what = 'The store') {
    super(`${what} is closed. Open it again to go on.`)
  }
}

/** The engine refused or broke in a way that a retry does not mend: a full disk, a missing right, an unreadable file. */
export class EngineFailed extends VarveError {
  readonly code = 'ENGINE_FAILED'
  readonly engine: string

  constructor(engine: string, problem: string, options?: ErrorOptions) {
    super(`The ${engine} engine failed: ${problem}`, options)
    this.engine = engine
  }
}

/** The engine cannot answer now: busy, restarting, out of reach. Appends with the same ids may be retried safely. */
export class EngineUnavailable extends VarveError {
  readonly code = 'ENGINE_UNAVAILABLE'
  override readonly retryable = true
  readonly engine: string

  constructor(engine: string, problem: string, options?: ErrorOptions) {
    super(
      `The ${engine} engine is not available: ${problem}. Retry with the same event ids; nothing is written twice.`,
      options,
    )
    this.engine = engine
  }
}

/** What lies in storage contradicts itself. */
export class StoreCorrupt extends VarveError {
  readonly code = 'STORE_CORRUPT'

  constructor(problem: string, options?: ErrorOptions) {
    super(
      `The store is damaged: ${problem}. Keep the file as it is, run 'varve doctor' on a copy, and restore from a backup.`,
      options,
    )
  }
}

/** The storage was written by a newer Varve. */
export class StoreTooNew extends VarveError {
  readonly code = 'STORE_TOO_NEW'

  constructor(found: number, known: number) {
    super(`The store has schema ${found}; this version of Varve knows up to ${known}. Install a newer varve.`)
  }
}

/** An engine's driver package is not installed. */
export class DriverMissing extends VarveError {
  readonly code = 'DRIVER_MISSING'
  readonly driver: string

  constructor(driver: string, install: string, options?: ErrorOptions) {
    super(`${driver} is not available. ${install}`, options)
    this.driver = driver
  }
}

/** The caller may not do this. */
export class Forbidden extends VarveError {
  readonly code = 'FORBIDDEN'

  constructor(problem: string) {
    super(problem)
  }
}

/** A Varve server answered with something that is no answer of its API. */
export class RemoteFailed extends VarveError {
  readonly code = 'REMOTE_FAILED'
  /** The HTTP status, 0 when there was no answer. */
  readonly status: number

  constructor(problem: string, status: number, options?: ErrorOptions) {
    super(problem, options)
    this.status = status
  }
}
