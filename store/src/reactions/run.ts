/**
 * Carries out what processes decide, one event or deadline after the other, in an order that a crash may cut anywhere:
 *
 * decide > enter deadlines > save the process > strike off deadlines > send > save that it was sent > save the place
 *
 * Whatever is cut off happens again at the next start: the event is delivered again, is known to its process, and what
 * was not marked as sent is sent under the same ids. Invariants: nothing is sent that is not saved; the place is saved
 * only once everything up to it was sent; a deadline fires only after everything that lay in the log when it had come
 * was handled, and under a place that nobody else has moved.
 */
import type { Clock } from '../engine/clock.ts'
import { patiently } from '../engine/patience.ts'
import type { EventStore } from '../event-store.ts'
import type { SubscriptionItem } from '../model/call.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { type PlaceInReaction, ReactionFailed } from '../model/event-errors.ts'
import { limits } from '../model/limits.ts'
import { CheckpointConflict } from '../model/shelf-errors.ts'
import type { Tracer } from '../model/tracer.ts'
import {
  afterDeadline,
  afterEvent,
  type EnteredDeadline,
  isForgotten,
  isSettled,
  type Process,
  type Step,
} from './process.ts'
import { type Kept, type Place, type ProcessShelf, processShelf } from './process-shelf.ts'
import type { Concern, Reaction } from './reaction.ts'
import { inReactionSpan } from './reaction-span.ts'
import { sendUnsent } from './send-unsent.ts'
import { type TimedItems, timedItems } from './timed-items.ts'

/** What a reaction needs of a store: any store has it, embedded or remote. */
export type ReactionStore = Pick<EventStore, 'capabilities' | 'subscribe' | 'head' | 'shelf' | 'tracer'>

/** What a run of a reaction needs beyond the reaction. */
export interface RunOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly attemptsMax: number
  /** Gives a span to each event and deadline that is decided on. */
  readonly tracer: Tracer | undefined
  /** Where a reaction begins that never ran. */
  readonly from: number | 'end'
  /** Called whenever everything up to a position was handled. */
  readonly reached: (position: number) => void
}

/** Runs a reaction until the store closes; rejects with `signal.reason` when it is stopped. */
export async function runReaction(store: ReactionStore, reaction: Reaction, options: RunOptions): Promise<void> {
  // A subscription that waits can only be left by a signal.
  const leaving = new AbortController()
  const signal = AbortSignal.any([options.signal, leaving.signal])
  const shelf = processShelf(store.shelf, reaction.name, options)
  const run: Run = { store, reaction, shelf, options, ...(await begun(store, reaction, shelf, options)) }
  options.reached(run.position)
  const { filter } = reaction
  const from = run.position + 1
  const items = store.subscribe({ from, filter, marks: true, signal })[Symbol.asyncIterator]()
  try {
    await followed(run, timedItems(items, options.clock))
  } finally {
    leaving.abort()
    await items.return?.()
  }
}

/** A run and how far it has come. */
interface Run {
  readonly store: ReactionStore
  readonly reaction: Reaction
  readonly shelf: ProcessShelf
  readonly options: RunOptions
  /** Up to here nothing is decided. */
  readonly silentUntil: number
  /** Everything up to here was handled. */
  position: number
  savedPosition: number
  placeVersion: number
  /** Events handled since the place was saved. */
  unsavedEvents: number
  /** When the next deadline is due, or earlier. */
  dueAtMs: number | undefined
}

async function begun(store: ReactionStore, reaction: Reaction, shelf: ProcessShelf, options: RunOptions) {
  const { value: found, entryVersion } = await shelf.place()
  const { name, version, hasState } = reaction
  if (found !== undefined && found.version > version) {
    const problem =
      `is ${version}, but version ${found.version} of reaction ${JSON.stringify(name)} folded its states: ` +
      'run that version, or raise this one above it'
    throw new InvalidArgument('version', problem)
  }
  let place = found
  let placeVersion = entryVersion
  if (place?.version !== version) {
    const silentUntil = place === undefined ? await before(store, options) : Math.max(place.position, place.silentUntil)
    place = { version, position: hasState ? 0 : silentUntil, silentUntil }
    placeVersion = await shelf.savePlace(place, entryVersion)
  }
  const [next] = await shelf.deadlines(1)
  const { position, silentUntil } = place
  return { silentUntil, position, savedPosition: position, placeVersion, unsavedEvents: 0, dueAtMs: next?.dueAtMs }
}

/** The last position that a reaction which never ran only folds. */
async function before(store: ReactionStore, options: RunOptions): Promise<number> {
  const { from } = options
  return from === 'end' ? patiently(options, () => store.head()) : Math.max(from - 1, 0)
}

async function followed(run: Run, items: TimedItems<SubscriptionItem>): Promise<void> {
  const { store, options } = run
  /** Deadlines have come: they fire once everything up to here was handled. */
  let firesAt: number | undefined
  for (;;) {
    const next = await items.next(firesAt === undefined ? run.dueAtMs : undefined)
    options.signal.throwIfAborted()
    if (next === undefined) return
    if (next === 'time') firesAt = await patiently(options, () => store.head())
    else await handled(run, next)
    if (firesAt === undefined || run.position < firesAt) continue
    firesAt = undefined
    await fireDue(run)
  }
}

async function handled(run: Run, item: SubscriptionItem): Promise<void> {
  if (item.kind === 'event') {
    await reactedTo(run, item.event)
    run.unsavedEvents++
  }
  run.position = item.kind === 'event' ? item.event.position : item.position
  // A place that moved over nothing but what was filtered out need not be saved each time: others write all the time.
  const isDue =
    item.kind === 'event'
      ? run.unsavedEvents >= limits.reactionEvents
      : run.unsavedEvents > 0 || run.position - run.savedPosition >= limits.pageEvents
  if (isDue) await savePlace(run)
  run.options.reached(run.position)
}

