import { quoted, VarveError } from './varve-error.ts'

/** The errors of projections. */
export type AnyProjectionError = NoSuchProjection | ProjectionBusy | WaitTimedOut | ReplayCountDiffers

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

/** The number that confirms a replay is not the number of events it would replay. */
export class ReplayCountDiffers extends VarveError {
  readonly code = 'REPLAY_COUNT_DIFFERS'
  readonly expected: number
  readonly actual: number

  constructor(expected: number, actual: number) {
    super(
      `${actual} events would be replayed, not ${expected}: look at what is parked, then confirm the number that is there now.`,
    )
    this.expected = expected
    this.actual = actual
  }
}
