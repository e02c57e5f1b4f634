/**
 * What people do about projections, from anywhere: all of it goes through the shelf of the store, and the instances that run
 * the projections act on it when they next look, within a quarter of a lease.
 */

import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import { InvalidArgument } from '../model/errors.ts'
import { ParkedCountDiffers } from '../model/group-errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { isPosition } from '../model/position.ts'
import { NoSuchProjection, ProjectionBusy } from '../model/projection-errors.ts'
import type { ParkedInProjection, ProjectionStatus } from '../model/projection-status.ts'
import { checkWhole } from '../model/whole-number.ts'
import { changeControl, changePartition, checkName } from './change-entry.ts'
import { callingFor, type ProjectionControl, recordOf, withRebuild, withRetired } from './control.ts'
import {
  type PartitionEntry,
  type PartitionRequest,
  type ProjectionShelf,
  projectionShelf,
} from './projection-shelf.ts'
import { type StatusStore, statuses } from './status.ts'

const adminFields = fieldsOf<AdminOptions>({ clock: true })
const parkedFields = fieldsOf<ParkedInProjectionOptions>({ from: true, generation: true, clock: true })
const replayFields = fieldsOf<ReplayOptions>({ positions: true, expectedCount: true, generation: true, clock: true })
const skipFields = fieldsOf<OfGeneration & { readonly position: number }>({
  position: true,
  generation: true,
  clock: true,
})

/** What looking after projections needs of a store: any store has it, embedded or remote. */
export type AdminStore = StatusStore & Pick<EventStore, 'shelf'>

/** Options of the verbs that look after projections. */
export interface AdminOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

/** Options of the verbs that are about one generation. */
export interface OfGeneration extends AdminOptions {
  /** Default: the one that readers see. */
  readonly generation?: number | undefined
}

/**
 * How all projections that ever ran over a store are doing.
 *
 * @example
 * for (const { name, state, lagEvents } of await listProjections(store)) console.log(name, state, lagEvents)
 */
export async function listProjections(
  store: AdminStore,
  options: AdminOptions = {},
): Promise<readonly ProjectionStatus[]> {
  refuseUnknownOptions(options, adminFields, 'listProjections')
  const { clock = systemClock } = options
  return statuses(store, await projectionShelf(store.shelf).view(), clock.now())
}

/**
 * How one projection is doing.
 *
 * @throws NO_SUCH_PROJECTION
 */
export async function projectionStatus(
  store: AdminStore,
  name: string,
  options: AdminOptions = {},
): Promise<ProjectionStatus> {
  refuseUnknownOptions(options, adminFields, 'projectionStatus')
  checkName(name)
  const found = (await listProjections(store, options)).find((status) => status.name === name)
  if (found === undefined) throw new NoSuchProjection(name)
  return found
}

/**
 * Pauses a projection, all generations of it, until it is resumed: also across restarts and deployments. Batches under way are
 * finished. Pausing twice is fine.
 *
 * @throws NO_SUCH_PROJECTION
 */
export async function pauseProjection(store: Pick<EventStore, 'shelf'>, name: string): Promise<void> {
  await changeControl(projectionShelf(store.shelf), name, (control) => ({ ...control, wanted: 'paused' }))
}

/**
 * Lets a paused projection go on, and one that failed try again.
 *
 * @throws NO_SUCH_PROJECTION
 */
export async function resumeProjection(store: Pick<EventStore, 'shelf'>, name: string): Promise<void> {
  const shelf = projectionShelf(store.shelf)
  await changeControl(shelf, name, (control) => ({ ...control, wanted: 'running' }))
  const { partitions } = await shelf.view()
  const failed = partitions.filter(({ value }) => value.projection === name && value.state === 'failed')
  for (const { key } of failed) await changePartition(shelf, { name, key }, tryingAgain)
}

function tryingAgain({ failure: _, ...entry }: PartitionEntry): PartitionEntry {
  return entry.state === 'failed' ? { ...entry, state: 'new' } : entry
}

/**
 * Builds the read model anew, as a generation of its own beside the one that readers see, with the newest version that ran.
 * It is shown when it has caught up, or when {@link swapProjection} says so, as the instances are set.
 *
 * @returns the number of the new generation.
 * @throws NO_SUCH_PROJECTION; PROJECTION_BUSY while another one is being built.
 */
export async function rebuildProjection(
  store: Pick<EventStore, 'shelf' | 'head'>,
  name: string,
  options: AdminOptions = {},
): Promise<number> {
  refuseUnknownOptions(options, adminFields, 'rebuildProjection')
  const { clock = systemClock } = options
  const head = await store.head()
  const change = (control: ProjectionControl) => withRebuild(control, { nowMs: clock.now(), head }).control
  const { lastGeneration } = await changeControl(projectionShelf(store.shelf), name, change)
  return lastGeneration
}

/**
 * Shows readers another generation: the one that is being built, as soon as it has caught up; or one that was kept, at once,
 * which takes a swap back. The instances do it when they next look.
 *
 * @throws NO_SUCH_PROJECTION; PROJECTION_BUSY for a generation that is retired.
 */
export async function swapProjection(
  store: Pick<EventStore, 'shelf'>,
  name: string,
  generation: number,
): Promise<void> {
  checkGeneration(generation)
  await changeControl(projectionShelf(store.shelf), name, (control) => callingFor(control, generation))
}

/**
 * Ends a generation that readers do not see; the instances stop it and remove its read model.
 *
 * @throws NO_SUCH_PROJECTION; PROJECTION_BUSY for the one that readers see.
 */
