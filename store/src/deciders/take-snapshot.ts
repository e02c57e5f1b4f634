import { InvalidArgument } from '../model/errors.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import type { SnapshotOutcome } from '../model/snapshot.ts'
import { checkDecider } from './decider.ts'
import { type FoldableStore, type FoldOptions, fold, foldFields } from './fold-stream.ts'
import { type FoldTask, keepSnapshot } from './snapshot.ts'
import { shelfSnapshots } from './snapshot-shelf.ts'

/**
 * Takes a snapshot of a stream now, whatever the policy of its decider says: after an import, before a busy day.
 *
 * @throws INVALID_ARGUMENT when the decider has no snapshot policy; the errors of `foldStream`.
 * @example
 * const cartWithSnapshots = { ...cart, snapshot: { name: 'cart' } }
 * await takeSnapshot(store, { decider: cartWithSnapshots, streamId: 'Cart-7' })
 */
export async function takeSnapshot<Events extends EventDefinitions, State>(
  store: FoldableStore,
  task: FoldTask<Events, State>,
  options: FoldOptions = {},
): Promise<SnapshotOutcome> {
  refuseUnknownOptions(options, foldFields, 'takeSnapshot')
  checkDecider(task)
  if (task.decider.snapshot === undefined) throw new InvalidArgument('decider', 'has no snapshot policy: give it one')
  const { snapshots = shelfSnapshots(store.shelf) } = options
  return keepSnapshot(task, snapshots, await fold(store, task, options), options)
}
