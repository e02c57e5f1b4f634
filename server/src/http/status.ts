import type { ErrorCode } from 'varve'

/** The HTTP status each refusal answers with. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  VERSION_CONFLICT: 409,
  CONDITION_FAILED: 409,
  DUPLICATE_EVENT_ID: 409,
  CHECKPOINT_CONFLICT: 409,
  SHELF_CONFLICT: 409,
  SUBJECT_FORGOTTEN: 410,
  STREAM_TOMBSTONED: 410,
  EVENTS_ARCHIVED: 410,
  INVALID_ARGUMENT: 400,
  LIMIT_EXCEEDED: 422,
  PAYLOAD_TOO_LARGE: 413,
  PAYLOAD_INVALID: 422,
  PAYLOAD_UNREADABLE: 500,
  EVENT_NOT_DEFINED: 500,
  UPCAST_FAILED: 500,
  KEY_MISSING: 500,
  PERSONAL_DATA_UNREADABLE: 500,
  KEY_STORE_FAILED: 500,
  PROJECTION_FAILED: 500,
  REACTION_FAILED: 500,
  NOT_SUPPORTED: 501,
  FORBIDDEN: 403,
  QUEUE_FULL: 503,
  ENGINE_UNAVAILABLE: 503,
  STORE_CLOSED: 503,
  ENGINE_FAILED: 500,
  STORE_CORRUPT: 500,
  STORE_TOO_NEW: 500,
  DRIVER_MISSING: 500,
  REMOTE_FAILED: 502,
  BLOB_MISSING: 500,
  BLOB_CORRUPT: 500,
  BLOBS_FAILED: 500,
  BLOBS_UNAVAILABLE: 503,
  NO_BLOB_NAMED: 409,
}

/**
 * The status of an error. A version conflict is 412 when the expectation came as a precondition header,
 * as RFC 9110 section 13 asks, and 409 when it was in the body.
 */
export function statusOf(code: ErrorCode, byHeader: boolean): number {
  return code === 'VERSION_CONFLICT' && byHeader ? 412 : statuses[code]
}
