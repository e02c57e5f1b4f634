import type { Shelf } from '../engine/engine.ts'
import { type Patience, patiently } from '../engine/patience.ts'
import type { Checkpoint, Checkpoints, SaveCheckpointOptions } from '../event-store.ts'
import type { CheckpointOptions, SubscriptionItem } from '../model/call.ts'
import { callFields, checkpointFields } from '../model/call-fields.ts'
import type { Complete } from '../model/complete.ts'
import { InvalidArgument, isVarveError, LimitExceeded, StoreCorrupt } from '../model/errors.ts'
import { fieldsOf, type KnownFields, refuseUnknownFields, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import type { LogPositions } from '../model/log-shard.ts'
import { type Payload, toText } from '../model/payload.ts'
import { isPosition } from '../model/position.ts'
import { CheckpointConflict } from '../model/shelf-errors.ts'
import { checkWhole } from '../model/whole-number.ts'

const everyEventsDefault = 100

/** Fields of the options of `Checkpoints.save`. */
export const saveFields: KnownFields = fieldsOf<SaveCheckpointOptions>({ expectedVersion: true, signal: true })

/** Checkpoints on the shelf of an engine. */
export function shelfCheckpoints(shelf: Shelf): Checkpoints {
  return {
    load: async (name, options = {}) => {
      refuseUnknownOptions(options, callFields, 'load')
      const entry = await shelf.get(keyOf(name), options.signal)
      return entry && { ...placeFrom(name, entry.value), version: entry.version }
    },
    save: async (name, place, options = {}) => {
      refuseUnknownOptions(options, saveFields, 'save')
      checkPlace(place)
      const { expectedVersion, signal } = options
      if (expectedVersion !== undefined) checkWhole('expectedVersion', expectedVersion, 0)
      const value = JSON.stringify(typeof place === 'number' ? { position: place } : { positions: place })
      const version = await shelf.put(keyOf(name), value, { expectedVersion }, signal)
      if (version === 'conflict') throw new CheckpointConflict(name)
      return version
    },
  }
}

/**
 * Refuses what is no place to keep.
 *
 * @throws INVALID_ARGUMENT
 */
export function checkPlace(place: unknown): asserts place is number | LogPositions {
  if (typeof place === 'number') {
    checkWhole('position', place, 0)
  } else if (!isPlaces(place)) {
    throw new InvalidArgument('position', 'is neither a whole number from 0 on nor a list of one for each log shard')
  }
}

function isPlaces(value: unknown): value is LogPositions {
  return Array.isArray(value) && value.length > 0 && value.length <= limits.logShards && value.every(isPosition)
}

/** The options of a checkpoint, complete. */
export function normalCheckpoint(options: string | CheckpointOptions): Complete<CheckpointOptions> {
  if (typeof options === 'object' && options !== null) refuseUnknownFields(options, checkpointFields, 'checkpoint')
  const { name, everyEvents = everyEventsDefault } = typeof options === 'string' ? { name: options } : options
  checkName(name)
  checkWhole('checkpoint.everyEvents', everyEvents, 1)
  return { name, everyEvents }
}

/**
 * Passes items on and saves how far the reader has come. An item's turn is over when the reader asks for the next one,
 * so an event whose handler threw, or during which the loop was left, is delivered again.
 */
export async function* keepPlace(
  items: AsyncIterable<SubscriptionItem>,
  checkpoints: Checkpoints,
  { name, everyEvents, version, followed, patience }: KeepPlaceOptions,
): AsyncGenerator<SubscriptionItem> {
  let saved: { readonly places: LogPositions | undefined; readonly version: number } = { places: undefined, version }
  // Where the reader is. A list of its own that is written into: with each event, one place of it moves.
  const places: number[] = []
  let unsavedEvents = 0
  let failed = false

  async function save(write: (place: NewPlace) => Promise<number>): Promise<void> {
    if (places.length === 0 || !places.some((place, index) => place > (saved.places?.[index] ?? -1))) return
    const place = [...places]
    const [only] = place as [number]
    const after = { name, place: place.length === 1 ? only : place, expectedVersion: saved.version }
    saved = { places: place, version: await write(after) }
    unsavedEvents = 0
  }

  try {
    for await (const item of items) {
      yield item
      move(places, item, followed)
      if (item.kind === 'event') unsavedEvents++
      if (item.kind === 'caught_up' || unsavedEvents >= everyEvents) {
        await save((place) => savePatiently(checkpoints, place, patience))
      }
    }
  } catch (error) {
    failed = true
    throw error
  } finally {
    // Once, for whoever leaves does not want to wait for a store that is away.
    await save((place) => saveOnce(checkpoints, place)).catch((error: unknown) => {
      // A store that closed meanwhile keeps the older place; the events since then come again, as promised. And what ended
      // the subscription says more than that its place could not be saved after that.
      if (!failed && !isVarveError(error, 'STORE_CLOSED')) throw error
    })
  }
}

interface NewPlace {
  readonly name: string
  readonly place: number | LogPositions
  readonly expectedVersion: number
}

function saveOnce(checkpoints: Checkpoints, { name, place, expectedVersion }: NewPlace): Promise<number> {
  return checkpoints.save(name, place, { expectedVersion })
}

/** Waits for a store that is away, as the reads of a subscription do. */
function savePatiently(checkpoints: Checkpoints, next: NewPlace, patience: Patience): Promise<number> {
  return patiently(patience, async (earlier) => {
    try {
      return await saveOnce(checkpoints, next)
    } catch (error) {
      // The attempt before may have saved it, and only its answer was lost.
      const found =
        earlier && isVarveError(error, 'CHECKPOINT_CONFLICT') ? await checkpoints.load(next.name) : undefined
      if (found === undefined || !isSaved(found, next)) throw error
      return found.version
    }
  })
}

function isSaved({ position, positions, version }: Checkpoint, { place, expectedVersion }: NewPlace): boolean {
  const isSame =
    typeof place === 'number'
      ? positions === undefined && position === place
      : positions?.length === place.length && place.every((one, index) => one === positions[index])
  return isSame && version === expectedVersion + 1
}

function move(places: number[], item: SubscriptionItem, { isOneStream, places: count }: KeptPlaces): void {
  if (item.kind !== 'event') {
    const { position, positions } = item
    for (let index = 0; index < count; index++) places[index] = count === 1 ? position : (positions?.[index] ?? 0)
  } else if (isOneStream) {
    places[0] = item.event.version
  } else {
    // With several shards a mark came first, and named a place in each.
    places[item.event.position % count] = item.event.position
  }
}

/** Options of {@link keepPlace}. */
export interface KeepPlaceOptions extends Complete<CheckpointOptions> {
  /** Version of the checkpoint when it was loaded, 0 when it was not there. */
  readonly version: number
  readonly followed: KeptPlaces
  /** How a store is waited for that is away. */
  readonly patience: Patience
}

/** What is followed, as far as it says what a place is: a version of one stream, or a position for each log shard. */
export interface KeptPlaces {
  readonly isOneStream: boolean
  readonly places: number
}

function keyOf(name: string): string {
  checkName(name)
  return `checkpoint/${name}`
}

function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new InvalidArgument('checkpoint', 'is not a non-empty string')
  }
  if (name.length > limits.checkpointNameChars) throw new LimitExceeded('checkpointNameChars', name.length)
}

function placeFrom(name: string, value: Payload): Omit<Checkpoint, 'version'> {
  const { position, positions } = JSON.parse(toText(value)) as Partial<Record<keyof Checkpoint, unknown>>
  if (isPlaces(positions)) return { position: Math.max(...positions), positions }
  if (!isPosition(position)) throw new StoreCorrupt(`checkpoint ${JSON.stringify(name)} holds no position`)
  return { position }
}
