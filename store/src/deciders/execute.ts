import type { Clock } from '../engine/clock.ts'
import { systemClock, systemRandom } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import type { TypedStream } from '../model/category.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { NewEventMetadata } from '../model/event.ts'
import type { EventDefinitions, NewEventOf, RecordedEventOf } from '../model/event-definition.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import { categoryOf } from '../model/stream.ts'
import { type Decider, decided, type Folded, foldedWith, unfolded } from './decider.ts'

/** The bounds between which the pause before a further attempt is drawn grow from here, doubling, in milliseconds. */
const pauseMinMs = 10
const pauseMaxMs = 1_000

/** A command for one stream. */
export interface Task<Events extends EventDefinitions, Command, State> {
  readonly decider: Decider<Events, Command, State>
  /** `{Category}-{id}`. */
  readonly streamId: string
  readonly command: NoInfer<Command>
}

/** Options of {@link execute}. */
export interface ExecuteOptions extends CallOptions {
  /**
   * Makes the command idempotent: while its events are in the stream, executing it again appends nothing and answers
   * with them. At most `limits.idempotencyKeyChars`. A command that decided for no events is decided anew.
   */
  readonly commandId?: string
  /** Metadata of all events, under what `decide` gives them itself. Correlation and causation ids flow by themselves. */
  readonly metadata?: NewEventMetadata
  /** Attempts while the stream keeps moving, the first one included; 1 turns retries off. Default `limits.conflictAttempts`. */
  readonly attemptsMax?: number
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /** Numbers from 0 up to 1, for the jitter of the pauses. Default: the machine's. */
  readonly random?: () => number
}

/** What a command did. */
export interface Executed<Events extends EventDefinitions> {
  readonly streamId: string
  /** What was decided; of a command that was executed before, what is stored. Empty when there was nothing to do. */
  readonly events: readonly (NewEventOf<Events> | RecordedEventOf<Events>)[]
  /** Version of the stream after the command. */
  readonly version: number
  /** Whoever has read up to here has seen what the command did, or what it was decided on. 0 for an empty stream. */
  readonly position: number
  /** How often the command was decided, or found done. */
  readonly attempts: number
  /** True when the command had been executed before: nothing was appended. */
  readonly idempotent: boolean
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
  const { attemptsMax = limits.conflictAttempts, clock = systemClock, random = systemRandom, signal } = options
  if (!isPosition(attemptsMax) || attemptsMax === 0) {
    throw new InvalidArgument('attemptsMax', 'is not a whole number from 1 on')
  }
  const stream = streamOf(store, task)
  for (let attempt = 1; ; attempt++) {
    try {
      return { ...(await executeOnce(stream, task, options)), attempts: attempt }
    } catch (error) {
      if (attempt === attemptsMax || !isWorthAnother(error, options)) throw error
    }
    // Full jitter: of many that lost to one winner, no two come back at the same time.
    await clock.sleep(random() * Math.min(pauseMinMs * 2 ** attempt, pauseMaxMs), signal)
    signal?.throwIfAborted()
  }
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

/** Ids derived from one command differ in number when another decision won the race: then the winner is to be found. */
function isWorthAnother(error: unknown, { commandId }: ExecuteOptions): boolean {
  return (
    isVarveError(error, 'VERSION_CONFLICT') || (commandId !== undefined && isVarveError(error, 'DUPLICATE_EVENT_ID'))
  )
}

function withMetadata<Event extends NewEventOf<EventDefinitions>>(
  event: Event,
  { commandId, metadata }: ExecuteOptions,
): Event {
  if (event.metadata instanceof Uint8Array || (commandId === undefined && metadata === undefined)) return event
  return { ...event, metadata: { ...metadata, ...event.metadata, ...(commandId !== undefined && { commandId }) } }
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
