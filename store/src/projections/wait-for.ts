import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { NoSuchProjection, ProjectionStopped, WaitTimedOut } from '../model/projection-errors.ts'
import type { StoredFailure } from '../model/projection-status.ts'
import type { StoreShelf } from '../model/shelf.ts'
import { checkWhole } from '../model/whole-number.ts'
import { projectionShelf, type SharedView } from './projection-shelf.ts'
import { stateOf } from './status.ts'

const waitFields = fieldsOf<WaitOptions & { readonly clock?: Clock }>({ timeoutMs: true, signal: true, clock: true })

/** Options of a wait for a read model. */
export interface WaitOptions extends CallOptions {
  /** Default 30,000. */
  readonly timeoutMs?: number | undefined
}

/** What is known of a read model in this process, ahead of what the shelf says. */
export interface LocalProgress {
  /** Position of a partition that runs here; -1 before it has looked at its checkpoint. */
  positionOf(projection: string, generation: number, partition: number): number | undefined
  /** Whether readers of this process see a generation: after a restart, a target in memory shows none for a while. */
  isShown(projection: string, generation: number): Promise<boolean>
  /** Resolves when a partition that runs here has come further, or when the signal aborts. */
  further(signal: AbortSignal): Promise<void>
  /** Resolves when this process has shown readers another generation, or when the signal aborts. */
  shown(signal: AbortSignal): Promise<void>
}

/** What is waited for. */
export interface Wait extends WaitOptions {
  readonly projection: string
  readonly position: number
  readonly clock: Clock
  readonly local?: LocalProgress
}

/** Pauses between two looks at the shelf: short at first, since most waits are for what was just appended. */
const pauseMinMs = 10
const pauseMaxMs = 250

/** How long a look is waited for before those that wait begin another one, in milliseconds. */
const lookMaxMs = 5_000

/**
 * Resolves once the read model of a projection that runs anywhere over this store has everything up to a position.
 *
 * @throws PROJECTION_STOPPED at once when the projection has stopped before there, with what it stopped at; one that is paused
 *   is waited for. WAIT_TIMED_OUT after `timeoutMs`, default 30,000; NO_SUCH_PROJECTION
 * @example
 * await using running = runProjections(store, [stock])
 * const { position } = await store.append('Goods-1', [{ type: 'GoodsReceived', data: { sku: 'tea', quantity: 4 } }])
 * await running.waitFor('stock', 0)
 * await waitForProjection(store, 'stock', position, { timeoutMs: 5_000 })
 */
export async function waitForProjection(
  store: Pick<EventStore, 'shelf'>,
  projection: string,
  position: number,
  options: WaitOptions & { readonly clock?: Clock | undefined } = {},
): Promise<void> {
  refuseUnknownOptions(options, waitFields, 'waitForProjection')
  const { clock = systemClock, ...wait } = options
  await waitUntil(store, { ...wait, projection, position, clock })
}

/** The same with what this process knows before the shelf does. */
export async function waitUntil(store: Pick<EventStore, 'shelf'>, wait: Wait): Promise<void> {
  const { projection, position, clock, local, timeoutMs = 30_000, signal } = wait
  checkWhole('position', position, 0)
  checkWhole('timeoutMs', timeoutMs, 0)
  const untilMs = clock.now() + timeoutMs
  const before = looks.get(store.shelf)
  let seen: Seen = { position: -1, state: 'unknown', failures: [] }
  for (let pauseMs = pauseMinMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
    signal?.throwIfAborted()
    const look = await seenInTime(store.shelf, wait, untilMs)
    signal?.throwIfAborted()
    // Where nothing was seen in time, the last look tells.
    seen = look?.seen ?? seen
    const { position: actual, state, own, failures } = seen
    if (actual >= position) return
    // A partition that stopped beyond the position is not what the wait is for; and what was seen before the wait began may
    // have been mended since.
    const stopped = look?.at === before ? undefined : failures.find((one) => one.position < position)
    if (stopped !== undefined) throw new ProjectionStopped(projection, position, stopped)
    const restMs = untilMs - clock.now()
    // What this instance has just begun may not be on the shelf yet.
    if (state === undefined && local === undefined) throw new NoSuchProjection(projection)
    const facts = { position, actual: Math.max(0, actual), timeoutMs, state: state ?? 'new' }
    if (restMs <= 0) throw new WaitTimedOut(projection, facts)
    if (local === undefined) await clock.sleep(Math.min(pauseMs, restMs), signal)
    else if (own === undefined) await during(Math.min(pauseMs, restMs), wait, (over) => local.shown(over))
    else await during(Math.min(restMs, pauseMaxMs), wait, (over) => here(local, own, wait, over))
  }
}

