/**
 * A reaction as pure rules: which process an event concerns, what the process is after it, and what follows from it.
 *
 * event > processOf > process;  state + event > evolve > state;  state + event > on > commands and deadlines
 *
 * Invariants: a state is folded from events alone, so it can be folded anew at any time and nothing is sent; what
 * follows is decided once per event and process, and is JSON, so it is the same after a crash.
 */

import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import {
  definitionOf,
  type EventDefinitions,
  type LiveType,
  type RecordedEventOf,
  type StoredOf,
} from '../model/event-definition.ts'
import { refuseInexact } from '../model/exact-json.ts'
import { fieldsOf, refuseUnknownFields } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import { normalQuery, type QueryItem } from '../model/query.ts'
import { isRefusedPromise } from '../model/refused-promise.ts'
import { liveTypes, storedTypes, upToDate } from '../model/upcast.ts'
import { checkWhole } from '../model/whole-number.ts'
import { checkDeadlineName, checkedHandlers, checkReactionName, type Handler } from './reaction-parts.ts'

const reactionFields = fieldsOf<GivenReaction<EventDefinitions, unknown, unknown, string>>({
  name: true,
  version: true,
  events: true,
  filter: true,
  processOf: true,
  initialState: true,
  evolve: true,
  isEnded: true,
  on: true,
  onDeadline: true,
  send: true,
})

/**
 * What {@link defineReaction} takes. Rules take no part in inferring types: in what they return, a literal like `'paid'`
 * is then checked instead of becoming any string.
 */
export interface GivenReaction<Events extends EventDefinitions, State, Command, Name extends string> {
  /** Names what it keeps on the shelf, and begins the ids of its commands. At most `limits.reactionNameChars`, without `/`. */
  readonly name: string
  /**
   * Raise it when `evolve`, `initialState` or the shape of the state changes: at the next start states are folded anew
   * from the first event, and nothing is sent meanwhile. Default 1.
   */
  readonly version?: number | undefined
  /** The events it may handle, from `defineEvents`; spread several definitions for several categories. */
  readonly events: Events
  /** Narrows the events to categories, tags or a prefix of their streams. Default: all of the types it handles. */
  readonly filter?: Omit<QueryItem, 'types'> | undefined
  /**
   * The process an event belongs to, as in `({ data }) => data.orderId`; undefined for none. Processes that end should
   * have ids that come once. At most `limits.processIdChars`. Default: the event's stream id.
   */
  readonly processOf?: (event: RecordedEventOf<Events>) => string | undefined
  /** The state of a process before its first event: a JSON value. Default: processes have no state. */
  readonly initialState?: (() => State) | undefined
  /** The state after an event. Returns the state it was given where an event changes nothing. Goes with `initialState`. */
  readonly evolve?: NoInfer<(state: State, event: RecordedEventOf<Events>) => State> | undefined
  /**
   * Whether a process is over: its open deadlines are cancelled and its state is thrown away. Another event of its id
   * begins a new one. Default: never.
   */
  readonly isEnded?: ((state: NoInfer<State>) => boolean) | undefined
  /**
   * What follows from an event. Decides on the state, which has the event in it, and on the event, and has no effect of
   * its own.
   */
  readonly on: {
    readonly [Type in LiveType<Events>]?: (
      state: NoInfer<State>,
      event: RecordedEvent<Type, StoredOf<Events[Type]>>,
    ) => Consequences<NoInfer<Command>, NoInfer<Name>> | undefined
  }
  /** What follows when a deadline has come, by its name. */
  readonly onDeadline?:
    | {
        readonly [Each in Name]: (
          state: NoInfer<State>,
          deadline: DueDeadline,
        ) => Consequences<NoInfer<Command>, NoInfer<Name>> | undefined
      }
    | undefined
  /**
   * Sends a command, at least once: after a crash again, under the same `commandId`. Given to `execute`, that id makes it
   * take effect once. Resolves when the command is done or refused for good: what it throws is tried again, up to
   * `attemptsMax` times, and then ends the reaction.
   */
  readonly send: (command: Command, sending: Sending) => PromiseLike<unknown>
}

