/**
 * A projection as a pure machine: no clock, no I/O.
 *
 * gathering > (an event) > gathering
 *           > (a mark, or the batch is full) > save events and place in one transaction > gathering
 *
 * Invariants: every event is saved once, in order, with a checkpoint at or after it; the checkpoint only rises, and
 * passes over what was filtered out.
 */
import type { SubscriptionItem } from '../model/call.ts'
import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { definitionOf, type EventDefinitions, type LiveType, type StoredOf } from '../model/event-definition.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import type { QueryItem } from '../model/query.ts'
import type { Target } from '../model/target.ts'
import { storedTypes, upToDate } from '../model/upcast.ts'
import { type FailurePolicy, stopUnlessPassing } from './failure-policy.ts'

/** A read model and how events change it. Made by {@link defineProjection}. */
export interface Projection<ReadModel> {
  readonly name: string
  readonly version: number
  readonly filter: QueryItem
  readonly target: Target<ReadModel>
  /** Brings the read model to its state before the first event. */
  empty(readModel: ReadModel): unknown
  /**
   * Changes the read model by one event.
   *
   * @throws EVENT_NOT_DEFINED for an event in a schema version that is not defined.
   */
  handle(readModel: ReadModel, event: RecordedEvent): unknown
  /** Partitions that `runProjections` runs beside each other. */
  readonly partitions: number
  /** What an event must be kept in order with: all events of the same key. */
  readonly keyOf: (event: RecordedEvent) => string
  readonly onFailure: FailurePolicy
  readonly saved: ((events: readonly RecordedEvent[]) => unknown) | undefined
}

