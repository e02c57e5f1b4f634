import type { Shelf } from '../engine/engine.ts'
import type { Checkpoints } from '../event-store.ts'
import type { CheckpointOptions, SubscriptionItem } from '../model/call.ts'
import { InvalidArgument, isVarveError, LimitExceeded, StoreCorrupt } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { type Payload, toText } from '../model/payload.ts'
import { isPosition } from '../model/position.ts'
import { CheckpointConflict } from '../model/shelf-errors.ts'

const everyEventsDefault = 100

/** Checkpoints on the shelf of an engine. */
export function shelfCheckpoints(shelf: Shelf): Checkpoints {
  return {
    load: async (name, options = {}) => {
      const entry = await shelf.get(keyOf(name), options.signal)
      return entry && { position: positionFrom(name, entry.value), version: entry.version }
    },
    save: async (name, position, options = {}) => {
      if (!isPosition(position)) throw new InvalidArgument('position', 'is not a whole number from 0 on')
      const { expectedVersion, signal } = options
      if (expectedVersion !== undefined && !isPosition(expectedVersion)) {
        throw new InvalidArgument('expectedVersion', 'is not a whole number from 0 on')
      }
      const version = await shelf.put(keyOf(name), JSON.stringify({ position }), { expectedVersion }, signal)
      if (version === 'conflict') throw new CheckpointConflict(name)
      return version
    },
  }
}

/** The options of a checkpoint, complete. */
export function normalCheckpoint(options: string | CheckpointOptions): Required<CheckpointOptions> {
  const { name, everyEvents = everyEventsDefault } = typeof options === 'string' ? { name: options } : options
  checkName(name)
  if (!isPosition(everyEvents) || everyEvents === 0) {
    throw new InvalidArgument('checkpoint.everyEvents', 'is not a whole number from 1 on')
  }
  return { name, everyEvents }
}

/**
 * Passes items on and saves how far the reader has come. An item's turn is over when the reader asks for the next one,
 * so an event whose handler threw, or during which the loop was left, is delivered again.
 */
export async function* keepPlace(
  items: AsyncIterable<SubscriptionItem>,
  checkpoints: Checkpoints,
  options: KeepPlaceOptions,
): AsyncGenerator<SubscriptionItem> {
  let saved = { position: -1, version: options.version }
  let position = -1
  let unsavedEvents = 0

  async function save(): Promise<void> {
    if (position <= saved.position) return
    saved = { position, version: await checkpoints.save(options.name, position, { expectedVersion: saved.version }) }
    unsavedEvents = 0
  }

  try {
    for await (const item of items) {
      yield item
      position = item.kind === 'event' ? options.placeOf(item.event) : item.position
      if (item.kind === 'event') unsavedEvents++
      if (item.kind === 'caught_up' || unsavedEvents >= options.everyEvents) await save()
    }
  } finally {
    await save().catch((error: unknown) => {
      // A store that closed meanwhile keeps the older place; the events since then come again, as promised.
      if (!isVarveError(error, 'STORE_CLOSED')) throw error
    })
  }
}

/** Options of {@link keepPlace}. */
export interface KeepPlaceOptions extends Required<CheckpointOptions> {
  /** Version of the checkpoint when it was loaded, 0 when it was not there. */
  readonly version: number
  /** An event's position, or its version when one stream is followed. */
  readonly placeOf: (event: RecordedEvent) => number
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

function positionFrom(name: string, value: Payload): number {
  const { position } = JSON.parse(toText(value)) as { readonly position?: unknown }
  if (!isPosition(position)) throw new StoreCorrupt(`checkpoint ${JSON.stringify(name)} holds no position`)
  return position
}