export async function retireGeneration(
  store: Pick<EventStore, 'shelf'>,
  name: string,
  generation: number,
): Promise<void> {
  checkGeneration(generation)
  await changeControl(projectionShelf(store.shelf), name, (control) => withRetired(control, generation))
}

/** Options of {@link parkedInProjection}. */
export interface ParkedInProjectionOptions extends OfGeneration {
  /** The position to begin at. Default: the first. */
  readonly from?: number | undefined
}

/**
 * The events that a projection has set aside, by position.
 *
 * @throws NO_SUCH_PROJECTION, INVALID_ARGUMENT
 * @example
 * await using running = runProjections(store, [stock])
 * await running.waitFor('stock', await store.head())
 * for await (const { position, reason } of parkedInProjection(store, 'stock')) console.log(position, reason)
 */
export async function* parkedInProjection(
  store: Pick<EventStore, 'shelf'>,
  name: string,
  options: ParkedInProjectionOptions = {},
): AsyncGenerator<ParkedInProjection> {
  refuseUnknownOptions(options, parkedFields, 'parkedInProjection')
  const { from = 0 } = options
  checkWhole('from', from, 0)
  const shelf = projectionShelf(store.shelf)
  const generation = await generationOf(shelf, name, options)
  yield* shelf.parked(name, generation, from)
}

/** Which parked events are to be replayed. */
export interface ReplayOptions extends OfGeneration {
  /** Positions of events, or all that are parked. Of a parked key, the earlier events are replayed with a later one. */
  readonly positions: readonly number[] | 'all'
  /** How many that is: a replay of another number than somebody has looked at is refused. */
  readonly expectedCount: number
}

/**
 * Applies parked events after all, in their order; what fails again stays parked.
 *
 * @returns how many events were handed over to the instances that run them.
 * @throws PARKED_COUNT_DIFFERS when the number is another; nothing is replayed then. NO_SUCH_PROJECTION
 */
export async function replayInProjection(
  store: Pick<EventStore, 'shelf'>,
  name: string,
  given: ReplayOptions,
): Promise<number> {
  refuseUnknownOptions(given, replayFields, 'replayInProjection')
  const { positions, expectedCount, ...options }: Partial<ReplayOptions> = given ?? {}
  if (positions !== 'all' && !(Array.isArray(positions) && positions.every(isPosition))) {
    throw new InvalidArgument('positions', "is neither a list of positions nor 'all'")
  }
  checkWhole('expectedCount', expectedCount, 0)
  const shelf = projectionShelf(store.shelf)
  const generation = await generationOf(shelf, name, options)
  const chosen: ParkedInProjection[] = []
  for await (const event of shelf.parked(name, generation, 0)) {
    if (positions === 'all' || positions.includes(event.position)) chosen.push(event)
  }
  if (chosen.length !== expectedCount) throw new ParkedCountDiffers({ projection: name }, expectedCount, chosen.length)
  for (const [partition, events] of Map.groupBy(chosen, (event) => event.partition)) {
    const request = { kind: 'replay', positions: events.map(({ position }) => position) } as const
    await ask(shelf, { name, generation }, partition, request)
  }
  return chosen.length
}

/**
 * Passes over the event that a projection stopped at, for ever in this generation, and lets it try again. Nothing tells
 * later that it was passed over but the count of skipped events: parking keeps more.
 *
 * @throws PROJECTION_BUSY when it has not stopped at that event; NO_SUCH_PROJECTION
 */
export async function skipEvent(
  store: Pick<EventStore, 'shelf'>,
  name: string,
  given: OfGeneration & { readonly position: number },
): Promise<void> {
  refuseUnknownOptions(given, skipFields, 'skipEvent')
  const { position, ...options }: Partial<typeof given> = given ?? {}
  checkWhole('position', position, 0)
  const shelf = projectionShelf(store.shelf)
  const generation = await generationOf(shelf, name, options)
  const { partitions } = await shelf.view()
  const stopped = partitions.find(
    ({ value }) =>
      value.projection === name && value.generation === generation && value.failure?.event?.position === position,
  )
  if (stopped === undefined) throw new ProjectionBusy(name, `has not stopped at the event at position ${position}.`)
  await ask(shelf, { name, generation }, stopped.value.partition, { kind: 'skip', position })
}

async function ask(
  shelf: ProjectionShelf,
  { name, generation }: { readonly name: string; readonly generation: number },
  partition: number,
  request: PartitionRequest,
): Promise<void> {
  const { partitions } = await shelf.view()
  const kept = partitions.find(
    ({ value }) => value.projection === name && value.generation === generation && value.partition === partition,
  )
  if (kept === undefined) throw new NoSuchProjection(name, generation)
  await changePartition(shelf, { name, key: kept.key }, (entry) => {
    const asked = { ...entry, requests: [...entry.requests, request] }
    return request.kind === 'skip' ? tryingAgain(asked) : asked
  })
}

async function generationOf(shelf: ProjectionShelf, name: string, { generation }: OfGeneration): Promise<number> {
  checkName(name)
  if (generation !== undefined) checkGeneration(generation)
  const { value: control } = await shelf.control(name)
  if (control === undefined) throw new NoSuchProjection(name)
  const chosen = generation ?? control.published ?? control.lastGeneration
  return recordOf(control, chosen).generation
}

function checkGeneration(generation: unknown): void {
  if (!isPosition(generation)) throw new InvalidArgument('generation', 'is not the number of a generation')
}
