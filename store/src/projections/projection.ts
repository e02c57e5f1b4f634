import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import {
  definitionOf,
  type EventDefinitions,
  type LiveType,
  type RecordedEventOf,
  type StoredOf,
} from '../model/event-definition.ts'
import { fieldsOf, refuseUnknownFields } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { normalQuery, type QueryItem } from '../model/query.ts'
import { isRefusedPromise } from '../model/refused-promise.ts'
import type { Target } from '../model/target.ts'
import { liveTypes, storedTypes, upToDate } from '../model/upcast.ts'
import { checkWhole } from '../model/whole-number.ts'
import { type FailurePolicy, stopUnlessPassing } from './failure-policy.ts'

const projectionFields = fieldsOf<GivenProjection<EventDefinitions, unknown>>({
  name: true,
  version: true,
  events: true,
  target: true,
  filter: true,
  empty: true,
  partitions: true,
  key: true,
  onFailure: true,
  saved: true,
  on: true,
  onBatch: true,
})

/** A read model and how events change it. Made by {@link defineProjection}. */
export interface Projection<ReadModel> {
  readonly name: string
  readonly version: number
  readonly filter: 'everything' | QueryItem
  readonly target: Target<ReadModel>
  /** Brings the read model to its state before the first event. */
  empty(readModel: ReadModel): unknown
  /**
   * Changes the read model by one event.
   *
   * @throws EVENT_NOT_DEFINED for an event in a schema version that is not defined.
   */
  handle(readModel: ReadModel, event: RecordedEvent): unknown
  /** Changes the read model by several events together, where the projection says how. Throws what {@link handle} does. */
  handleTogether?(readModel: ReadModel, events: readonly RecordedEvent[]): unknown
  /** Partitions that `runProjections` runs beside each other. */
  readonly partitions: number
  /** What an event must be kept in order with: all events of the same key. */
  readonly keyOf: (event: RecordedEvent) => string
  readonly onFailure: FailurePolicy
  readonly saved: ((events: readonly RecordedEvent[]) => unknown) | undefined
}

/** What {@link defineProjection} takes: what a projection is, and what its events change, one by one or a batch at a time. */
export type GivenProjection<Events extends EventDefinitions, ReadModel> = ProjectionFacts<Events, ReadModel> &
  (EventHandlers<Events, ReadModel> | BatchHandler<Events, ReadModel>)

/** What a projection is, apart from its handlers. */
export interface ProjectionFacts<Events extends EventDefinitions, ReadModel> {
  /** Names its checkpoint in the target. At most `limits.checkpointNameChars`. */
  readonly name: string
  /** Raise it when handlers change: the read model is then built anew at the next start. Default 1. */
  readonly version?: number | undefined
  /** The events it may handle, from `defineEvents`; spread several definitions for several categories. */
  readonly events: Events
  /** Where the read model lives. */
  readonly target: Target<ReadModel>
  /** Narrows the events to categories, tags or a prefix of their streams. Default: all that are handled. */
  readonly filter?: Omit<QueryItem, 'types'> | undefined
  /**
   * Brings the read model to its state before the first event, as in `drop table if exists` and `create table`. Runs in
   * the transaction that begins or rebuilds the projection. Needed where the target does not empty itself.
   */
  readonly empty?: ((readModel: NoInfer<ReadModel>) => unknown) | undefined
  /**
   * Partitions that `runProjections` runs beside each other, each with a checkpoint of its own. Events of one key are always
   * in one partition, in order; those of different partitions are not. Raise `version` with it. Default 1, at most
   * `limits.projectionPartitions`.
   */
  readonly partitions?: number | undefined
  /**
   * What an event must be kept in order with: all events of the same key. Made from the event as it is stored, so that it
   * never changes. Default: the id of its stream.
   */
  readonly key?: ((event: RecordedEvent) => string) | undefined
  /** What `runProjections` does about a failure. Default `stopUnlessPassing`. */
  readonly onFailure?: FailurePolicy | undefined
  /**
   * Called by `runProjections` with the events of a batch after they were saved, and not waited for: to tell a cache or a
   * browser. Only of the generation that readers see, only with events appended since it began, at most once; a crash loses
   * the call. What must not be lost is for `react`.
   */
  readonly saved?: ((events: readonly RecordedEvent[]) => unknown) | undefined
}