/** A look at the shelf that is under way, or was just taken. */
interface Look {
  readonly atMs: number
  readonly view: Promise<SharedView>
  isOver: boolean
}

/** The last look at each shelf: all that wait share one at a time, since a look is the same for all of them. */
const looks = new WeakMap<StoreShelf, Look>()

/** What is on the shelf, or was a moment ago. Undefined when the time is over before it is seen, or the signal aborts. */
async function seenInTime(
  shelf: StoreShelf,
  wait: Wait,
  untilMs: number,
): Promise<{ readonly at: Look; readonly seen: Seen } | undefined> {
  const { clock, signal } = wait
  const over = new AbortController()
  const either = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
  const late = clock.sleep(Math.max(pauseMaxMs, untilMs - clock.now()), either).then(() => undefined)
  const at = lookAt(shelf, clock)
  const looking = at.view.then(async (view) => ({ at, seen: await seenHere(view, wait) }))
  return Promise.race([looking, late]).finally(() => over.abort())
}

/** How far a read model has come, as readers of this process see it. */
async function seenHere(view: SharedView, { projection, local }: Wait): Promise<Seen> {
  const published = view.controls.find(({ value }) => value.name === projection)?.value.published
  const isShown = published === undefined || local === undefined || (await local.isShown(projection, published))
  // Only now, since a partition that has begun here in the meantime knows more than the view.
  const { own, ...seen } = progressIn(view, projection, local)
  return isShown ? { ...seen, ...(own && { own }) } : { ...seen, position: -1 }
}

function lookAt(shelf: StoreShelf, clock: Clock): Look {
  const last = looks.get(shelf)
  if (last !== undefined && clock.now() - last.atMs < (last.isOver ? pauseMinMs : lookMaxMs)) return last
  const view = projectionShelf(shelf).view()
  const look: Look = { atMs: clock.now(), view, isOver: false }
  const end = (): void => {
    look.isOver = true
  }
  view.then(end, () => looks.delete(shelf))
  looks.set(shelf, look)
  return look
}

/** Waits for something of this process without asking the shelf, for a while. */
async function during(
  forMs: number,
  { clock, signal }: Pick<Wait, 'clock' | 'signal'>,
  waiting: (over: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController()
  const either = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
  await Promise.race([clock.sleep(forMs, either), waiting(either)])
  over.abort()
}

/** Waits until what runs in this process alone is there, or runs here no more. */
async function here(
  local: LocalProgress,
  { generation, partitions }: Local,
  { projection, position }: Wait,
  over: AbortSignal,
): Promise<void> {
  const numbers = Array.from({ length: partitions }, (_, index) => index + 1)
  const isOver = (): boolean => {
    const positions = numbers.map((partition) => local.positionOf(projection, generation, partition))
    // What runs here no more has stopped or gone elsewhere, as the shelf tells.
    return positions.includes(undefined) || positions.every((one = -1) => one >= position)
  }
  while (!over.aborted && !isOver()) await local.further(over)
}

/** A generation all of whose partitions run in this process. */
interface Local {
  readonly generation: number
  readonly partitions: number
}

/** How far a read model has come, as far as this process knows. */
interface Seen {
  readonly position: number
  readonly state: string | undefined
  /** Of the partitions that have stopped, with the position that each is at. */
  readonly failures: readonly { readonly position: number; readonly failure: StoredFailure }[]
  readonly own?: Local
}

function progressIn({ controls, partitions }: SharedView, projection: string, local: LocalProgress | undefined): Seen {
  const control = controls.find(({ value }) => value.name === projection)?.value
  if (control === undefined) return { position: -1, state: undefined, failures: [] }
  const shown = control.generations.find(({ generation }) => generation === control.published)
  // Before there is one for readers, the one on its way to them is what can fail.
  const record = shown ?? control.generations.at(-1)
  if (record === undefined) return { position: -1, state: 'new', failures: [] }
  const { generation } = record
  const entries = partitions
    .map(({ value }) => value)
    .filter((entry) => entry.projection === projection && entry.generation === generation)
  const failures = entries.flatMap(({ state, position, failure }) =>
    state === 'failed' && failure !== undefined ? { position, failure } : [],
  )
  const state = stateOf(control, record, entries)
  if (shown === undefined) return { position: -1, state, failures }
  const known = entries.map((entry) => local?.positionOf(projection, generation, entry.partition))
  const positions = entries.map((entry, index) => known[index] ?? entry.position)
  const isWhole = entries.length === record.partitions
  return {
    ...{ position: isWhole ? Math.min(...positions) : -1, state, failures },
    ...(isWhole && known.every((position) => position !== undefined) && { own: record }),
  }
}
