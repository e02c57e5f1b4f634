import { VarveError } from './varve-error.ts'

/** A target cannot write or read now: busy, restarting, out of reach. */
export class TargetUnavailable extends VarveError {
  readonly code = 'TARGET_UNAVAILABLE'
  override readonly retryable = true
  /** The kind of target, as in `'sqlite'`. */
  readonly target: string

  constructor(target: string, problem: string, options?: ErrorOptions) {
    super(
      `The ${target} target is not available: ${problem}. Read the checkpoint, which tells what is written, and go on.`,
      options,
    )
    this.target = target
  }
}

/** A target refused or broke in a way that a retry does not mend: a full disk, a missing right, a broken file. */
export class TargetFailed extends VarveError {
  readonly code = 'TARGET_FAILED'
  /** The kind of target, as in `'sqlite'`. */
  readonly target: string

  constructor(target: string, problem: string, options?: ErrorOptions) {
    super(`The ${target} target failed: ${problem}`, options)
    this.target = target
  }
}
