import type { EventStore } from '../event-store.ts'
import type { Appended } from '../model/call.ts'
import type { TypedStream } from '../model/category.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { EventDefinitions, NewEventOf, RecordedEventOf } from '../model/event-definition.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import { requireOneOrder } from '../model/log-shard.ts'
import { attempted } from './attempts.ts'
import { type Decision, listOf } from './decider.ts'
import {
  type Executed,
  type ExecuteOptions,
  executeFields,
  isRaceOfOneCommand,
  withMetadata,
} from './execute-options.ts'
import { streamOf } from './task.ts'
import { type DecisionModel, queriesOf, queryOf, type StateOfModel, unweighed, weighedWith } from './view.ts'

/** What `executeOver` needs of a store: any store has it, embedded or remote. */
export type DecisionStore = Pick<EventStore, 'capabilities' | 'category' | 'head' | 'readAll' | 'readStream'>

/** A decision over what several views see. */
export interface DecisionTask<Model extends DecisionModel, Written extends EventDefinitions> {
  /** What the decision looks at, by name. */
  readonly model: Model
  /** The events it may decide for. */
  readonly events: Written
  /** Where they go: `{Category}-{id}`. */
  readonly streamId: string
  /**
   * What follows from the state: events, none when there is nothing to do. Throws what forbids it, any error of yours.
   * It may run again when something it looked at changed first, so it has no effect of its own.
   */
  readonly decide: (state: StateOfModel<NoInfer<Model>>) => Decision<NoInfer<Written>>
}

/**
 * Decides over several views, whatever streams their events lie in, and appends if nothing that the views look at has
 * changed since; if it has, all of that is done again, as in `execute`. So a rule across streams (a course with few
 * seats, a unique name, invoice numbers without gaps) holds without a lock and without an aggregate that owns it all.
 *
 * @throws whatever `decide` throws; CONDITION_FAILED when something changed at every attempt; NOT_SUPPORTED where the
 *   engine has no append conditions; the errors of `EventStore.append`. Nothing was appended.
 * @example
 * const userEvents = defineEvents({ UserNamed: event<{ name: string }>() })
 * const tags = ['username:ada']
 * const isTaken = defineView({ events: userEvents, tags, initialState: () => false, evolve: () => true })
 * await executeOver(store, {
 *   model: { isTaken },
 *   events: userEvents,
 *   streamId: 'User-1',
 *   decide: (state) => (state.isTaken ? [] : { type: 'UserNamed', data: { name: 'ada' }, tags }),
 * })
 */
export async function executeOver<Model extends DecisionModel, Written extends EventDefinitions>(
  store: DecisionStore,
  task: DecisionTask<Model, Written>,
  options: ExecuteOptions = {},
): Promise<Executed<Written>> {
  refuseUnknownOptions(options, executeFields, 'executeOver')
  if (Object.keys(task.model ?? {}).length === 0) throw new InvalidArgument('model', 'is empty: give at least one view')
  writtenStream(store, task)
  requireOneOrder(
    store.capabilities,
    'A decision over several streams is guarded by a condition, which is about one order: decide over one stream with execute.',
  )
  const isWorthAnother = (error: unknown): boolean =>
    isVarveError(error, 'CONDITION_FAILED') || isRaceOfOneCommand(error, options)
  return attempted(options, isWorthAnother, () => executeOnce(store, task, options))
}