/** Handlers by event type. */
export interface EventHandlers<Events extends EventDefinitions, ReadModel> {
  /**
   * What an event changes. Handlers run one after the other, in the transaction that saves the checkpoint. They change
   * the read model and nothing else: a batch that fails is rolled back and runs again, which no mail can be.
   */
  readonly on: {
    readonly [Type in LiveType<Events>]?: (
      readModel: NoInfer<ReadModel>,
      event: RecordedEvent<Type, StoredOf<Events[Type]>>,
    ) => unknown
  }
  readonly onBatch?: undefined
}

/** One handler for whole batches. */
export interface BatchHandler<Events extends EventDefinitions, ReadModel> {
  /**
   * What the events of a batch change together, in their order: one statement for all of them, where one for each would be a
   * round trip each. Gets every type of `events`, 1 to 500 at a time, in the transaction that saves the checkpoint. Must give
   * the same however the log is divided into batches. Of a batch for which it throws, the halves are tried, one after the
   * other, each in a transaction of its own; in the end the event that cannot be handled is alone, and a failure of it.
   */
  readonly onBatch: (readModel: NoInfer<ReadModel>, events: readonly RecordedEventOf<Events>[]) => unknown
  readonly on?: undefined
}

/**
 * Defines a read model: where it lives, and how each event changes it.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 * @example
 * const stock = defineProjection({
 *   name: 'stock',
 *   events: defineEvents({ GoodsReceived: event<{ sku: string; quantity: number }>() }),
 *   target: memoryTarget(() => new Map<string, number>()),
 *   on: {
 *     GoodsReceived: (bySku, { data }) => bySku.set(data.sku, (bySku.get(data.sku) ?? 0) + data.quantity),
 *   },
 * })
 */
export function defineProjection<Events extends EventDefinitions, ReadModel>(
  given: GivenProjection<Events, ReadModel>,
): Projection<ReadModel> {
  refuseUnknownFields(given, projectionFields, 'projection')
  const { name, version = 1, events, target, filter = {}, empty, partitions = 1, saved } = given
  const { key = ({ streamId }: RecordedEvent) => streamId, onFailure = stopUnlessPassing } = given
  checkName(name)
  checkPartitions(partitions)
  for (const [argument, given] of Object.entries({ key, onFailure, saved: saved ?? key, empty: empty ?? key })) {
    if (typeof given !== 'function') throw new InvalidArgument(argument, 'is not a function')
  }
  checkWhole('version', version, 1)
  if (typeof events !== 'object' || events === null) throw new InvalidArgument('events', 'is missing: use defineEvents')
  if (typeof target?.write !== 'function') throw new InvalidArgument('target', 'is no target, such as memoryTarget(…)')
  if (empty === undefined && !target.emptiesItself) {
    throw new InvalidArgument('empty', 'is missing: this target cannot bring back the state before the first event')
  }
  const read = { ...filter, types: storedTypes(events, handledTypes(given)) }
  // Whatever is wrong with it is found here, and not by the first instance that runs it.
  normalQuery(read, 'filter')
  return {
    name,
    version,
    filter: read,
    target,
    empty: empty ?? (() => undefined),
    ...handling(given),
    partitions,
    keyOf: checkedKey(key),
    onFailure,
    saved,
  }
}

/** @throws INVALID_ARGUMENT for what {@link defineProjection} did not make. */
export function checkProjection<ReadModel>(projection: Projection<ReadModel>): void {
  if (isProjection(projection)) return
  throw new InvalidArgument('projection', 'is no projection: make one with defineProjection')
}

/** Whether this is what {@link defineProjection} makes. */
export function isProjection(given: unknown): boolean {
  const { handle, target } = (given ?? {}) as Partial<Projection<unknown>>
  return typeof handle === 'function' && typeof target?.write === 'function'
}

/** A key that is no text would put all events into one partition, or let them overtake what is parked. */
function checkedKey(key: (event: RecordedEvent) => string): (event: RecordedEvent) => string {
  const refused = ({ type, position, streamId }: RecordedEvent, problem: string, cause?: unknown): InvalidArgument => {
    const error = new InvalidArgument(
      'key',
      `${problem} for event ${position} (${type} of ${streamId}): it is to give a text for each`,
    )
    return cause === undefined ? error : Object.assign(error, { cause })
  }
  return (event) => {
    let made: unknown
    try {
      made = key(event)
    } catch (cause) {
      throw refused(event, `threw ${cause instanceof Error ? cause.message : String(cause)}`, cause)
    }
    if (typeof made !== 'string') throw refused(event, `gave ${isRefusedPromise(made) ? 'a promise' : String(made)}`)
    return made
  }
}

