import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { Appended, AppendOptions } from '../model/call.ts'
import type { TypedStream } from '../model/category.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { EventDefinitions, NewEventOf, RecordedEventOf } from '../model/event-definition.ts'
import { categoryOf } from '../model/stream.ts'
import { attempted } from './attempts.ts'
import { type Decider, decided } from './decider.ts'
import { type Executed, type ExecuteOptions, isRaceOfOneCommand, withMetadata } from './execute-options.ts'
import { type FoldableStore, type Folding, type FoldingOptions, fold } from './fold-stream.ts'
import { isSnapshotDue, keepDueSnapshot } from './snapshot.ts'
import { shelfSnapshots } from './snapshot-shelf.ts'
import { inTurn } from './turns.ts'

/** What `execute` needs of a store: any store has it, embedded or remote. */
export type CommandStore = FoldableStore & Pick<EventStore, 'category'>

/** A command for one stream. */
export interface Task<Events extends EventDefinitions, Command, State> {
  readonly decider: Decider<Events, Command, State>
  /** `{Category}-{id}`. */
  readonly streamId: string
  readonly command: NoInfer<Command>
}

/**
 * Executes a command: folds the stream, decides, and appends if the stream has not moved. If it has, all of that is
 * done again after a random pause, up to `limits.conflictAttempts` times, so a decision always holds for the state it
 * is appended to. Commands of one process on one stream take turns, in the order they came. A decider with a snapshot policy folds from its last snapshot on.
 *
 * @throws whatever `decide` throws; VERSION_CONFLICT when the stream moved at every attempt; EVENT_NOT_DEFINED when the
 *   stream holds an event the decider does not know; the errors of `EventStore.append`. Nothing was appended.
 * @example
 * const { version } = await execute(store, { decider: cart, streamId: 'Cart-7', command: { add: 'tea' } })
 */
export async function execute<Events extends EventDefinitions, Command, State>(
  store: CommandStore,
  task: Task<Events, Command, State>,
  options: ExecuteOptions = {},
): Promise<Executed<Events>> {
  const stream = streamOf(store, task)
  let fromSnapshot = true
  const isWorthAnother = (error: unknown): boolean =>
    isVarveError(error, 'VERSION_CONFLICT') || isRaceOfOneCommand(error, options)
  const attempt = async (): Promise<ExecutedOnce<Events>> => {
    const tried = await executeOnce(store, stream, task, { ...options, fromSnapshot })
    if (tried !== 'may_be_repeated') return tried
    fromSnapshot = false
    return executeOnce(store, stream, task, { ...options, fromSnapshot }) as Promise<ExecutedOnce<Events>>
  }
  return inTurn(store, stream.streamId, options.signal, () => attempted(options, isWorthAnother, attempt))
}

type ExecutedOnce<Events extends EventDefinitions> = Omit<Executed<Events>, 'attempts'>

/**
 * One attempt. With a snapshot the events of an earlier execution of the same command may lie below it, unseen: a
 * refusal, nothing to do, or a known id then says no more than that the whole stream has to be looked at.
 */
async function executeOnce<Events extends EventDefinitions, Command, State>(
  store: CommandStore,
  stream: TypedStream<Events>,
  task: Task<Events, Command, State>,
  options: ExecuteOptions & Pick<FoldingOptions<Events>, 'fromSnapshot'>,
): Promise<ExecutedOnce<Events> | 'may_be_repeated'> {
  const { commandId, signal } = options
  const { streamId } = stream
  const earlier: RecordedEventOf<Events>[] = []
  const onEvent = (event: RecordedEventOf<Events>): void => {
    if (event.metadata.commandId === commandId) earlier.push(event)
  }
  const folding = await fold(store, task, { ...options, ...(commandId !== undefined && { onEvent }) })
  const last = earlier.at(-1)
  if (last !== undefined) {
    const { version, position } = last
    return { streamId, events: earlier, version, position, idempotent: true, ...keeping(store, task, folding, options) }
  }
  const mayBeRepeated = commandId !== undefined && folding.snapshotVersion > 0
  const decision = decidedOrRefused(task, folding.state)
  if (mayBeRepeated && (!('events' in decision) || decision.events.length === 0)) return 'may_be_repeated'
  if (!('events' in decision)) throw decision.refusal
  const { events } = decision
  if (events.length === 0) {
    const { version, position } = folding
    return { streamId, events, version, position, idempotent: false, ...keeping(store, task, folding, options) }
  }
  const marked = events.map((event) => withMetadata(event, options))
  const appended = await appendUnlessKnown(stream, marked, mayBeRepeated, {
    expectedVersion: folding.version === 0 ? 'no_stream' : folding.version,
    ...(commandId !== undefined && { idempotencyKey: commandId }),
    ...(signal && { signal }),
  })
  if (appended === 'known') return 'may_be_repeated'
  const { version, position, idempotent } = appended
  return { streamId, events, version, position, idempotent, ...keeping(store, task, folding, options) }
}

function decidedOrRefused<Events extends EventDefinitions, Command, State>(
  { decider, command }: Task<Events, Command, State>,
  state: State,
): { readonly events: readonly NewEventOf<Events>[] } | { readonly refusal: unknown } {
  try {
    return { events: decided(decider, command, state) }
  } catch (refusal) {
    return { refusal }
  }
}

async function appendUnlessKnown<Events extends EventDefinitions>(
  stream: TypedStream<Events>,
  events: readonly NewEventOf<Events>[],
  mayBeRepeated: boolean,
  options: AppendOptions,
): Promise<Appended | 'known'> {
  try {
    const appended = await stream.append(events, options)
    return mayBeRepeated && appended.idempotent ? 'known' : appended
  } catch (error) {
    if (mayBeRepeated && isVarveError(error, 'DUPLICATE_EVENT_ID')) return 'known'
    throw error
  }
}

/** Starts a snapshot of what was folded, when one is due. The command is answered first. */
function keeping<Events extends EventDefinitions, Command, State>(
  store: CommandStore,
  task: Task<Events, Command, State>,
  folding: Folding<State>,
  { clock = systemClock, snapshots = shelfSnapshots(store.shelf), signal }: ExecuteOptions,
): Pick<Executed<Events>, 'snapshot'> {
  const policy = task.decider.snapshot
  if (policy === undefined) return {}
  if (!isSnapshotDue(policy, folding)) return { snapshot: Promise.resolve({ status: 'not_due' }) }
  return { snapshot: clock.turn().then(() => keepDueSnapshot(task, snapshots, folding, signal ? { signal } : {})) }
}

function streamOf<Events extends EventDefinitions, Command, State>(
  store: CommandStore,
  { decider, streamId }: Task<Events, Command, State>,
): TypedStream<Events> {
  const category = typeof streamId === 'string' ? categoryOf(streamId) : ''
  if (category === '' || streamId.length <= category.length + 1) {
    throw new InvalidArgument('streamId', `is ${JSON.stringify(streamId)}, which is not {Category}-{id}, as in Order-7`)
  }
  return store.category(category, decider.events).stream(streamId.slice(category.length + 1))
}
