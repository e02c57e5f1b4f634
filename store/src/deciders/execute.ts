import type { EventStore } from '../event-store.ts'
import type { TypedStream } from '../model/category.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { EventDefinitions, RecordedEventOf } from '../model/event-definition.ts'
import { categoryOf } from '../model/stream.ts'
import { attempted } from './attempts.ts'
import { type Decider, decided, type Folded, foldedWith, unfolded } from './decider.ts'
import { type Executed, type ExecuteOptions, isRaceOfOneCommand, withMetadata } from './execute-options.ts'

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
 * is appended to.
 *
 * @throws whatever `decide` throws; VERSION_CONFLICT when the stream moved at every attempt; EVENT_NOT_DEFINED when the
 *   stream holds an event the decider does not know; the errors of `EventStore.append`. Nothing was appended.
 * @example
 * const { version } = await execute(store, { decider: cart, streamId: 'Cart-7', command: { add: 'tea' } })
 */
export async function execute<Events extends EventDefinitions, Command, State>(
  store: Pick<EventStore, 'category'>,
  task: Task<Events, Command, State>,
  options: ExecuteOptions = {},
): Promise<Executed<Events>> {
  const stream = streamOf(store, task)
  const isWorthAnother = (error: unknown): boolean =>
    isVarveError(error, 'VERSION_CONFLICT') || isRaceOfOneCommand(error, options)
  return attempted(options, isWorthAnother, () => executeOnce(stream, task, options))
}

async function executeOnce<Events extends EventDefinitions, Command, State>(
  stream: TypedStream<Events>,
  { decider, command }: Task<Events, Command, State>,
  options: ExecuteOptions,
): Promise<Omit<Executed<Events>, 'attempts'>> {
  const { commandId, signal } = options
  const { folded, earlier } = await load(stream, decider, options)
  const { streamId } = stream
  const last = earlier.at(-1)
  if (last !== undefined) {
    const { version, position } = last
    return { streamId, events: earlier, version, position, idempotent: true }
  }
  const events = decided(decider, command, folded.state)
  if (events.length === 0) {
    return { streamId, events, version: folded.version, position: folded.position, idempotent: false }
  }
  const marked = events.map((event) => withMetadata(event, options))
  const { version, position, idempotent } = await stream.append(marked, {
    expectedVersion: folded.version === 0 ? 'no_stream' : folded.version,
    ...(commandId !== undefined && { idempotencyKey: commandId }),
    ...(signal && { signal }),
  })
  return { streamId, events, version, position, idempotent }
}

/** Folds the stream, and finds the events of the same command on the way: they would forbid it a second time. */
async function load<Events extends EventDefinitions, Command, State>(
  stream: TypedStream<Events>,
  decider: Decider<Events, Command, State>,
  { commandId, signal }: ExecuteOptions,
): Promise<{ readonly folded: Folded<State>; readonly earlier: readonly RecordedEventOf<Events>[] }> {
  let folded = unfolded(decider.initialState)
  const earlier: RecordedEventOf<Events>[] = []
  for await (const event of stream.read(signal && { signal })) {
    folded = foldedWith(decider, folded, event)
    if (commandId !== undefined && event.metadata.commandId === commandId) earlier.push(event)
  }
  return { folded, earlier }
}

function streamOf<Events extends EventDefinitions, Command, State>(
  store: Pick<EventStore, 'category'>,
  { decider, streamId }: Task<Events, Command, State>,
): TypedStream<Events> {
  const category = typeof streamId === 'string' ? categoryOf(streamId) : ''
  if (category === '' || streamId.length <= category.length + 1) {
    throw new InvalidArgument('streamId', `is ${JSON.stringify(streamId)}, which is not {Category}-{id}, as in Order-7`)
  }
  return store.category(category, decider.events).stream(streamId.slice(category.length + 1))
}
