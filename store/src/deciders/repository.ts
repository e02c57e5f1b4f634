import type { CallOptions } from '../model/call.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { NewEventMetadata } from '../model/event.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { isRefusedPromise } from '../model/refused-promise.ts'
import { type Aggregate, type AggregateRules, aggregateAccess } from './aggregate.ts'
import type { Decider } from './decider.ts'
import { execute } from './execute.ts'
import { type Executed, type ExecuteOptions, withMetadata } from './execute-options.ts'
import { type FoldOptions, foldFields, foldStream } from './fold-stream.ts'
import type { CommandStore } from './task.ts'

const saveFields = fieldsOf<SaveOptions>({ commandId: true, metadata: true, signal: true })

/** The class of an aggregate, as its author wrote it. */
export interface ConcreteAggregate<Events extends EventDefinitions, State, Instance extends Aggregate<Events, State>> {
  new (): Instance
  readonly rules: AggregateRules<Events, State>
}

/** Loads and saves aggregates of one kind. Made by {@link repository}. */
export interface Repository<Events extends EventDefinitions, State, Instance extends Aggregate<Events, State>> {
  /** The aggregate with an id, new when its stream has no event. */
  load(id: string, options?: FoldOptions): Promise<Instance>
  /**
   * Appends what is pending, if the stream has not moved since the aggregate was loaded; nothing pending appends nothing.
   *
   * @returns the stream's version.
   * @throws VERSION_CONFLICT when it has moved; load it again, decide again.
   */
  save(aggregate: Instance, options?: SaveOptions): Promise<number>
  /**
   * Loads, runs a method or several, and saves; all of it again when the stream moved meanwhile, as `execute` of a decider
   * does. `act` may therefore run several times; what it throws reaches the caller, and nothing is stored.
   */
  execute(id: string, act: (aggregate: Instance) => void, options?: ExecuteOptions): Promise<Executed<Events>>
}

/** Options of {@link Repository.save}. */
export interface SaveOptions extends CallOptions {
  /** Makes saving again after a lost answer harmless. At most `limits.idempotencyKeyChars`. */
  readonly commandId?: string | undefined
  /** Metadata of all events, under what they have themselves. */
  readonly metadata?: NewEventMetadata | undefined
}

/**
 * Aggregates of one class in a store.
 *
 * @throws INVALID_ARGUMENT when the class does not extend what `aggregate` makes.
 * @example
 * class Seat extends aggregate({
 *   category: 'Seat',
 *   events: defineEvents({ SeatTaken: event<{ by: string }>() }),
 *   initialState: () => ({ takenBy: '' }),
 *   evolve: (_, { data }) => ({ takenBy: data.by }),
 * }) {
 *   take(by: string): void {
 *     this.record({ type: 'SeatTaken', data: { by } })
 *   }
 * }
 * const seats = repository(store, Seat)
 * const seat = await seats.load('7b')
 * seat.take('Ann')
 * await seats.save(seat)
 */
export function repository<Events extends EventDefinitions, State, Instance extends Aggregate<Events, State>>(
  store: CommandStore,
  kind: ConcreteAggregate<Events, State, Instance>,
): Repository<Events, State, Instance> {
  if (typeof kind?.rules !== 'object') throw new InvalidArgument('kind', 'is no class that extends aggregate({ … })')
  const { category, ...rules } = kind.rules
  const { restore, saved } = aggregateAccess()
  const streamIdOf = (id: string): string => {
    if (typeof id !== 'string' || id === '') throw new InvalidArgument('id', 'is not a non-empty string')
    return `${category}-${id}`
  }

  function restored(id: string, state: State, version: number): Instance {
    const instance = new kind()
    restore(instance as unknown as Aggregate<EventDefinitions, State>, { id, state, version })
    return instance
  }

  function deciderFor(id: string): Decider<Events, (aggregate: Instance) => void, State> {
    return {
      ...rules,
      decide: (act, state) => {
        const instance = restored(id, state, 0)
        const returned: unknown = act(instance)
        if (isRefusedPromise(returned)) {
          throw new InvalidArgument('act', 'returned a promise: decide at once, on what the aggregate knows')
        }
        return instance.pending
      },
    }
  }

  return {
    load: async (id, options) => {
      refuseUnknownOptions(options, foldFields, 'load')
      const decider = { ...rules, decide: () => [] }
      const { state, version } = await foldStream(store, { decider, streamId: streamIdOf(id) }, options)
      return restored(id, state, version)
    },
    save: async (aggregate, options = {}) => {
      refuseUnknownOptions(options, saveFields, 'save')
      const { id, pending, version } = aggregate
      streamIdOf(id)
      if (pending.length === 0) return version
      const { commandId, signal } = options
      const events = pending.map((event) => withMetadata(event, options))
      const { version: now } = await store
        .category(category, rules.events)
        .stream(id)
        .append(events, {
          expectedVersion: version === 0 ? 'no_stream' : version,
          ...(commandId !== undefined && { idempotencyKey: commandId }),
          ...(signal && { signal }),
        })
      saved(aggregate as unknown as Aggregate<EventDefinitions, never>, { version: now, events: events.length })
      return now
    },
    execute: (id, act, options) =>
      execute(store, { decider: deciderFor(id), streamId: streamIdOf(id), command: act }, options),
  }
}
