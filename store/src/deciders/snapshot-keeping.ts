import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import type { SnapshotOutcome } from '../model/snapshot.ts'
import { copied } from './copied.ts'
import type { Executed, ExecuteOptions } from './execute-options.ts'
import type { Folding } from './fold-stream.ts'
import { isSnapshotDue, keepDueSnapshot } from './snapshot.ts'
import { shelfSnapshots } from './snapshot-shelf.ts'
import type { AnyTask } from './task.ts'

/** Says what becomes of a command's own snapshot, and keeps it where one is due. */
export type KeepSnapshot = (options: ExecuteOptions) => Pick<Executed<EventDefinitions>, 'snapshot'>

/**
 * Prepares to keep what was folded, before anything is decided on it: a snapshot is written when the command has been
 * answered, and by then the state may have been changed in place.
 */
export function snapshotKeeping(
  store: Pick<EventStore, 'shelf'>,
  task: Pick<AnyTask, 'decider' | 'streamId'>,
  folding: Folding<unknown>,
  onTaken: (version: number) => void = () => undefined,
): KeepSnapshot {
  const policy = task.decider.snapshot
  if (policy === undefined) return () => ({})
  if (!isSnapshotDue(policy, folding)) return () => ({ snapshot: Promise.resolve({ status: 'not_due' }) })
  const { copy: state } = copied(folding.state) ?? { copy: folding.state }
  let isUnderWay = false
  return ({ clock = systemClock, snapshots = shelfSnapshots(store.shelf), signal }) => {
    // Of the commands that were decided on this state, the first one has it kept.
    if (isUnderWay) return { snapshot: Promise.resolve({ status: 'under_way' }) }
    isUnderWay = true
    const keep = async (): Promise<SnapshotOutcome> => {
      await clock.turn()
      const outcome = await keepDueSnapshot(task, snapshots, { ...folding, state }, signal ? { signal } : {})
      if (outcome.status === 'taken') onTaken(outcome.version)
      return outcome
    }
    return { snapshot: keep() }
  }
}
