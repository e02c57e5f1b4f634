import type { Page, ReadQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { ownPayload, payloadBytes } from '../../model/payload.ts'

/** A page that is being filled, in the order of reading. */
export interface PageInHand {
  /** False: the page is full, and the event is not on it. */
  add(event: StoredEvent): boolean
  readonly isFull: boolean
  readonly events: Page['events']
}

/** An empty page for a query. */
export function beginPage({ limit, maxBytes }: Pick<ReadQuery, 'limit' | 'maxBytes'>): PageInHand {
  const events: StoredEvent[] = []
  let bytes = 0
  return {
    add: (event) => {
      if (events.length >= limit || bytes >= maxBytes) return false
      bytes += payloadBytes(event.data) + payloadBytes(event.metadata)
      // What a reader is given is its own.
      events.push({ ...event, data: ownPayload(event.data), metadata: ownPayload(event.metadata) })
      return true
    },
    get isFull() {
      return events.length >= limit || bytes >= maxBytes
    },
    events,
  }
}
