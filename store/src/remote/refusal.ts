import {
  ConditionFailed,
  DuplicateEventId,
  EngineFailed,
  EngineUnavailable,
  Forbidden,
  InvalidArgument,
  LimitExceeded,
  NotSupported,
  PayloadTooLarge,
  QueueFull,
  RemoteFailed,
  StoreCorrupt,
  StreamTombstoned,
  VersionConflict,
} from '../model/errors.ts'
import { EventsArchived } from '../model/event-errors.ts'
import type { LimitName } from '../model/limits.ts'
import { CheckpointConflict, ShelfConflict } from '../model/shelf-errors.ts'
import type { ErrorCode } from '../model/varve-error.ts'
import type { ExpectedVersion } from '../model/version.ts'

/** A problem document (RFC 9457): what a Varve server answers with when it did nothing. */
export interface ProblemDocument {
  readonly code?: unknown
  readonly detail?: unknown
  readonly [fact: string]: unknown
}

/** The error a problem document stands for: the class, message and facts that the store of the server threw. */
export function refusalFrom(problem: ProblemDocument, status: number): Error {
  const detail = String(problem.detail)
  const text = (name: string): string => String(problem[name])
  const number = (name: string): number => Number(problem[name])
  switch (problem.code as ErrorCode | 'CLOSING') {
    case 'VERSION_CONFLICT':
      return new VersionConflict(text('stream_id'), problem.expected as ExpectedVersion, number('actual'))
    case 'CONDITION_FAILED':
      return new ConditionFailed(number('after'), number('position'))
    case 'DUPLICATE_EVENT_ID':
      return new DuplicateEventId(text('event_id'), text('stream_id'))
    case 'STREAM_TOMBSTONED':
      return new StreamTombstoned(text('stream_id'))
    case 'EVENTS_ARCHIVED':
      return new EventsArchived(number('archived_until'))
    case 'CHECKPOINT_CONFLICT':
      return new CheckpointConflict(text('checkpoint'))
    case 'SHELF_CONFLICT':
      return new ShelfConflict(text('key'), number('expected'))
    case 'INVALID_ARGUMENT':
      return new InvalidArgument(text('argument'), after(detail, `${text('argument')} `))
    case 'LIMIT_EXCEEDED':
      return new LimitExceeded(text('limit') as LimitName, number('given'))
    case 'PAYLOAD_TOO_LARGE':
      return new PayloadTooLarge('An event', number('bytes'))
    case 'NOT_SUPPORTED':
      return new NotSupported(text('engine'), text('capability'), after(detail, `${text('capability')}. `))
    case 'QUEUE_FULL':
      return new QueueFull(number('queued_events'), number('queued_bytes'))
    case 'FORBIDDEN':
      return new Forbidden(detail)
    case 'ENGINE_FAILED':
      return new EngineFailed(text('engine'), after(detail, 'failed: '))
    case 'STORE_CORRUPT':
      return new StoreCorrupt(after(detail, 'damaged: '))
    case 'ENGINE_UNAVAILABLE':
      return new EngineUnavailable(text('engine'), 'its server says so')
    // The server goes away, not the caller's own store: another one may answer the next attempt.
    case 'STORE_CLOSED':
    case 'CLOSING':
      return new EngineUnavailable('remote', 'the server shuts down')
    default:
      return new RemoteFailed(detail, status)
  }
}

function after(text: string, start: string): string {
  const at = text.indexOf(start)
  return at < 0 ? text : text.slice(at + start.length)
}
