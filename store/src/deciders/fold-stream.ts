import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { EventDefinitions, RecordedEventOf } from '../model/event-definition.ts'
import { fieldsOf, type KnownFields, refuseUnknownOptions } from '../model/known-fields.ts'
import type { SnapshotPlace } from '../model/snapshot.ts'
import { upToDate } from '../model/upcast.ts'
import { checkDecider, type Folded, foldedWith, unfolded } from './decider.ts'
import { type FoldTask, loadSnapshot } from './snapshot.ts'
import { shelfSnapshots } from './snapshot-shelf.ts'

/** Fields of the options of {@link foldStream}. */
export const foldFields: KnownFields = fieldsOf<FoldOptions>({ snapshots: true, clock: true, signal: true })

/** What folding a stream needs of a store: any store has it, embedded or remote. */
export type FoldableStore = Pick<EventStore, 'readStream' | 'streamInfo' | 'shelf'>

/** Options of {@link foldStream}. */
export interface FoldOptions extends CallOptions {
  /** Where the snapshots of the decider's policy lie. Default: on the store's shelf. */
  readonly snapshots?: SnapshotPlace | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

/** The state of a stream and how it came about. */
export interface FoldedStream<State> extends Folded<State> {
  /** Version that the snapshot had which was begun with, 0 when none was used. */
  readonly snapshotVersion: number
  /** Events that were read and folded. */
  readonly eventsFolded: number
}

/** The same with what a new snapshot is made of. */
export interface Folding<State> extends FoldedStream<State> {
  readonly firstVersion: number
  /** Id of the last event folded, '' when there was none. */
  readonly eventId: string
  readonly tookMs: number
}

/**
 * The state of a stream now, as `execute` would decide on it: from the decider's snapshot where there is one, and the
 * events after it; from all events otherwise. The answer is the same either way.
 *
 * @throws EVENT_NOT_DEFINED when the stream holds an event the decider does not know; UPCAST_FAILED; INVALID_ARGUMENT.
 * @example
 * const { state, version } = await foldStream(store, { decider: cart, streamId: 'Cart-7' })
 */
export async function foldStream<Events extends EventDefinitions, State>(
  store: FoldableStore,
  task: FoldTask<Events, State>,
  options: FoldOptions = {},
): Promise<FoldedStream<State>> {
  refuseUnknownOptions(options, foldFields, 'foldStream')
  checkDecider(task)
  const { state, version, position, snapshotVersion, eventsFolded } = await fold(store, task, options)
  return { state, version, position, snapshotVersion, eventsFolded }
}

/** How {@link fold} folds, beside the public options. */
export interface FoldingOptions<Events extends EventDefinitions, State> extends FoldOptions {
  /** Where to go on: a state that was folded before, or whatever the last snapshot holds. Default: the last snapshot. */
  readonly from?: Folding<State> | 'snapshot' | 'beginning'
  /** Sees every event that is folded. */
  readonly onEvent?: (event: RecordedEventOf<Events>) => void
}

/** Folds a stream and keeps what a snapshot needs. */
export async function fold<Events extends EventDefinitions, State>(
  store: FoldableStore,
  task: FoldTask<Events, State>,
  options: FoldingOptions<Events, State>,
): Promise<Folding<State>> {
  const { clock = systemClock, from = 'snapshot' } = options
  const startedAtMs = clock.now()
  const start = from === 'snapshot' ? await snapshotOf(store, task, options) : from
  const isStart = typeof start === 'object' && start.version > 0
  const folding = (isStart && (await foldOn(store, task, options, start))) || (await foldAll(store, task, options))
  return { ...folding, tookMs: clock.now() - startedAtMs }
}

async function snapshotOf<Events extends EventDefinitions, State>(
  store: FoldableStore,
  task: FoldTask<Events, State>,
  options: FoldOptions,
): Promise<Folding<State> | undefined> {
  const { snapshots = shelfSnapshots(store.shelf) } = options
  const restored = await loadSnapshot(store, task, snapshots, options)
  if (restored === undefined) return undefined
  const { firstVersion, version, eventId } = restored.snapshot
  const { state } = restored
  return { state, firstVersion, version, position: 0, eventId, snapshotVersion: version, eventsFolded: 0, tookMs: 0 }
}

function foldAll<Events extends EventDefinitions, State>(
  store: FoldableStore,
  task: FoldTask<Events, State>,
  options: FoldingOptions<Events, State>,
): Promise<Folding<State>> {
  const none = { firstVersion: 0, eventId: '', snapshotVersion: 0, eventsFolded: 0, tookMs: 0 }
  const { signal } = options
  const events = store.readStream(task.streamId, signal && { signal })
  return foldEvents(task, events, options, { ...unfolded(task.decider.initialState), ...none })
}

/**
 * Goes on from a state that was kept, or gives up on it. The event it ends with is read again: a stream that shows another
 * one there, or none, is not the stream that was folded.
 */
async function foldOn<Events extends EventDefinitions, State>(
  store: FoldableStore,
  task: FoldTask<Events, State>,
  options: FoldingOptions<Events, State>,
  start: Folding<State>,
): Promise<Folding<State> | undefined> {
  const { signal } = options
  const { version, eventId } = start
  const events = store.readStream(task.streamId, { from: version, ...(signal && { signal }) })[Symbol.asyncIterator]()
  const { value: last, done } = await events.next()
  if (done === true || last.version !== version || last.id !== eventId) {
    await events.return?.()
    return undefined
  }
  return foldEvents(task, following(events), options, { ...start, position: last.position })
}

async function foldEvents<Events extends EventDefinitions, State>(
  { decider }: FoldTask<Events, State>,
  events: AsyncIterable<RecordedEvent>,
  { onEvent }: FoldingOptions<Events, State>,
  start: Folding<State>,
): Promise<Folding<State>> {
  let { firstVersion, eventId, eventsFolded } = start
  let folded: Folded<State> = start
  for await (const recorded of events) {
    for (const event of upToDate(decider.events, recorded)) {
      folded = foldedWith(decider, folded, event)
      onEvent?.(event)
    }
    // An event of the past may have become none at all: the stream is at its version all the same.
    folded = { state: folded.state, version: recorded.version, position: recorded.position }
    eventId = recorded.id
    if (firstVersion === 0) firstVersion = recorded.version
    eventsFolded++
  }
  return { ...start, ...folded, firstVersion, eventId, eventsFolded }
}

/** What is left of an iterator, which is closed when the loop is left. */
async function* following(rest: AsyncIterator<RecordedEvent>): AsyncGenerator<RecordedEvent> {
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
