/** Parked events: one entry of the shelf each, under the id of their group and in the order of their places. */
import type { CallOptions } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { StoreShelf } from '../model/shelf.ts'
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

/** Digits of the largest position there is. */
const placeDigits = 16

/** Puts an event with the parked ones. Doing it again changes nothing but the time. */
export async function park(
  shelf: StoreShelf,
  groupId: string,
  { place, key, reason, attempts }: Chore,
  { event, nowMs }: { readonly event: RecordedEvent; readonly nowMs: number },
): Promise<void> {
  const { id, type, streamId } = event
  const parkedAt = new Date(nowMs).toISOString()
  const about = { position: place, eventId: id, eventType: type, streamId }
  const entry: ParkedEntry = { ...about, reason, attempts, parkedAt, key: key ?? null }
  await shelf.put(keyOf(groupId, place), entry)
}

/** Takes an event away from the parked ones, if it is among them. */
export async function removeParked(shelf: StoreShelf, groupId: string, place: number): Promise<void> {
  await shelf.delete(keyOf(groupId, place))
}

/** What is parked after a place, in the order of their places, with what their keys come to. */
export async function* listParked(
  shelf: StoreShelf,
  groupId: string,
  { after, limit, signal }: { readonly after: number; readonly limit?: number } & CallOptions,
): AsyncGenerator<ParkedEvent & { readonly key: number | undefined }> {
  const options = { prefix: prefixOf(groupId), after: keyOf(groupId, after), ...(signal && { signal }) }
  for await (const { value } of shelf.list({ ...options, ...(limit !== undefined && { limit }) })) {
    const { key, ...parked } = value as ParkedEntry
    yield { ...parked, key: key ?? undefined }
  }
}

/** Whether an event is among the parked ones. */
export async function isParked(shelf: StoreShelf, groupId: string, place: number): Promise<boolean> {
  return (await shelf.get(keyOf(groupId, place))) !== undefined
}

function prefixOf(groupId: string): string {
  return `group-parked/${groupId}/`
}

function keyOf(groupId: string, place: number): string {
  return prefixOf(groupId) + String(place).padStart(placeDigits, '0')
}