/** What {@link defineProjection} takes. */
export interface GivenProjection<Events extends EventDefinitions, ReadModel> {
  /** Names its checkpoint in the target. At most `limits.checkpointNameChars`. */
  readonly name: string
  /** Raise it when handlers change: the read model is then built anew at the next start. Default 1. */
  readonly version?: number
  /** The events it may handle, from `defineEvents`; spread several definitions for several categories. */
  readonly events: Events
  /** Where the read model lives. */
  readonly target: Target<ReadModel>
  /** Narrows the events to categories, tags or a prefix of their streams. Default: all of the types in `on`. */
  readonly filter?: Omit<QueryItem, 'types'>
  /**
   * Brings the read model to its state before the first event, as in `drop table if exists` and `create table`. Runs in
   * the transaction that begins or rebuilds the projection. Needed where the target does not empty itself.
   */
  readonly empty?: (readModel: NoInfer<ReadModel>) => unknown
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
  /**
   * Partitions that `runProjections` runs beside each other, each with a checkpoint of its own. Events of one key are always
   * in one partition, in order; those of different partitions are not. Raise `version` with it. Default 1, at most
   * `limits.projectionPartitions`.
   */
  readonly partitions?: number
  /**
   * What an event must be kept in order with: all events of the same key. Made from the event as it is stored, so that it
   * never changes. Default: the id of its stream.
   */
  readonly key?: (event: RecordedEvent) => string
  /** What `runProjections` does about a failure. Default `stopUnlessPassing`. */
  readonly onFailure?: FailurePolicy
  /**
   * Called by `runProjections` with the events of a batch after they were saved, and not waited for: to tell a cache or a
   * browser. Only of the generation that readers see, only with events appended since it began, at most once; a crash loses
   * the call. What must not be lost is for `react`.
   */
  readonly saved?: (events: readonly RecordedEvent[]) => unknown
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
  const { name, version = 1, events, target, filter = {}, empty, on, partitions = 1, saved } = given
  const { key = ({ streamId }: RecordedEvent) => streamId, onFailure = stopUnlessPassing } = given
  checkName(name)
  checkPartitions(partitions)
  for (const [argument, given] of Object.entries({ key, onFailure, saved: saved ?? key })) {
    if (typeof given !== 'function') throw new InvalidArgument(argument, 'is not a function')
  }
  if (!isPosition(version) || version === 0) throw new InvalidArgument('version', 'is not a whole number from 1 on')
  if (typeof target?.write !== 'function') throw new InvalidArgument('target', 'is no target, such as memoryTarget(…)')
  if (empty === undefined && !target.emptiesItself) {
    throw new InvalidArgument('empty', 'is missing: this target cannot bring back the state before the first event')
  }
  const types = checkedTypes(events, on)
  const handlers = on as unknown as Handlers<ReadModel>
  return {
    name,
    version,
    filter: { ...filter, types: storedTypes(events, types) },
    target,
    empty: empty ?? (() => undefined),
    handle: (readModel, event) => {
      const [first, ...others] = upToDate(events, event)
      const handled = first && handlers[first.type]?.(readModel, first)
      // What an event of the past has become is handled in its order; nearly always that is one event.
      return others.length === 0 ? handled : handleInTurn(handlers, readModel, others, handled)
    },
    partitions,
    keyOf: key,
    onFailure,
    saved,
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

/** What was read and not yet saved. */
export interface Gathering {
  /** Everything up to here is saved. */
  readonly savedPosition: number
  readonly pending: readonly RecordedEvent[]
}

/** What to do next. */
export interface SaveEffect {
  readonly events: readonly RecordedEvent[]
  /** The checkpoint to save with them. */
  readonly position: number
}

/** One step of the machine; the next one may be taken once its effect is carried out. */
export function gather(
  { savedPosition, pending }: Gathering,
  item: SubscriptionItem,
): { readonly state: Gathering; readonly save?: SaveEffect } {
  const events = item.kind === 'event' ? [...pending, item.event] : pending
  const position = item.kind === 'event' ? item.event.position : item.position
  const isDue = item.kind === 'event' ? events.length >= limits.projectionEvents : position > savedPosition
  if (!isDue) return { state: { savedPosition, pending: events } }
  return { state: { savedPosition: position, pending: [] }, save: { events, position } }
}

/** A part of the log: the events that concern a projection, and how far it goes. */
export interface Stretch {
  readonly events: readonly RecordedEvent[]
  /** Everything up to here is in it, or does not concern the projection. */
  readonly upTo: number
  /** Nothing newer was there. */
  readonly isEnd: boolean
}

/** Many steps of the machine at once, in batches of so many events; the saves are to be carried out in their order. */
export function gatherStretch(
  { savedPosition, pending }: Gathering,
  { events, upTo, isEnd }: Stretch,
  batchEvents: number,
): { readonly state: Gathering; readonly saves: readonly SaveEffect[] } {
  const all = pending.length === 0 ? events : [...pending, ...events]
  const saves: SaveEffect[] = []
  let rest = all
  for (; rest.length >= batchEvents; rest = rest.slice(batchEvents)) {
    const batch = rest.slice(0, batchEvents)
    saves.push({ events: batch, position: batch.at(-1)?.position ?? upTo })
  }
  // Where nothing newer is there, readers shall see what is; where nothing is pending, the place moves on.
  const isDue = (isEnd || rest.length === 0) && upTo > (saves.at(-1)?.position ?? savedPosition)
  if (isDue) saves.push({ events: rest, position: upTo })
  const saved = saves.at(-1)?.position ?? savedPosition
  return { state: { savedPosition: saved, pending: isDue ? [] : rest }, saves }
}

function checkedTypes(events: EventDefinitions, on: object): readonly string[] {
  if (typeof on !== 'object' || on === null)
    throw new InvalidArgument('on', 'is missing: give a handler per event type')
  const entries = Object.entries(on).filter(([, handler]) => handler !== undefined)
  if (entries.length === 0) throw new InvalidArgument('on', 'has no handler: give one per event type')
  for (const [type, handler] of entries) {
    if (definitionOf(events, type) === undefined) throw new InvalidArgument(`on.${type}`, 'is for an event not defined')
    if (typeof handler !== 'function') throw new InvalidArgument(`on.${type}`, 'is not a function')
  }
  return entries.map(([type]) => type)
}

function checkPartitions(partitions: unknown): void {
  if (!isPosition(partitions) || partitions === 0) {
    throw new InvalidArgument('partitions', 'is not a whole number from 1 on')
  }
  if (partitions > limits.projectionPartitions) throw new LimitExceeded('projectionPartitions', partitions)
}

function checkName(name: unknown): void {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new InvalidArgument('name', 'is not a non-empty string')
  }
  if (name.length > limits.checkpointNameChars) throw new LimitExceeded('checkpointNameChars', name.length)
}
