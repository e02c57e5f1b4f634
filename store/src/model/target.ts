/**
 * Where a read model lives: the port that projections write through. The changes of a write and the checkpoint that
 * says how far they go are one transaction, so a crash loses both or neither and nothing is ever counted twice.
 */
export interface Target<ReadModel> extends AsyncDisposable {
  /** What handlers change and readers read: a value, or a handle to a database. */
  readonly readModel: ReadModel

  /** True when an emptying write brings back the state before the first event by itself. */
  readonly emptiesItself: boolean

  /** How far a projection has come, undefined when it never began here. */
  checkpoint(projection: string): Promise<TargetCheckpoint | undefined>

  /**
   * Carries out a change, whole or not at all.
   *
   * @throws CHECKPOINT_CONFLICT when the checkpoint is not the one expected, and whatever `apply` throws.
   */
  write(change: TargetChange<ReadModel>): Promise<void>

  /** Gives everything back, after the write under way. Closing twice is fine. */
  close(): Promise<void>
}

/** How far a read model has come. */
export interface TargetCheckpoint {
  /** Everything up to this position is in the read model. */
  readonly position: number
  /** Version of the projection that built it. */
  readonly version: number
}

/** One transaction of a {@link Target}. */
export interface TargetChange<ReadModel> {
  readonly projection: string
  /** What the checkpoint must be; undefined for none yet. `'any'` takes the read model over from whoever writes it. */
  readonly expected: TargetCheckpoint | 'any' | undefined
  readonly next: TargetCheckpoint
  /** True when the read model begins anew; `apply` then empties it where the target does not do so by itself. */
  readonly empty: boolean
  /** Changes the read model. What it returns is awaited if it is a promise. */
  readonly apply: (readModel: ReadModel) => unknown
}

/** Whether a checkpoint is the one a write expects. */
export function checkpointHolds(
  expected: TargetChange<never>['expected'],
  actual: TargetCheckpoint | undefined,
): boolean {
  if (expected === 'any') return true
  return expected?.position === actual?.position && expected?.version === actual?.version
}
