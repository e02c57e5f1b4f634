import { InvalidArgument } from '../model/errors.ts'
import {
  acceptedData,
  definitionOf,
  type EventDefinitions,
  type EventOf,
  type NewEventOf,
} from '../model/event-definition.ts'
import { fieldsOf, refuseMisspeltFields } from '../model/known-fields.ts'
import { isRefusedPromise } from '../model/refused-promise.ts'
import { checkSnapshotPolicy, type SnapshotPolicy } from '../model/snapshot.ts'
import { type Decider, evolved } from './decider.ts'

const ruleFields = fieldsOf<GivenAggregate<EventDefinitions, unknown>>({
  category: true,
  events: true,
  initialState: true,
  evolve: true,
  snapshot: true,
})

/** What all aggregates of one kind have in common. */
export interface AggregateRules<Events extends EventDefinitions, State> {
  /** The category of their streams: `{category}-{id}`. */
  readonly category: string
  readonly events: Events
  /** The state before the first event. */
  readonly initialState: () => State
  /** The state after an event. */
  readonly evolve: Decider<Events, never, State>['evolve']
  /** When snapshots of the state are taken. Default: never. */
  readonly snapshot?: SnapshotPolicy<State> | undefined
}

/** What {@link aggregate} takes: {@link AggregateRules} of which the state is inferred from `initialState` alone. */
export interface GivenAggregate<Events extends EventDefinitions, State>
  extends Omit<AggregateRules<Events, State>, 'evolve' | 'snapshot'> {
  readonly evolve: NoInfer<AggregateRules<Events, State>['evolve']>
  readonly snapshot?: NoInfer<SnapshotPolicy<State>> | undefined
}

/** A class to extend with methods that decide. Made by {@link aggregate}. */
export interface AggregateClass<Events extends EventDefinitions, State> {
  new (): Aggregate<Events, State>
  readonly rules: AggregateRules<Events, State>
}

/** Where an aggregate stands in its stream. */
interface Place<State> {
  readonly id: string
  readonly state: State
  readonly version: number
}

/** What repositories do to aggregates and nobody else. */
interface Access {
  restore<State>(aggregate: Aggregate<EventDefinitions, State>, place: Place<State>): void
  /** After the first of its pending events were appended: more may have been recorded meanwhile, and are pending still. */
  saved(aggregate: Aggregate<EventDefinitions, never>, appended: { version: number; events: number }): void
}

let access: Access

/** The state of one stream, with the events decided on it since it was loaded. */
export class Aggregate<Events extends EventDefinitions, State> {
  readonly #rules: AggregateRules<Events, State>
  #id = ''
  #state: State
  #version = 0
  #pending: readonly NewEventOf<Events>[] = []

  static {
    access = {
      restore: (aggregate, { id, state, version }) => {
        aggregate.#id = id
        aggregate.#state = state
        aggregate.#version = version
      },
      saved: (aggregate, { version, events }) => {
        aggregate.#version = version
        aggregate.#pending = aggregate.#pending.slice(events)
      },
    }
  }

  /** Extend what `aggregate` makes of the rules. */
  constructor(rules: AggregateRules<Events, State>) {
    this.#rules = rules
    this.#state = rules.initialState()
  }

  /** Of its stream, without the category; empty before a repository has loaded it. */
  get id(): string {
    return this.#id
  }

  /** The state, pending events included. */
  get state(): State {
    return this.#state
  }

  /**
   * Version of its stream when it was loaded or saved; 0 when the stream had no event, and in `Repository.execute`, where
   * methods decide on the state alone.
   */
  get version(): number {
    return this.#version
  }

  /** What was decided and not yet saved. */
  get pending(): readonly NewEventOf<Events>[] {
    return this.#pending
  }

  /**
   * Decides for an event: the state is at once as it will be when the event is read. Nothing is stored before the
   * aggregate is saved.
   *
   * @throws INVALID_ARGUMENT, PAYLOAD_INVALID for an event that could not be stored.
   */
  protected record(event: NewEventOf<Events>): void {
    this.#state = evolved(this.#rules, this.#state, asRead(this.#rules.events, event))
    this.#pending = [...this.#pending, event]
  }
}

/** What repositories do to aggregates. */
export function aggregateAccess(): Access {
  return access
}

/**
 * A class for one kind of stream, for those who think in objects with methods. The rules are those of a decider, and the
 * machinery is the same; what a decider's `decide` is, its methods are.
 *
 * @throws INVALID_ARGUMENT when a part is missing.
 * @example
 * class Seat extends aggregate({
 *   category: 'Seat',
 *   events: defineEvents({ SeatTaken: event<{ by: string }>() }),
 *   initialState: () => ({ takenBy: '' }),
 *   evolve: (_, { data }) => ({ takenBy: data.by }),
 * }) {
 *   take(by: string): void {
 *     if (this.state.takenBy !== '') throw new Error(`The seat is ${this.state.takenBy}'s`)
 *     this.record({ type: 'SeatTaken', data: { by } })
 *   }
 * }
 * const seats = repository(store, Seat)
 * await seats.execute('7b', (seat) => seat.take('Ann'))
 */
export function aggregate<Events extends EventDefinitions, State>(
  given: GivenAggregate<Events, State>,
): AggregateClass<Events, State> {
  refuseMisspeltFields(given, ruleFields, 'rules')
  const { category, events, initialState, evolve, snapshot } = given
  if (typeof category !== 'string' || category === '' || category.includes('-')) {
    throw new InvalidArgument('category', 'is not a name without a dash')
  }
  if (typeof events !== 'object' || events === null) throw new InvalidArgument('events', 'is missing: use defineEvents')
  for (const [name, part] of Object.entries({ initialState, evolve })) {
    if (typeof part !== 'function') throw new InvalidArgument(name, 'is not a function')
  }
  if (snapshot !== undefined) checkSnapshotPolicy(snapshot)
  const rules: AggregateRules<Events, State> = { category, events, initialState, evolve, snapshot }
  return class extends Aggregate<Events, State> {
    static readonly rules = rules

    constructor() {
      super(rules)
    }
  }
}

/** An event as a read will give it: validated, and through JSON, so that a fold now is the fold of later. */
function asRead<Events extends EventDefinitions>(events: Events, event: NewEventOf<Events>): EventOf<Events> {
  const { type, data } = event
  const definition = definitionOf(events, type)
  if (definition === undefined || definition.retired !== undefined) {
    throw new InvalidArgument('type', `is ${JSON.stringify(type)}, which is not defined`)
  }
  const verdict = definition.schema?.['~standard'].validate(data)
  if (isRefusedPromise(verdict)) {
    throw new InvalidArgument(
      `events.${type}`,
      'has an asynchronous validator, which no method can wait for: use a decider',
    )
  }
  const accepted = verdict === undefined ? data : acceptedData(verdict, type, 'event')
  return { type, data: accepted instanceof Uint8Array ? accepted : throughJson(accepted) } as EventOf<Events>
}

function throughJson(value: unknown): unknown {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new InvalidArgument('data', `has no JSON form: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (text !== undefined) return JSON.parse(text)
  throw new InvalidArgument('data', `is ${typeof value}, which has no JSON form; use null for "no data"`)
}
