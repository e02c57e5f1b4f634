import { InvalidArgument, StoreClosed } from '../../model/errors.ts'
import { CheckpointConflict } from '../../model/shelf-errors.ts'
import { checkpointHolds, type Target, type TargetChange, type TargetCheckpoint } from '../../model/target.ts'
import { createTurns } from './turns.ts'

/**
 * A read model in this process, rebuilt at every start: for tests, and for small lookups that every instance keeps.
 * It belongs to one projection. Changes to a value cannot be taken back, so after a batch that failed it is the initial
 * value again, and the next start builds it from the first event.
 *
 * @example
 * const target = memoryTarget(() => new Map<string, number>())
 */
export function memoryTarget<ReadModel>(initial: () => ReadModel): Target<ReadModel> {
  if (typeof initial !== 'function') throw new InvalidArgument('initial', 'is not a function that makes a read model')
  const inTurn = createTurns()
  let readModel = initial()
  let owner: string | undefined
  let checkpoint: TargetCheckpoint | undefined
  let closed = false

  function check(projection: string): void {
    if (closed) throw new StoreClosed('The target')
    if (owner !== undefined && owner !== projection) {
      throw new InvalidArgument(
        'target',
        `holds the read model of projection ${JSON.stringify(owner)}; give ${JSON.stringify(projection)} one of its own`,
      )
    }
  }

  async function write(change: TargetChange<ReadModel>): Promise<void> {
    check(change.projection)
    if (!checkpointHolds(change.expected, checkpoint)) throw new CheckpointConflict(change.projection)
    owner = change.projection
    if (change.empty) readModel = initial()
    try {
      await change.apply(readModel)
    } catch (error) {
      readModel = initial()
      checkpoint = undefined
      throw error
    }
    checkpoint = change.next
  }

  const target: Target<ReadModel> = {
    get readModel() {
      return readModel
    },
    emptiesItself: true,
    checkpoint: async (projection) => {
      check(projection)
      return checkpoint
    },
    write: (change) => inTurn(() => write(change)),
    close: () =>
      inTurn(async () => {
        closed = true
      }),
    [Symbol.asyncDispose]: () => target.close(),
  }
  return target
}