/** What follows from an event or a deadline. Saved as one with the state before anything is sent. */
export interface Consequences<Command, Name extends string = string> {
  /** One command, or several in their order. JSON values. */
  readonly send?: Command | Decidable<Command> | readonly (Command | Decidable<Command>)[]
  /**
   * Deadlines by name, of which a process has one each: setting it again moves it. `afterMs` counts from when the event
   * was recorded, or from when the deadline that has come was due.
   */
  readonly deadlines?: [Name] extends [never]
    ? never
    : { readonly [Each in Name]?: { readonly afterMs: number } | 'cancel' }
}

/** A value whose parts, as in a literal, nobody is going to change. */
export type Decidable<Value> = { readonly [Key in keyof Value]: Decidable<Value[Key]> }

/** A deadline that has come. */
export interface DueDeadline {
  readonly name: string
  readonly processId: string
  /** When it was due, in milliseconds since 1970; it fires then or later. */
  readonly dueAtMs: number
}

/** What `send` needs beyond the command. */
export interface Sending {
  /** The same whenever this command is sent; at most `limits.idempotencyKeyChars`. */
  readonly commandId: string
  /** Aborts when the reaction is stopped; the command is then sent again at the next start. */
  readonly signal: AbortSignal
}

/** A process manager: turns events into commands, and time into commands. Made by {@link defineReaction}. */
export interface Reaction {
  readonly name: string
  readonly version: number
  readonly filter: QueryItem
  /** False when no state is kept: then there is nothing to fold before it begins. */
  readonly hasState: boolean
  /** What an event is today, and the processes it concerns. */
  readonly concerns: (event: RecordedEvent) => readonly Concern[]
  readonly initialState: () => unknown
  readonly evolve: (state: unknown, event: RecordedEvent) => unknown
  readonly isEnded: (state: unknown) => boolean
  readonly decide: (state: unknown, event: RecordedEvent) => Decided
  readonly decideDeadline: (state: unknown, deadline: DueDeadline) => Decided
  readonly send: (command: unknown, sending: Sending) => PromiseLike<unknown>
}

/** An event and a process that it concerns. */
export interface Concern {
  readonly processId: string
  /** Of the event among those that one stored event has become, from 0. */
  readonly part: number
  readonly event: RecordedEvent
}

/** {@link Consequences}, checked and complete. */
export interface Decided {
  readonly commands: readonly unknown[]
  readonly deadlines: readonly { readonly name: string; readonly afterMs: number | 'cancel' }[]
}

/**
 * Defines what follows from events: commands now, and commands later unless something else happens first.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 * @example
 * const reminders = defineReaction({
 *   name: 'reminders',
 *   events: defineEvents({ CartFilled: event<{ sku: string }>(), CheckedOut: event<object>() }),
 *   on: {
 *     CartFilled: () => ({ deadlines: { forgotten: { afterMs: 3_600_000 } } }),
 *     CheckedOut: () => ({ deadlines: { forgotten: 'cancel' } }),
 *   },
 *   onDeadline: { forgotten: (_, { processId }) => ({ send: { remindOf: processId } }) },
 *   send: (command: { remindOf: string }, { commandId }) =>
 *     store.append('Reminder-1', [{ type: 'ReminderSent', data: command }], { idempotencyKey: commandId }),
 * })
 */
export function defineReaction<
  Events extends EventDefinitions,
  const Command,
  State = undefined,
  Name extends string = never,
