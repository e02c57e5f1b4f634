import type { EventDefinitions, RecordedEventOf } from '../model/event-definition.ts'
import type { ExecuteOptions } from './execute-options.ts'
import { type Folding, fold } from './fold-stream.ts'
import type { AnyTask, CommandStore } from './task.ts'

/** What commands are decided on. */
export interface Basis {
  readonly folding: Folding<unknown>
  /** True when every event was looked at: an earlier execution of a command would have been seen. */
  readonly isWhole: boolean
  /** What earlier executions left, by the ids of their commands. */
  readonly earlier: ReadonlyMap<string, Earlier>
}

/** The events of a command that was executed before. */
export type Earlier = readonly RecordedEventOf<EventDefinitions>[]

/** How much is to be looked at: what came since a state that was kept, or the whole stream. */
export type Reach = 'tail' | 'whole'

/** Reads what commands on one stream are decided on. */
export async function basisOf(
  store: CommandStore,
  task: Pick<AnyTask, 'decider' | 'streamId'>,
  reach: Reach,
  options: Pick<ExecuteOptions, 'snapshots' | 'clock' | 'signal'> & { readonly commandIds: ReadonlySet<string> },
): Promise<Basis> {
  const { commandIds, ...foldOptions } = options
  const earlier = new Map<string, Earlier>()
  const onEvent = (event: RecordedEventOf<EventDefinitions>): void => {
    const { commandId } = event.metadata
    if (commandId === undefined || !commandIds.has(commandId)) return
    earlier.set(commandId, [...(earlier.get(commandId) ?? []), event])
  }
  const folding = await fold(store, task, {
    ...foldOptions,
    fromSnapshot: reach === 'tail',
    // Metadata is parsed when it is looked at.
    ...(commandIds.size > 0 && { onEvent }),
  })
  return { folding, isWhole: folding.snapshotVersion === 0, earlier }
}
