import { isVarveError } from '../model/errors.ts'
import { TargetUnavailable } from '../model/target-errors.ts'
import type { GenerationTargets } from './generation-targets.ts'
import { afterPause, checkpointName, type PartitionRun, persistently } from './partition-run.ts'
import { partitionKey } from './projection-shelf.ts'
import { runPartition } from './run-partition.ts'

/**
 * Runs one partition in its generation, which the target opens. A generation that its target has lost, as a server does that
 * comes back without its data, is opened anew and built again: nobody else would ever do so. The other partitions that run
 * here are built again at once, those that run elsewhere with their next event.
 *
 * @throws what {@link runPartition} throws.
 */
export async function runGeneration(
  run: Omit<PartitionRun<unknown>, 'target'>,
  targets: GenerationTargets,
): Promise<never> {
  const { projection, generation } = run
  for (let attempts = 1; ; attempts++) {
    const open = await persistently(run, () => targets.opened(projection, generation))
    const running = { ...run, target: open.target, signal: AbortSignal.any([run.signal, open.lost]) }
    try {
      return await runPartition(running)
    } catch (error) {
      if (run.signal.aborted || !isVarveError(error, 'CHECKPOINT_CONFLICT')) throw error
      if (!(await isLost({ ...run, target: open.target }))) throw error
      targets.lose(projection.name, generation, open)
      const text = `generation ${generation} of projection ${JSON.stringify(projection.name)} is gone, and is built again`
      await afterPause(run, {
        error: new TargetUnavailable('projection', text, { cause: error }),
        event: undefined,
        attempts,
      })
    }
  }
}

/** Whether nothing is there where this is still the owner of something that is to be there. */
async function isLost(run: PartitionRun<unknown>): Promise<boolean> {
  const { projection, shelf, target, generation, partition, epoch } = run
  const { name } = projection
  if (projection.target.generations === undefined) return false
  const found = await persistently(run, () => target.checkpoint(checkpointName(projection, partition)))
  if (found !== undefined) return false
  const { value: control } = await persistently(run, () => shelf.control(name))
  const record = control?.generations.find((one) => one.generation === generation)
  const entry = await persistently(run, () => shelf.partition(partitionKey(name, generation, partition)))
  return record !== undefined && record.role !== 'retired' && entry?.value.epoch === epoch
}
