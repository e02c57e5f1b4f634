import { type Envelope, type EventReader, limits, type RecordedEvent, toEnvelope } from 'varve'
import type { PageRange } from './range.ts'

/** One page of events as it is sent. */
export interface WirePage {
  readonly events: readonly Envelope[]
  /** Where the next page begins, also past events that did not match; 0 when a backward read came to the beginning. */
  readonly next: number
  readonly end: boolean
  /** The last position of the store. */
  readonly head: number
}

/** What a page is read from. */
export interface PageSource {
  readonly events: EventReader
  readonly range: PageRange
  readonly head: number
  /** The last place there was before the read began: a position, or a version when one stream is read. */
  readonly last: number
  readonly placeOf: (event: RecordedEvent) => number
}

/**
 * Reads one page. It ends early when its payloads grow large, so that a thousand large events are not one answer.
 * Because `last` was asked for before, a page that is not full has considered everything up to it.
 */
export async function pageFrom({ events, range, head, last, placeOf }: PageSource): Promise<WirePage> {
  const forward = range.direction === 'forward'
  const page: Envelope[] = []
  let size = 0
  let place = 0
  for await (const event of events) {
    page.push(toEnvelope(event))
    place = placeOf(event)
    size += event.rawData.length + event.rawMetadata.length
    if (size >= limits.pageBytes) break
  }
  const full = page.length === range.limit || size >= limits.pageBytes
  if (page.length === 0 && full) {
    const from = range.from ?? (forward ? 1 : last)
    return { events: page, next: from, end: forward ? from > last : from === 0, head }
  }
  if (!forward) return { events: page, next: full ? place - 1 : 0, end: !full || place <= 1, head }
  const passed = full ? place : Math.max(place, last, (range.from ?? 1) - 1)
  return { events: page, next: passed + 1, end: passed >= last, head }
}