/** The partition, from 1, that the events of a key are in (FNV-1a): the same for ever, on every machine. */
export function partitionOf(key: string, partitions: number): number {
  if (partitions === 1) return 1
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  // The low bits of the last character would decide alone: two rounds of a mixer spread them.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (((hash ^ (hash >>> 13)) >>> 0) % partitions) + 1
}

type Handling<ReadModel> = Pick<Projection<ReadModel>, 'handle' | 'handleTogether'>

function handling<Events extends EventDefinitions, ReadModel>(
  given: GivenProjection<Events, ReadModel>,
): Handling<ReadModel> {
  const { events, on, onBatch } = given
  if (onBatch !== undefined) {
    const handleTogether = (readModel: ReadModel, recorded: readonly RecordedEvent[]): unknown => {
      const today = recorded.flatMap((event) => upToDate(events, event))
      return today.length === 0 ? undefined : onBatch(readModel, today)
    }
    return { handle: (readModel, event) => handleTogether(readModel, [event]), handleTogether }
  }
  const handlers = on as unknown as Handlers<ReadModel>
  return {
    handle: (readModel, event) => {
      const [first, ...others] = upToDate(events, event)
      const handled = first && handlers[first.type]?.(readModel, first)
      // What an event of the past has become is handled in its order; nearly always that is one event.
      return others.length === 0 ? handled : handleInTurn(handlers, readModel, others, handled)
    },
  }
}

function handleInTurn<ReadModel>(
  handlers: Handlers<ReadModel>,
  readModel: ReadModel,
  events: readonly RecordedEvent[],
  before: unknown,
): unknown {
  return events.reduce((earlier, event) => afterwards(earlier, () => handlers[event.type]?.(readModel, event)), before)
}

/** Goes on at once after what does not wait, so that a batch without waiting stays one synchronous stretch. */
function afterwards(before: unknown, next: () => unknown): unknown {
  const waits = typeof before === 'object' && before !== null && 'then' in before && typeof before.then === 'function'
  return waits ? (before as { readonly then: (next: () => unknown) => unknown }).then(next) : next()
}

type Handlers<ReadModel> = Readonly<Record<string, (readModel: ReadModel, event: RecordedEvent) => unknown>>

function handledTypes<Events extends EventDefinitions, ReadModel>({
  events,
  on,
  onBatch,
}: GivenProjection<Events, ReadModel>): readonly string[] {
  if (onBatch === undefined) return checkedTypes(events, on)
  if (on !== undefined) throw new InvalidArgument('on', 'is given beside `onBatch`: give one of them')
  if (typeof onBatch !== 'function') throw new InvalidArgument('onBatch', 'is not a function')
  const types = liveTypes(events)
  if (types.length === 0) throw new InvalidArgument('events', 'defines no event that could be handled')
  return types
}

function checkedTypes(events: EventDefinitions, on: unknown): readonly string[] {
  if (typeof on !== 'object' || on === null)
    throw new InvalidArgument('on', 'is missing: give a handler per event type, or `onBatch`')
  const entries = Object.entries(on).filter(([, handler]) => handler !== undefined)
  if (entries.length === 0) throw new InvalidArgument('on', 'has no handler: give one per event type')
  for (const [type, handler] of entries) {
    if (definitionOf(events, type) === undefined) throw new InvalidArgument(`on.${type}`, 'is for an event not defined')
    if (typeof handler !== 'function') throw new InvalidArgument(`on.${type}`, 'is not a function')
  }
  return entries.map(([type]) => type)
}

function checkPartitions(partitions: unknown): void {
  checkWhole('partitions', partitions, 1)
  if (partitions > limits.projectionPartitions) throw new LimitExceeded('projectionPartitions', partitions)
}

function checkName(name: unknown): void {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new InvalidArgument('name', 'is not a non-empty string')
  }
  if (name.length > limits.checkpointNameChars) throw new LimitExceeded('checkpointNameChars', name.length)
}
