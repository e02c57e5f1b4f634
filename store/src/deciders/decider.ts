/**
 * A decider as a pure machine (Jérémie Chassaing, "Functional Event Sourcing Decider"): no clock, no I/O.
 *
 * events > evolve > state;  command + state > decide > new events
 *
 * Invariants: the same events always fold to the same state; a decision sees nothing but its command and that state.
 */

import { InvalidArgument } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { assertDefined, type EventDefinitions, type EventOf, type NewEventOf } from '../model/event-definition.ts'
import { fieldsOf, refuseMisspeltFields } from '../model/known-fields.ts'
import { isRefusedPromise } from '../model/refused-promise.ts'
import { checkSnapshotPolicy, type SnapshotPolicy } from '../model/snapshot.ts'

const deciderFields = fieldsOf<GivenDecider<EventDefinitions, unknown, unknown>>({
  events: true,
  initialState: true,
  decide: true,
  evolve: true,
  snapshot: true,
})

/** Business rules of one kind of stream. Made by {@link defineDecider}. */
export interface Decider<Events extends EventDefinitions, Command, State> {
  /** The events it decides on and for. */
  readonly events: Events
  /** The state before the first event. */
  readonly initialState: () => State
  /**
   * What a command does to a state: events, none when there is nothing to do. Throws what forbids it, any error of
   * yours. It may run again when another append came first, so it has no effect of its own.
   */
  readonly decide: (command: Command, state: State) => Decision<Events>
  /** The state after an event. Returns the state it was given where an event changes nothing. */
  readonly evolve: (state: State, event: EventOf<Events>) => State
  /** When snapshots of the state are taken. Default: never. */
  readonly snapshot?: SnapshotPolicy<State> | undefined
}

/** Rules see their arguments and nothing else, so that they give the same in a test, in a retry and in ten years. */
const atOnce = 'rules answer at once, from what they are given. Look things up before, and put them into the command'

/** What a decider decides: one event, several, or none. */
export type Decision<Events extends EventDefinitions> = NewEventOf<Events> | readonly NewEventOf<Events>[]

/**
 * What {@link defineDecider} takes: the parts of a {@link Decider}. `evolve` takes no part in inferring the state, so
 * that in what it returns a literal like `'open'` is checked against the state instead of becoming any string.
 */
export interface GivenDecider<Events extends EventDefinitions, Command, State>
  extends Omit<Decider<Events, Command, State>, 'evolve' | 'snapshot'> {
  /** The state after an event. See {@link Decider.evolve}. */
  readonly evolve: NoInfer<Decider<Events, Command, State>['evolve']>
  /** When snapshots of the state are taken. Default: never. */
  readonly snapshot?: NoInfer<SnapshotPolicy<State>> | undefined
}

/**
 * Defines the business rules of a kind of stream. Events and state are inferred; only the command is written down.
 *
 * @throws INVALID_ARGUMENT when a part is missing.
 * @example
 * const cart = defineDecider({
 *   events: defineEvents({ ItemAdded: event<{ sku: string }>(), CheckedOut: event<{ at: string }>() }),
 *   initialState: () => ({ items: 0, open: true }),
 *   decide: (command: { add: string }, state) => {
 *     if (!state.open) throw new Error('The cart is checked out')
 *     return { type: 'ItemAdded', data: { sku: command.add } }
 *   },
 *   evolve: (state, event) =>
 *     event.type === 'ItemAdded' ? { ...state, items: state.items + 1 } : { ...state, open: false },
 * })
 */
export function defineDecider<Events extends EventDefinitions, Command, State>(
  given: GivenDecider<Events, Command, State>,
): Decider<Events, Command, State> {
  refuseMisspeltFields(given, deciderFields, 'decider')
  const { events, initialState, decide, evolve, snapshot } = given
  if (typeof events !== 'object' || events === null) throw new InvalidArgument('events', 'is missing: use defineEvents')
  for (const [name, part] of Object.entries({ initialState, decide, evolve })) {
    if (typeof part !== 'function') throw new InvalidArgument(name, 'is not a function')
  }
  if (snapshot !== undefined) checkSnapshotPolicy(snapshot)
  return { events, initialState, decide, evolve, snapshot }
}

/**
 * Refuses a task without a decider: without types, a decider is easily given in the place of the task.
 *
 * @throws INVALID_ARGUMENT
 */
export function checkDecider(task: { readonly decider: { readonly evolve: unknown } }): void {
  if (typeof task?.decider?.evolve === 'function') return
  throw new InvalidArgument('decider', 'is missing: give { decider, streamId, … }, with a decider of defineDecider')
}

/** A stream folded up to a version. */
export interface Folded<State> {
  readonly state: State
  /** Version of the last event folded, 0 when there was none. */
  readonly version: number
  /** Position of the last event folded, 0 when there was none. */
  readonly position: number
}

/** A stream before its first event. */
export function unfolded<State>(initialState: () => State): Folded<State> {
  return { state: initialState(), version: 0, position: 0 }
}

/**
 * A stream after one more event.
 *
 * @throws EVENT_NOT_DEFINED for an event that the decider does not know.
 */
export function foldedWith<Events extends EventDefinitions, State>(
  decider: Decider<Events, never, State>,
  before: Folded<State>,
  event: RecordedEvent,
): Folded<State> {
  assertDefined(decider.events, event)
  const { version, position } = event
  return { state: evolved(decider, before.state, event), version, position }
}

/**
 * The state after an event.
 *
 * @throws INVALID_ARGUMENT when `evolve` forgot to return one, or returned a promise.
 */
export function evolved<Events extends EventDefinitions, State>(
  decider: Pick<Decider<Events, never, State>, 'evolve'>,
  state: State,
  event: EventOf<Events>,
): State {
  const next = decider.evolve(state, event)
  if (isRefusedPromise(next)) throw new InvalidArgument('evolve', `returned a promise for ${event.type}: ${atOnce}`)
  if (next === undefined && state !== undefined) {
    throw new InvalidArgument(
      'evolve',
      `returned no state for ${event.type}: return the state also when it stays as it is`,
    )
  }
  return next
}

/** The events a command leads to, always as a list. */
export function decided<Events extends EventDefinitions, Command, State>(
  decider: Decider<Events, Command, State>,
  command: Command,
  state: State,
): readonly NewEventOf<Events>[] {
  return listOf(decider.decide(command, state))
}

/**
 * What was decided, always as a list.
 *
 * @throws INVALID_ARGUMENT when nothing was returned, or a promise.
 */
export function listOf<Events extends EventDefinitions>(decision: Decision<Events>): readonly NewEventOf<Events>[] {
  if (isRefusedPromise(decision)) throw new InvalidArgument('decide', `returned a promise: ${atOnce}`)
  if (typeof decision !== 'object' || decision === null) {
    throw new InvalidArgument('decide', 'returned no events: return one, a list, or [] when there is nothing to do')
  }
  return isList(decision) ? decision : [decision]
}

function isList<Item>(value: Item | readonly Item[]): value is readonly Item[] {
  return Array.isArray(value)
}
