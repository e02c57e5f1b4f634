import type { FailedEvent, StoredFailure } from './projection-status.ts'
import { quoted, VarveError } from './varve-error.ts'

/** The errors of projections. */
export type AnyProjectionError = NoSuchProjection | ProjectionBusy | WaitTimedOut | ProjectionStopped

/** No projection of this name has run over this store, or not this generation of it. */
export class NoSuchProjection extends VarveError {
  readonly code = 'NO_SUCH_PROJECTION'
  readonly projection: string

  constructor(projection: string, generation?: number) {
    super(
      generation === undefined
        ? `No projection ${quoted(projection)} has run over this store: start it with runProjections, or look at the names with listProjections.`
        : `Projection ${quoted(projection)} has no generation ${generation}: look at its generations with listProjections.`,
    )
    this.projection = projection
  }
}

/** What was asked of a projection does not fit the state it is in. */
export class ProjectionBusy extends VarveError {
  readonly code = 'PROJECTION_BUSY'
  override readonly retryable = true
  readonly projection: string

  constructor(projection: string, problem: string) {
    super(`Projection ${quoted(projection)} ${problem}`)
    this.projection = projection
  }
}

/** A read model did not come to a position in the time that was given. */
export class WaitTimedOut extends VarveError {
  readonly code = 'WAIT_TIMED_OUT'
  override readonly retryable = true
  readonly projection: string
  readonly position: number
  readonly actual: number

  constructor(projection: string, facts: { position: number; actual: number; timeoutMs: number; state: string }) {
    const { position, actual, timeoutMs, state } = facts
    super(
      `Projection ${quoted(projection)} has not come to position ${position} within ${timeoutMs} ms: it is at ${actual} and ${state}. ` +
        'Wait longer, read what is there, or look at its status.',
    )
    this.projection = projection
    this.position = position
    this.actual = actual
  }
}

/** A read model does not come to a position, because its projection has stopped before it; it is not tried again by itself. */
export class ProjectionStopped extends VarveError {
  readonly code = 'PROJECTION_STOPPED'
  readonly projection: string
  /** The position that was waited for. */
  readonly position: number
  /** Everything up to here was handled by the partition that stopped. */
  readonly actual: number
  /** The code of what it stopped at, as its status shows it. */
  readonly failureCode: string
  readonly reason: string
  /** The event that it stopped at; undefined when it was the target. */
  readonly event: FailedEvent | undefined

  constructor(
    projection: string,
    position: number,
    { position: actual, failure }: { readonly position: number; readonly failure: StoredFailure },
  ) {
    const { code, reason, event } = failure
    const at =
      event === undefined
        ? `after position ${actual}`
        : `at event ${event.position} (${event.type} of ${quoted(event.streamId)})`
    super(
      `Projection ${quoted(projection)} does not come to position ${position}: it has stopped ${at}: ${reason.replace(/[.!?]$/, '')} (${code}). ` +
        'Mend it and resume it, or skip the event.',
    )
    this.projection = projection
    this.position = position
    this.actual = actual
    this.failureCode = code
    this.reason = reason
    this.event = event
  }
}
