import { quoted, VarveError } from './varve-error.ts'

/** Another consumer moved the checkpoint: two run under one name. */
export class CheckpointConflict extends VarveError {
  readonly code = 'CHECKPOINT_CONFLICT'
  readonly checkpoint: string

  constructor(checkpoint: string) {
    super(
      `Checkpoint ${quoted(checkpoint)} was moved by another consumer. ` +
        'Run one consumer per checkpoint name, or give this one a name of its own.',
    )
    this.checkpoint = checkpoint
  }
}

/** An entry of the shelf is not at the version the caller expected; nothing was changed. */
export class ShelfConflict extends VarveError {
  readonly code = 'SHELF_CONFLICT'
  override readonly retryable = true
  readonly key: string
  readonly expected: number

  constructor(key: string, expected: number) {
    super(
      `The entry ${quoted(key)} of the shelf is not at version ${expected}. ` +
        'Nothing was changed: read it again, decide again and write with its new version.',
    )
    this.key = key
    this.expected = expected
  }
}
