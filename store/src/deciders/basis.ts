import type { EventDefinitions, RecordedEventOf } from '../model/event-definition.ts'
import type { ExecuteOptions } from './execute-options.ts'
import { type Folding, fold } from './fold-stream.ts'
import type { Recollection } from './recent-states.ts'
import type { AnyTask, CommandStore } from './task.ts'

/**
 * How much of a stream is looked at: nothing, where its state is remembered; what came since a state that was kept; or
 * every event, so that an earlier execution of a command would be seen.
 */
export type Reach = 'nothing' | 'tail' | 'whole'

/** What commands are decided on. */
export interface Basis {
  readonly folding: Folding<unknown>
  readonly reach: Reach
  /** What earlier executions left in the events that were looked at, by the ids of their commands. */
  readonly earlier: ReadonlyMap<string, Earlier>
}

/** The events of a command that was executed before. */
export type Earlier = readonly RecordedEventOf<EventDefinitions>[]

/** What the commands that are decided on one basis have in common. */
export interface BasisOptions extends Pick<ExecuteOptions, 'snapshots' | 'clock' | 'signal'> {
  readonly commandIds: ReadonlySet<string>
  /** What is remembered of the stream. */
  readonly recollection?: Recollection | undefined
}

/** Finds what commands on one stream are decided on, looking at no more than has to be. */
export async function basisOf(
  store: CommandStore,
  task: Pick<AnyTask, 'decider' | 'streamId'>,
  reach: Reach,
  { commandIds, recollection, ...options }: BasisOptions,
): Promise<Basis> {
  const remembered = recollection?.take()
  const earlier = new Map<string, Earlier>()
  if (remembered !== undefined && reach === 'nothing') return { folding: remembered, reach, earlier }
  const onEvent = (event: RecordedEventOf<EventDefinitions>): void => {
    const { commandId } = event.metadata
    if (commandId === undefined || !commandIds.has(commandId)) return
    earlier.set(commandId, [...(earlier.get(commandId) ?? []), event])
  }
  const from = reach === 'whole' ? 'beginning' : (remembered ?? 'snapshot')
  // Metadata is parsed when it is looked at.
  const folding = await fold(store, task, { ...options, from, ...(commandIds.size > 0 && { onEvent }) })
  const isWhole = from === 'beginning' || (from === 'snapshot' && folding.snapshotVersion === 0)
  return { folding, reach: isWhole ? 'whole' : 'tail', earlier }
}
