/** Which consumer of a member gets which event, and what keeps events of one thing together. No clock, no I/O. */
import type { GroupSettings, GroupStrategy, PinnedBy } from '../model/consumer-group.ts'
import type { RecordedEvent } from '../model/event.ts'
import { categoryOf } from '../model/stream.ts'

/** An event on its way to a consumer. */
export interface Ready {
  readonly key: number | undefined
}

/** A consumer that waits for an event, among all of its member. */
export interface Asker {
  /** Its place among the consumers of its member, in the order in which they came. */
  readonly index: number
  readonly consumers: number
  /** Whether the consumer at a place waits for an event as well. */
  readonly isWaiting: (index: number) => boolean
  /** Whether it waits for one, or had one a moment ago and has room for more. */
  readonly keepsUp: (index: number) => boolean
}

/**
 * Which of the events a consumer gets, as an index; -1 for none. Where one event per key is held, which keeps the order, a
 * key goes to its own consumer, and to another one only while that one is busy: this is for caches, not for correctness.
 * Where many of a key may be handled, a second consumer would handle its next ones at the same time, so the key waits for
 * its own, however long the message timeout lets that one be.
 */
export function choose(strategy: GroupStrategy, ready: readonly Ready[], asker: Asker): number {
  if (strategy === 'single' && asker.index > 0) return -1
  if (strategy === 'overflow' && isAnyBefore(asker.index, asker.keepsUp)) return -1
  if (strategy !== 'pinned' && strategy !== 'sticky') return ready.length > 0 ? 0 : -1
  const ownerOf = ({ key = 0 }: Ready): number => key % asker.consumers
  const own = ready.findIndex((event) => ownerOf(event) === asker.index)
  if (own >= 0 || strategy === 'sticky') return own
  return ready.findIndex((event) => !asker.isWaiting(ownerOf(event)))
}

function isAnyBefore(index: number, matches: (index: number) => boolean): boolean {
  for (let before = 0; before < index; before++) if (matches(before)) return true
  return false
}

/** What the key of an event comes to, of a group that keeps the events of a key together. */
export function keyNumbers(
  { strategy, pinnedBy }: Pick<GroupSettings, 'strategy' | 'pinnedBy'>,
  keyOf: ((event: RecordedEvent) => string) | undefined,
): (event: RecordedEvent) => number | undefined {
  if (strategy !== 'pinned' && strategy !== 'sticky') return () => undefined
  return (event) => keyNumber(keyOfEvent(event, pinnedBy, keyOf))
}

function keyOfEvent(
  event: RecordedEvent,
  pinnedBy: PinnedBy,
  keyOf: ((event: RecordedEvent) => string) | undefined,
): string {
  const { streamId, tags } = event
  if (pinnedBy === 'consumer') return String(keyOf?.(event))
  if (pinnedBy === 'stream') return streamId
  if (pinnedBy === 'category') return categoryOf(streamId)
  if (pinnedBy === 'correlation') return event.metadata.correlationId ?? event.id
  const name = pinnedBy.slice('tag:'.length)
  return tags.find((tag) => tag.startsWith(`${name}:`)) ?? streamId
}

/**
 * A key as 32 bits (FNV-1a, over UTF-16 code units), which is what the group keeps of it: two keys that come to the same
 * number are kept in one order, which costs some speed and nothing else.
 */
function keyNumber(key: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
