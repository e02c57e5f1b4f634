/**
 * A decision model as a pure machine (https://dcb.events, "Aggregateless event sourcing"): no clock, no I/O.
 *
 * Several views, each a small fold over the events that match its query, make one state; what they looked at makes one
 * append condition. Invariant: an event that could change any view's state matches the condition.
 */

import { InvalidArgument } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { EventDefinitions, EventOf } from '../model/event-definition.ts'
import { fieldsOf, refuseMisspeltFields } from '../model/known-fields.ts'
import { matchesQuery, type NormalQuery, normalQuery, type QueryItem } from '../model/query.ts'
import { isRefusedPromise } from '../model/refused-promise.ts'
import { storedTypes, upToDate } from '../model/upcast.ts'

const viewFields = fieldsOf<GivenView<EventDefinitions, unknown>>({
  events: true,
  tags: true,
  categories: true,
  initialState: true,
  evolve: true,
})

/** A small fold over the events that carry certain tags: one ingredient of a decision. Made by {@link defineView}. */
export interface View<Events extends EventDefinitions, State> {
  /** The events it looks at: these types and no others. */
  readonly events: Events
  /** Looks at events that carry all of these tags only. Default: whatever they carry. */
  readonly tags?: readonly string[] | undefined
  /** Looks at streams of these categories only. Default: all. */
  readonly categories?: readonly string[] | undefined
  /** The state before the first event. */
  readonly initialState: () => State
  /** The state after an event. Returns the state it was given where an event changes nothing. */
  readonly evolve: (state: State, event: EventOf<Events>) => State
}

/** Any {@link View}, whatever it looks at and makes of it. */
export interface AnyView
  extends Pick<View<EventDefinitions, unknown>, 'events' | 'tags' | 'categories' | 'initialState'> {
  readonly evolve: (state: never, event: never) => unknown
}

/** Views by name: the ingredients of one decision. */
export type DecisionModel = Readonly<Record<string, AnyView>>

/** What a decision sees: the state of each view by its name. */
export type StateOfModel<Model extends DecisionModel> = {
  readonly [Name in keyof Model]: ReturnType<Model[Name]['initialState']>
}

/**
 * Defines one ingredient of decisions that span streams. Events and state are inferred.
 *
 * @throws INVALID_ARGUMENT when a part is missing.
 * @example
 * const seatsTaken = (course: string) =>
 *   defineView({
 *     events: defineEvents({ StudentSubscribed: event<{ name: string }>() }),
 *     tags: [`course:${course}`],
 *     initialState: () => 0,
 *     evolve: (taken) => taken + 1,
 *   })
 */
export function defineView<Events extends EventDefinitions, State>(
  given: GivenView<Events, State>,
): View<Events, State> {
  refuseMisspeltFields(given, viewFields, 'view')
  const { events, initialState, evolve } = given
  if (typeof events !== 'object' || events === null) throw new InvalidArgument('events', 'is missing: use defineEvents')
  for (const [name, part] of Object.entries({ initialState, evolve })) {
    if (typeof part !== 'function') throw new InvalidArgument(name, 'is not a function')
  }
  // Whatever is wrong with the query is found here, and not at the first decision.
  normalQuery(itemOf(given), 'view')
  return given
}

/** What {@link defineView} takes. `evolve` takes no part in inferring the state, as in `GivenDecider`. */
export interface GivenView<Events extends EventDefinitions, State>
  extends Pick<View<Events, State>, 'events' | 'tags' | 'categories'> {
  /** The state before the first event. */
  readonly initialState: () => State
  /** The state after an event. */
  readonly evolve: (state: NoInfer<State>, event: EventOf<NoInfer<Events>>) => NoInfer<State>
}

/** A model on its way through the log. */
export interface Weighed {
  readonly states: Readonly<Record<string, unknown>>
}

/** A model before the first event. */
export function unweighed(model: DecisionModel): Weighed {
  return { states: Object.fromEntries(Object.entries(model).map(([name, view]) => [name, view.initialState()])) }
}

/**
 * A model after one more event: every view that looks at it takes it in.
 *
 * @throws EVENT_NOT_DEFINED for an event in another schema version; INVALID_ARGUMENT when `evolve` forgot to return a state.
 */
export function weighedWith(
  model: DecisionModel,
  queries: QueriesOfModel,
  before: Weighed,
  event: RecordedEvent,
): Weighed {
  const states = { ...before.states }
  for (const [name, view] of Object.entries(model)) {
    if (!matchesQuery(queries[name] as NormalQuery, event)) continue
    for (const current of upToDate(view.events, event)) {
      const next = view.evolve(states[name] as never, current as never)
      if (isRefusedPromise(next)) {
        throw new InvalidArgument(`model.${name}`, `returned a promise for ${current.type}: a view answers at once`)
      }
      if (next === undefined && states[name] !== undefined) {
        throw new InvalidArgument(`model.${name}`, `returned no state for ${current.type}: return the state as it is`)
      }
      states[name] = next
    }
  }
  return { states }
}

/** What each view looks at, by its name. */
export type QueriesOfModel = Readonly<Record<string, NormalQuery>>

/** What each view looks at, checked. */
export function queriesOf(model: DecisionModel): QueriesOfModel {
  return Object.fromEntries(
    Object.entries(model).map(([name, view]) => [name, normalQuery(itemOf(view), `model.${name}`)]),
  )
}

/** What the whole model looks at: to read by, and to guard the append with. */
export function queryOf(model: DecisionModel): readonly QueryItem[] {
  return Object.values(model).map(itemOf)
}

function itemOf({ events, tags, categories }: Pick<AnyView, 'events' | 'tags' | 'categories'>): QueryItem {
  return { types: storedTypes(events), ...(tags && { tags }), ...(categories && { categories }) }
}
