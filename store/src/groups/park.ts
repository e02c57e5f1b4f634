/**
 * Parked events: one entry of the shelf each, under the id of their group and in the order of their places.
 *
 * absent > parked > (parked again) > over
 *
 * Every write names the version it replaces, and an event that has come to its end leaves a mark instead of nothing: a
 * program that was stopped in the middle of parking, or a request that took its time, finds another version than it knew
 * however late it comes. Without the mark it would find nothing, as at first, and park an event that was finished since.
 */
import type { CallOptions } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { ShelfItem, StoreShelf } from '../model/shelf.ts'
import { isConflict } from './group-shelf.ts'
import type { Chore } from './group-state.ts'

/** An event that was put aside. */
export interface ParkedEvent {
  /** Of the event; of a group on one stream, its version. */
  readonly position: number
  readonly eventId: string
  readonly eventType: string
  readonly streamId: string
  /** What the consumer said, or what became of the delivery. */
  readonly reason: string
  /** Deliveries that failed. */
  readonly attempts: number
  /** ISO 8601 in UTC, by the clock of the program that parked it. */
  readonly parkedAt: string
}

interface ParkedEntry extends ParkedEvent {
  readonly key: number | null
}

/** What stays of an event that is not parked any more and never will be. */
const over = { isOver: true } as const

/** Digits of the largest position there is. */
const placeDigits = 16

/** How parking an event went: not at all when it is somebody else's to do, or when it came to its end before. */
export type Parking = 'parked' | 'not due' | 'over'

/** Puts an event with the parked ones, if that is still to be done once it is known what is there. */
export async function park(
  shelf: StoreShelf,
  groupId: string,
  { place, key, reason, attempts }: Chore,
  { event, nowMs, isDue }: { readonly event: RecordedEvent; readonly nowMs: number; readonly isDue: () => boolean },
): Promise<Parking> {
  const { id, type, streamId } = event
  const parkedAt = new Date(nowMs).toISOString()
  const about = { position: place, eventId: id, eventType: type, streamId }
  const entry: ParkedEntry = { ...about, reason, attempts, parkedAt, key: key ?? null }
  for (;;) {
    const found = await shelf.get(keyOf(groupId, place))
    if (!isDue()) return 'not due'
    if (found !== undefined && isOver(found)) return 'over'
    if (await wrote(shelf, keyOf(groupId, place), entry, found?.version ?? 0)) return 'parked'
  }
}

/** Takes an event away from the parked ones for good, if it is among them. */
export async function removeParked(shelf: StoreShelf, groupId: string, place: number): Promise<void> {
  for (;;) {
    const found = await shelf.get(keyOf(groupId, place))
    if (found === undefined || isOver(found)) return
    if (await wrote(shelf, keyOf(groupId, place), over, found.version)) return
  }
}

/** What is parked after a place, in the order of their places. */
export async function* listParked(
  shelf: StoreShelf,
  groupId: string,
  { after, signal }: { readonly after: number } & CallOptions,
): AsyncGenerator<ParkedEvent> {
  const from = { prefix: prefixOf(groupId), after: keyOf(groupId, after) }
  for await (const item of shelf.list({ ...from, ...(signal && { signal }) })) {
    if (isOver(item)) continue
    const { key: _, ...parked } = item.value as ParkedEntry
    yield parked
  }
}

/** Some parked events, with what their keys come to. */
export interface ParkedPage {
  readonly events: readonly { readonly place: number; readonly key: number | undefined }[]
  /** All that lie parked up to here are among the events; undefined when there are no more at all. */
  readonly through: number | undefined
}

/** The first parked events after a place. */
export async function parkedPage(
  shelf: StoreShelf,
  groupId: string,
  { after, limit, signal }: { readonly after: number; readonly limit: number } & CallOptions,
): Promise<ParkedPage> {
  const from = { prefix: prefixOf(groupId), after: keyOf(groupId, after), limit }
  const items = await shelf.list({ ...from, ...(signal && { signal }) }).toArray()
  const last = items.at(-1)
  const parked = items.filter((item) => !isOver(item)).map(({ value }) => value as ParkedEntry)
  return {
    events: parked.map(({ position, key }) => ({ place: position, key: key ?? undefined })),
    through: last === undefined || items.length < limit ? undefined : placeFrom(last),
  }
}

/** Whether an event is among the parked ones. */
export async function isParked(shelf: StoreShelf, groupId: string, place: number): Promise<boolean> {
  const found = await shelf.get(keyOf(groupId, place))
  return found !== undefined && !isOver(found)
}

/** Removes whatever is there of a group that is no more. */
export async function clearParked(shelf: StoreShelf, groupId: string): Promise<void> {
  for await (const { key } of shelf.list({ prefix: prefixOf(groupId) })) await shelf.delete(key)
}

async function wrote(shelf: StoreShelf, key: string, value: unknown, expectedVersion: number): Promise<boolean> {
  try {
    await shelf.put(key, value, { expectedVersion })
    return true
  } catch (error) {
    if (isConflict(error)) return false
    throw error
  }
}

function isOver({ value }: ShelfItem): boolean {
  return (value as Partial<typeof over>).isOver === true
}

function prefixOf(groupId: string): string {
  return `group-parked/${groupId}/`
}

function keyOf(groupId: string, place: number): string {
  return prefixOf(groupId) + String(place).padStart(placeDigits, '0')
}

function placeFrom({ key }: ShelfItem): number {
  return Number(key.slice(-placeDigits))
}