async function savePlace(run: Run): Promise<void> {
  const { reaction, shelf, position, silentUntil } = run
  const place: Place = { version: reaction.version, position, silentUntil }
  run.placeVersion = await shelf.savePlace(place, run.placeVersion)
  run.savedPosition = position
  run.unsavedEvents = 0
}

async function reactedTo(run: Run, event: RecordedEvent): Promise<void> {
  const { reaction } = run
  const concerns = attempted(run, { event }, () => reaction.concerns(event))
  const processIds = new Set(concerns.map(({ processId }) => processId))
  for (const processId of processIds) {
    const own = concerns.filter((concern) => concern.processId === processId)
    // What is only folded is no reaction.
    const tracer = event.position > run.silentUntil ? run.options.tracer : undefined
    const occasion = { reaction: reaction.name, processId, position: event.position, event }
    await inReactionSpan(tracer, occasion, () => reactedIn(run, processId, event, own))
  }
}

async function reactedIn(run: Run, processId: string, event: RecordedEvent, own: readonly Concern[]): Promise<void> {
  const { reaction } = run
  const mode = event.position > run.silentUntil ? 'decide' : 'fold'
  const at = { event, processId }
  let kept = await loaded(run, processId)
  if (mode === 'decide') kept = await sent(run, processId, kept)
  const { value } = kept
  const step = attempted(run, at, () => afterEvent(reaction, value, own, mode))
  if (step === undefined) return
  kept = await saved(run, at, step, kept)
  if (mode === 'decide') await sent(run, processId, kept)
}

/** A process, unless a newer version of the reaction has folded its state: this one has been overtaken then. */
async function loaded({ reaction, shelf }: Run, processId: string): Promise<Kept<Process | undefined>> {
  const kept = await shelf.process(processId)
  if (kept.value !== undefined && kept.value.version > reaction.version) throw new CheckpointConflict(reaction.name)
  return kept
}

async function saved(
  run: Run,
  at: PlaceInReaction & { readonly processId: string },
  step: Step,
  { entryVersion }: Kept<unknown>,
): Promise<Kept<Process>> {
  for (const { dueAtMs } of step.entered) run.dueAtMs = Math.min(dueAtMs, run.dueAtMs ?? dueAtMs)
  try {
    return await run.shelf.saveStep(at.processId, step, entryVersion)
  } catch (cause) {
    // A state, or all that follows at once, is too large: that is the event's doing.
    if (isVarveError(cause, 'LIMIT_EXCEEDED')) throw new ReactionFailed(run.reaction.name, at, { cause })
    throw cause
  }
}

/** Fires deadlines that have come, up to a number, so that new events are looked at in between. */
async function fireDue(run: Run): Promise<void> {
  const { shelf, options } = run
  const due = await shelf.deadlines(limits.dueDeadlines)
  const nowMs = options.clock.now()
  const come = due.filter(({ dueAtMs }) => dueAtMs <= nowMs)
  // Who has been overtaken by another run is told here, before it fires anything.
  if (come.length > 0) await savePlace(run)
  for (const deadline of come) {
    options.signal.throwIfAborted()
    await fired(run, deadline)
  }
  const [next] = await shelf.deadlines(1)
  run.dueAtMs = next?.dueAtMs
}

async function fired(run: Run, deadline: EnteredDeadline): Promise<void> {
  const { reaction, shelf, options } = run
  const { processId, id } = deadline
  const kept = await sent(run, processId, await loaded(run, processId))
  const { value, entryVersion } = kept
  if (isForgotten(value, id)) {
    await shelf.removeProcess(processId, entryVersion)
    await shelf.strike(deadline)
    return
  }
  const open = value?.deadlines.find((one) => one.id === id)
  if (open === undefined) {
    if (isSettled(value, deadline, run.position)) await shelf.strike(deadline)
    return
  }
  const at = { event: open.cause, processId, deadline: open.name }
  const { position } = open.cause
  const occasion = { reaction: reaction.name, processId, position, deadline: open.name }
  await inReactionSpan(options.tracer, occasion, async () => {
    const step = attempted(run, at, () => afterDeadline(reaction, processId, value, id))
    if (step === undefined) return shelf.strike(deadline)
    // Its own deadline is struck off last: until its commands are sent it leads back here.
    const others = { ...step, struck: step.struck.filter((one) => one.id !== id) }
    await sent(run, processId, await saved(run, at, others, kept))
    await shelf.strike(deadline)
  })
}

/** Sends what a process has decided and may not have sent, and remembers that it did. */
async function sent(
  { reaction, shelf, options }: Run,
  processId: string,
  kept: Kept<Process | undefined>,
): Promise<Kept<Process | undefined>> {
  const { value, entryVersion } = kept
  if (value?.unsent === undefined) return kept
  const process = await sendUnsent(reaction, processId, value, options)
  return shelf.saveProcess(processId, process, entryVersion)
}

/** What rules of the user's make of something; what they throw says where it was. */
function attempted<Result>({ reaction }: Run, at: PlaceInReaction, rules: () => Result): Result {
  try {
    return rules()
  } catch (cause) {
    throw new ReactionFailed(reaction.name, at, { cause })
  }
}

/** Whether a failure is that the store was closed: an end that was asked for. */
export async function isOfClosedStore(store: ReactionStore, error: unknown): Promise<boolean> {
  const closed = [error, error instanceof Error ? error.cause : undefined]
  if (!closed.some((one) => isVarveError(one, 'STORE_CLOSED'))) return false
  return store.head().then(
    () => false,
    (reason: unknown) => isVarveError(reason, 'STORE_CLOSED'),
  )
}
