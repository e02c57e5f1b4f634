/** The events of a group: those that come next, and single ones by their places. */
import type { EventStore } from '../event-store.ts'
import type { SubscriptionItem } from '../model/call.ts'
import type { GroupSettings } from '../model/consumer-group.ts'
import type { RecordedEvent } from '../model/event.ts'

/** What consumer groups need of a store: any store has it, embedded or remote. */
export type GroupStore = Pick<
  EventStore,
  'capabilities' | 'subscribe' | 'readAll' | 'readStream' | 'streamInfo' | 'head' | 'shelf' | 'tracer'
>

/** Places that lie as close together as this are read at once: reading what lies between costs less than another call. */
const gapMax = 64

/** The place of an event: its position, or its version where one stream is followed. */
export function placeOf({ stream }: Pick<GroupSettings, 'stream'>, event: RecordedEvent): number {
  return stream === undefined ? event.position : event.version
}

/** Everything of the group's after a place, for ever, with marks where nothing of the group's lies. */
export function following(
  store: GroupStore,
  { stream, filter }: GroupSettings,
  { after, signal }: { readonly after: number; readonly signal: AbortSignal },
): AsyncIterable<SubscriptionItem> {
  const source = stream === undefined ? { filter } : { stream }
  return store.subscribe({ ...source, from: after + 1, marks: true, signal })
}

/**
 * Events by their places, which rise. One that is missing from the answer cannot be read any more: its stream was
 * truncated, deleted or tombstoned since, of a group that follows it.
 */
export async function readPlaces(
  store: GroupStore,
  settings: GroupSettings,
  places: readonly number[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<number, RecordedEvent>> {
  const found = new Map<number, RecordedEvent>()
  const wanted = new Set(places)
  for (const { first, last } of stretchesOf(places)) {
    for await (const event of between(store, settings, { first, last, signal })) {
      const place = placeOf(settings, event)
      if (place > last) break
      if (wanted.has(place)) found.set(place, event)
    }
  }
  return found
}

function between(
  store: GroupStore,
  { stream, filter }: GroupSettings,
  { first, last, signal }: { readonly first: number; readonly last: number; readonly signal: AbortSignal | undefined },
): AsyncIterable<RecordedEvent> {
  const options = { from: first, limit: last - first + 1, ...(signal && { signal }) }
  return stream === undefined ? store.readAll({ ...options, filter }) : store.readStream(stream, options)
}

function stretchesOf(places: readonly number[]): readonly { readonly first: number; readonly last: number }[] {
  const stretches: { first: number; last: number }[] = []
  for (const place of places) {
    const current = stretches.at(-1)
    if (current !== undefined && place - current.last <= gapMax) current.last = place
    else stretches.push({ first: place, last: place })
  }
  return stretches
}
