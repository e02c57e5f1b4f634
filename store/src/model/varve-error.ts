/** What all errors of Varve have in common; use `isVarveError` instead of `instanceof`. */
export interface VarveErrorShape extends Error {
  readonly code: ErrorCode
  /** True when the same call may succeed later, unchanged or after a fresh read. */
  readonly retryable: boolean
}

/** The class most errors of Varve extend. */
export abstract class VarveError extends Error implements VarveErrorShape {
  abstract readonly code: ErrorCode
  readonly retryable: boolean = false

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/**
 * Every error of Varve. Codes are stable, texts are free, fields carry the facts.
 * A caller's mistake is an `InvalidArgument` (a `TypeError`) or `LimitExceeded` (a `RangeError`), thrown before any I/O.
 */
export type ErrorCode =
  | 'VERSION_CONFLICT'
  | 'CONDITION_FAILED'
  | 'DUPLICATE_EVENT_ID'
  | 'STREAM_TOMBSTONED'
  | 'INVALID_ARGUMENT'
  | 'LIMIT_EXCEEDED'
  | 'PAYLOAD_TOO_LARGE'
  | 'PAYLOAD_UNREADABLE'
  | 'PAYLOAD_INVALID'
  | 'EVENT_NOT_DEFINED'
  | 'EVENTS_ARCHIVED'
  | 'UPCAST_FAILED'
  | 'PROJECTION_FAILED'
  | 'REACTION_FAILED'
  | 'NO_SUCH_PROJECTION'
  | 'PROJECTION_BUSY'
  | 'WAIT_TIMED_OUT'
  | 'PROJECTION_STOPPED'
  | 'NOT_SUPPORTED'
  | 'QUEUE_FULL'
  | 'STORE_CLOSED'
  | 'ENGINE_FAILED'
  | 'ENGINE_UNAVAILABLE'
  | 'STORE_CORRUPT'
  | 'STORE_TOO_NEW'
  | 'DRIVER_MISSING'
  | 'CHECKPOINT_CONFLICT'
  | 'TARGET_UNAVAILABLE'
  | 'TARGET_FAILED'
  | 'MESSAGE_REFUSED'
  | 'SHELF_CONFLICT'
  | 'BLOB_MISSING'
  | 'BLOB_CORRUPT'
  | 'BLOBS_FAILED'
  | 'BLOBS_UNAVAILABLE'
  | 'NO_BLOB_NAMED'
  | 'SUBJECT_FORGOTTEN'
  | 'KEY_MISSING'
  | 'PERSONAL_DATA_UNREADABLE'
  | 'KEY_STORE_FAILED'
  | 'GROUP_NOT_FOUND'
  | 'GROUP_EXISTS'
  | 'GROUP_STOPPED'
  | 'GROUP_FULL'
  | 'GROUP_CHANGED'
  | 'DELIVERY_LOST'
  | 'PARKED_COUNT_DIFFERS'
  | 'FORBIDDEN'
  | 'REMOTE_FAILED'

/** A name in a message: quoted, with control characters visible, never longer than a line. */
export function quoted(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 79)}…` : text
  return JSON.stringify(shown)
}