async function executeOnce<Model extends DecisionModel, Written extends EventDefinitions>(
  store: DecisionStore,
  task: DecisionTask<Model, Written>,
  options: ExecuteOptions,
): Promise<Omit<Executed<Written>, 'attempts'>> {
  const { commandId, signal } = options
  const { streamId, model } = task
  const { state, after } = await weigh(store, model, options)
  const decision = decidedOrRefused(task, state)
  const decided = 'events' in decision ? decision.events : []
  if (decided.length === 0 || decided.some(({ id }) => id !== undefined)) {
    // What forbids the command, or leaves it nothing to do, may be its own first execution; and by ids of its own no earlier
    // execution would be known.
    const earlier = await executedEarlier(store, task, options)
    if (earlier !== undefined) return earlier
  }
  if (!('events' in decision)) throw decision.refusal
  if (decided.length === 0) {
    const last = await store.readStream(streamId, { direction: 'backward', ...(signal && { signal }) }).first()
    return { streamId, events: [], version: last?.version ?? 0, position: after, idempotent: false }
  }
  const events = decided.map((event) => withMetadata(event, options))
  const append = (): Promise<Appended> =>
    writtenStream(store, task).append(events, {
      condition: { failIfMatch: queryOf(model), after },
      ...(commandId !== undefined && { idempotencyKey: commandId }),
      ...(signal && { signal }),
    })
  const appended = await appendedUnlessKnown(append, () => executedEarlier(store, task, options))
  if ('events' in appended) return appended
  const { version, position, idempotent } = appended
  return { streamId, events, version, position, idempotent }
}

/**
 * Appends. A command that was executed before is answered with what came of it, whatever it would decide for today: a repeat
 * may decide for other events under the same ids, or for what is refused by now.
 */
async function appendedUnlessKnown<Earlier>(
  append: () => Promise<Appended>,
  earlier: () => Promise<Earlier | undefined>,
): Promise<Appended | Earlier> {
  let appended: Appended
  try {
    appended = await append()
  } catch (error) {
    const known = isVarveError(error) && !error.retryable ? await earlier() : undefined
    if (known === undefined) throw error
    return known
  }
  return (appended.idempotent ? await earlier() : undefined) ?? appended
}

/** Reads what the model looks at. Everything up to `after` was considered: the head is asked for before the read. */
async function weigh<Model extends DecisionModel>(
  store: DecisionStore,
  model: Model,
  { signal }: ExecuteOptions,
): Promise<{ readonly state: StateOfModel<Model>; readonly after: number }> {
  const queries = queriesOf(model)
  let after = await store.head(signal && { signal })
  let weighed = unweighed(model)
  for await (const event of store.readAll({ filter: queryOf(model), ...(signal && { signal }) })) {
    weighed = weighedWith(model, queries, weighed, event)
    after = Math.max(after, event.position)
  }
  return { state: weighed.states as StateOfModel<Model>, after }
}

function decidedOrRefused<Model extends DecisionModel, Written extends EventDefinitions>(
  { decide }: DecisionTask<Model, Written>,
  state: StateOfModel<Model>,
): { readonly events: readonly NewEventOf<Written>[] } | { readonly refusal: unknown } {
  try {
    return { events: listOf(decide(state)) }
  } catch (refusal) {
    return { refusal }
  }
}

/** The outcome of an earlier execution of the same command, found by the id that its events carry. */
async function executedEarlier<Model extends DecisionModel, Written extends EventDefinitions>(
  store: DecisionStore,
  task: DecisionTask<Model, Written>,
  { commandId, signal }: ExecuteOptions,
): Promise<Omit<Executed<Written>, 'attempts'> | undefined> {
  if (commandId === undefined) return undefined
  const events: RecordedEventOf<Written>[] = []
  for await (const event of writtenStream(store, task).read(signal && { signal })) {
    if (event.metadata.commandId === commandId) events.push(event)
  }
  const last = events.at(-1)
  if (last === undefined) return undefined
  const { version, position, streamId } = last
  return { streamId, events, version, position, idempotent: true }
}

/** The stream that is written to, in which others may append what the decision does not know. */
function writtenStream<Written extends EventDefinitions>(
  store: DecisionStore,
  task: Pick<DecisionTask<DecisionModel, Written>, 'streamId' | 'events'>,
): TypedStream<Written> {
  return streamOf(store, task, task.events, { undefinedEvents: 'skip' })
}