>(given: GivenReaction<Events, State, Command, Name>): Reaction {
  refuseUnknownFields(given, reactionFields, 'reaction')
  const { name, version = 1, events, filter = {}, initialState, evolve, isEnded, send } = given
  checkReactionName(name)
  checkWhole('version', version, 1)
  if (typeof events !== 'object' || events === null) throw new InvalidArgument('events', 'is missing: use defineEvents')
  if ((initialState === undefined) !== (evolve === undefined)) {
    throw new InvalidArgument('evolve', 'and initialState go together: a state is folded from where it begins')
  }
  if (send === undefined) throw new InvalidArgument('send', 'is missing: it is what carries commands out')
  for (const [part, rule] of Object.entries({ processOf: given.processOf, initialState, evolve, isEnded, send })) {
    if (rule !== undefined && typeof rule !== 'function') throw new InvalidArgument(part, 'is not a function')
  }
  const on = checkedHandlers('on', given.on)
  for (const type of on.keys()) {
    if (definitionOf(events, type) === undefined) throw new InvalidArgument(`on.${type}`, 'is for an event not defined')
  }
  const onDeadline = checkedHandlers('onDeadline', given.onDeadline ?? {})
  for (const deadline of onDeadline.keys()) checkDeadlineName(deadline)
  if (on.size === 0) throw new InvalidArgument('on', 'has no handler: give one per event type')
  const hasState = evolve !== undefined
  const types = hasState ? liveTypes(events) : [...on.keys()]
  const read = { ...filter, types: storedTypes(events, types) }
  // Whatever is wrong with it is found here, and not by whoever runs it.
  normalQuery(read, 'filter')
  return {
    name,
    version,
    filter: read,
    hasState,
    concerns: (event) => concernsOf(given, types, event),
    initialState: () => (initialState === undefined ? undefined : checkedState('initialState', initialState())),
    evolve: (state, event) =>
      evolve === undefined
        ? undefined
        : checkedState('evolve', evolve(state as State, event as RecordedEventOf<Events>), event.type),
    isEnded: (state) => isEnded?.(state as State) === true,
    decide: (state, event) => decided(`on.${event.type}`, on.get(event.type)?.(state, event), onDeadline),
    decideDeadline: (state, deadline) => {
      const handler = onDeadline.get(deadline.name)
      if (handler !== undefined) return decided(`onDeadline.${deadline.name}`, handler(state, deadline), onDeadline)
      throw new InvalidArgument(
        `onDeadline.${deadline.name}`,
        'is missing, but such a deadline was set and has come: keep a handler, if only one that returns undefined',
      )
    },
    send: send as Reaction['send'],
  }
}

function concernsOf<Events extends EventDefinitions>(
  { events, processOf }: Pick<GivenReaction<Events, never, never, never>, 'events' | 'processOf'>,
  types: readonly string[],
  recorded: RecordedEvent,
): readonly Concern[] {
  return upToDate(events, recorded).flatMap((event, part) => {
    if (!types.includes(event.type)) return []
    const processId: unknown = processOf === undefined ? event.streamId : processOf(event)
    if (processId === undefined) return []
    if (typeof processId !== 'string' || processId === '' || !processId.isWellFormed()) {
      throw new InvalidArgument(
        'processOf',
        `returned ${JSON.stringify(processId)}: return an id, or undefined for none`,
      )
    }
    if (processId.length > limits.processIdChars) throw new LimitExceeded('processIdChars', processId.length)
    return [{ processId, part, event }]
  })
}

const adviceOnJson = 'it is kept as JSON, so use numbers, strings and plain objects'

function checkedState<State>(by: string, state: State, type?: string): State {
  if (state === undefined) {
    const when = type === undefined ? '' : ` for ${type}`
    throw new InvalidArgument(by, `returned no state${when}: return the state also when it stays as it is`)
  }
  if (isRefusedPromise(state))
    throw new InvalidArgument(by, 'returned a promise: a state follows at once from what is given')
  refuseInexact(state, 'state', adviceOnJson)
  return state
}

function decided(by: string, given: unknown, onDeadline: ReadonlyMap<string, Handler>): Decided {
  if (given === undefined) return { commands: [], deadlines: [] }
  if (typeof given !== 'object' || given === null || isRefusedPromise(given) || Array.isArray(given)) {
    throw new InvalidArgument(by, 'returned neither { send, deadlines } nor undefined; it decides, and does not wait')
  }
  const { send, deadlines = {}, ...others } = given as Consequences<unknown>
  const [unknownKey] = Object.keys(others)
  if (unknownKey !== undefined)
    throw new InvalidArgument(by, `returned ${unknownKey}: only send and deadlines are known`)
  const commands = send === undefined ? [] : Array.isArray(send) ? send : [send]
  for (const [index, command] of commands.entries()) {
    if (command === undefined) throw new InvalidArgument(by, `returned undefined as send[${index}]`)
    refuseInexact(command, `send[${index}]`, adviceOnJson)
  }
  const changes = Object.entries(deadlines).flatMap<Decided['deadlines'][number]>(([name, change]) => {
    if (change === undefined) return []
    if (!onDeadline.has(name))
      throw new InvalidArgument(by, `returned deadline ${name}, for which onDeadline has no handler`)
    const afterMs: unknown = change === 'cancel' ? change : change?.afterMs
    if (afterMs !== 'cancel' && !isPosition(afterMs)) {
      throw new InvalidArgument(by, `returned deadline ${name} with an afterMs that is not a whole number from 0 on`)
    }
    return [{ name, afterMs }]
  })
  return { commands, deadlines: changes }
}
