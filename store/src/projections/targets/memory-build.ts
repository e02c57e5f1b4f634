import { InvalidArgument } from '../../model/errors.ts'
import { CheckpointConflict } from '../../model/shelf-errors.ts'
import {
  checkpointFrom,
  checkpointHolds,
  checkpointText,
  type TargetChange,
  type TargetCheckpoint,
} from '../../model/target.ts'
import { createTurns } from './turns.ts'

/** How read models are made and copied. */
export interface MemoryParts<ReadModel> {
  readonly initial: () => ReadModel
  readonly copy: (readModel: ReadModel) => ReadModel
}

/** A read model in memory with its checkpoints. */
export interface MemoryBuild<ReadModel> {
  readModel(): ReadModel
  checkpoint(name: string): TargetCheckpoint | undefined
  write(change: TargetChange<ReadModel>): Promise<void>
  /** Ends it after the write under way: what is called later is refused. */
  drop(): Promise<void>
  /** Resolves after all writes that were called before. */
  settled(): Promise<void>
}

/** A build that nobody has written to. */
export function createBuild<ReadModel>({ initial, copy }: MemoryParts<ReadModel>): MemoryBuild<ReadModel> {
  const inTurn = createTurns()
  // As text, so that nobody can change it afterwards.
  const checkpoints = new Map<string, string>()
  let readModel = initial()
  let owner: string | undefined
  let dropped = false

  function checkpoint(name: string): TargetCheckpoint | undefined {
    const text = checkpoints.get(name)
    return text === undefined ? undefined : checkpointFrom(text)
  }

  async function write(change: TargetChange<ReadModel>): Promise<void> {
    const { projection, expected, next, empty, apply } = change
    if (dropped || !checkpointHolds(expected, checkpoint(projection))) throw new CheckpointConflict(projection)
    if (empty && owner !== undefined && owner !== projection) throw ofAnother(owner, projection)
    const saved = checkpointText(next)
    const draft = draftFor(change)
    await apply(draft)
    readModel = draft
    owner ??= projection
    if (empty) checkpoints.clear()
    checkpoints.set(projection, saved)
  }

  function draftFor({ empty, events }: TargetChange<ReadModel>): ReadModel {
    if (empty) return initial()
    // Checkpoints move over events of others all the time, and then nothing is changed.
    return events?.length === 0 ? readModel : copy(readModel)
  }

  return {
    readModel: () => readModel,
    checkpoint,
    write: (change) => inTurn(() => write(change)),
    drop: () =>
      inTurn(async () => {
        dropped = true
        readModel = initial()
        checkpoints.clear()
      }),
    settled: () => inTurn(async () => undefined),
  }
}

/** The refusal of a second projection. */
export function ofAnother(owner: string, projection: string): InvalidArgument {
  return new InvalidArgument(
    'target',
    `holds the read model of projection ${JSON.stringify(owner)}; give ${JSON.stringify(projection)} one of its own`,
  )
}
