import type { Appended, AppendOptions } from '../model/call.ts'
import type { TypedStream } from '../model/category.ts'
import { isVarveError } from '../model/errors.ts'
import type { EventDefinitions, NewEventOf } from '../model/event-definition.ts'
import { basisOf, type Reach } from './basis.ts'
import { furtherFor, verdictOn } from './decided-command.ts'
import { type ExecutedOnce, type ExecuteOptions, withMetadata } from './execute-options.ts'
import { snapshotKeeping } from './snapshot-keeping.ts'
import { type AnyTask, type CommandStore, streamOf } from './task.ts'

type Executed = ExecutedOnce<EventDefinitions>

/** One attempt to execute a command in an append of its own. */
export async function executeAlone(store: CommandStore, task: AnyTask, options: ExecuteOptions): Promise<Executed> {
  const executed = await executeOn(store, task, 'tail', options)
  return executed === 'whole' ? (executeOn(store, task, executed, options) as Promise<Executed>) : executed
}

async function executeOn(
  store: CommandStore,
  task: AnyTask,
  reach: Reach,
  options: ExecuteOptions,
): Promise<Executed | 'whole'> {
  const { commandId, signal, snapshots, clock } = options
  const basis = await basisOf(store, task, reach, {
    commandIds: new Set(commandId === undefined ? [] : [commandId]),
    ...(snapshots && { snapshots }),
    ...(clock && { clock }),
    ...(signal && { signal }),
  })
  const { folding } = basis
  const { streamId } = task
  const keepSnapshot = snapshotKeeping(store, task, folding)
  const earlier = basis.earlier.get(commandId ?? '')
  const last = earlier?.at(-1)
  if (earlier !== undefined && last !== undefined) {
    const { version, position } = last
    return { streamId, events: earlier, version, position, idempotent: true, ...keepSnapshot(options) }
  }
  const verdict = verdictOn(task, folding.state)
  if (furtherFor(verdict, basis, options) === 'whole') return 'whole'
  if (!('events' in verdict)) throw verdict.refusal
  const { events } = verdict
  if (events.length === 0) {
    const { version, position } = folding
    return { streamId, events, version, position, idempotent: false, ...keepSnapshot(options) }
  }
  const stream = streamOf(store, task, task.decider.events)
  const marked = events.map((event) => withMetadata(event, options))
  const appended = await appendUnlessKnown(stream, marked, commandId === undefined || basis.reach === 'whole', {
    expectedVersion: folding.version === 0 ? 'no_stream' : folding.version,
    ...(commandId !== undefined && { idempotencyKey: commandId }),
    ...(signal && { signal }),
  })
  if (appended === 'known') return 'whole'
  // Another process has executed the command since the stream was read, and may have decided for other events.
  if (appended.idempotent && commandId !== undefined && reach !== 'whole') return 'whole'
  const { version, position, idempotent } = appended
  return { streamId, events, version, position, idempotent, ...keepSnapshot(options) }
}

/**
 * Appends. Whatever its events are refused for, a command that was executed before is answered with what came of it, unless
 * that was looked for in vain: the rules may make something else of it today.
 */
async function appendUnlessKnown(
  stream: TypedStream<EventDefinitions>,
  events: readonly NewEventOf<EventDefinitions>[],
  isNew: boolean,
  options: AppendOptions,
): Promise<Appended | 'known'> {
  try {
    const appended = await stream.append(events, options)
    return !isNew && appended.idempotent ? 'known' : appended
  } catch (error) {
    if (!isNew && isVarveError(error) && !error.retryable) return 'known'
    throw error
  }
}
