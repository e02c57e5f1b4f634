import { createHash } from 'node:crypto'
import { type EventStore, type LogPositions, positionsAfter, type RecordedEvent } from 'varve'
import type { Session } from './session.ts'

/**
 * Up to where a store is copied: of each of its log shards the position of the last event that is, and its id; 0 and an
 * empty id before the first.
 */
export interface CopiedPlace {
  readonly positions: LogPositions
  readonly ids: readonly string[]
}

/** What lies on the shelf of the copy: the form of old for a log of one order, lists for one in shards. */
type SavedPlace =
  | { readonly source: string; readonly position: number; readonly event_id: string }
  | { readonly source: string; readonly positions: LogPositions; readonly event_ids: readonly string[] }

/** Before the first event of every shard. */
export function placeOfNone(logShards: number): CopiedPlace {
  return { positions: Array.from({ length: logShards }, () => 0), ids: Array.from({ length: logShards }, () => '') }
}

/** The place with some events taken in. */
export function placeAfter(place: CopiedPlace, events: Iterable<RecordedEvent>): CopiedPlace {
  let { positions } = place
  const ids = [...place.ids]
  for (const event of events) {
    positions = positionsAfter(positions, event)
    ids[event.position % positions.length] = event.id
  }
  return { positions, ids }
}

/** The first of the last events of the shards that a store does not have where it was copied. */
export async function missingIn(
  store: EventStore,
  { positions, ids }: CopiedPlace,
  { signal }: Pick<Session, 'signal'>,
): Promise<{ readonly position: number; readonly id: string } | undefined> {
  for (const [shard, position] of positions.entries()) {
    const id = ids[shard] ?? ''
    if (position > 0 && (await idAt(store, shard, position, signal)) !== id) return { position, id }
  }
  return undefined
}

async function idAt(
  store: EventStore,
  shard: number,
  position: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const event = await store.readAll({ shard, from: position, limit: 1, signal }).first()
  return event?.position === position ? event.id : undefined
}

/** The place that an earlier run has saved. */
export async function loadPlace(
  copy: EventStore,
  source: string,
  { signal }: Pick<Session, 'signal'>,
): Promise<CopiedPlace | undefined> {
  const saved = (await copy.shelf.get(shelfKey(source), { signal }))?.value as SavedPlace | undefined
  if (saved === undefined) return undefined
  return 'positions' in saved
    ? { positions: saved.positions, ids: saved.event_ids }
    : { positions: [saved.position], ids: [saved.event_id] }
}

/** Saves a place, unless nothing is copied: what nobody has begun leaves nothing behind. */
export async function savePlace(copy: EventStore, source: string, { positions, ids }: CopiedPlace): Promise<void> {
  if (positions.every((position) => position === 0)) return
  const [position = 0, ...others] = positions
  const place: SavedPlace =
    others.length === 0 ? { source, position, event_id: ids[0] ?? '' } : { source, positions, event_ids: ids }
  await copy.shelf.put(shelfKey(source), place)
}

/** A URL may be longer than a key. */
function shelfKey(source: string): string {
  return `store-import:${createHash('sha256').update(source).digest('hex').slice(0, 32)}`
}
