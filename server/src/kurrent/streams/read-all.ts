import { passes, queryFor } from './event-filter.ts'
import { kurrentEventOf } from './kurrent-event.ts'
import type { ReadRequest } from './read-request.ts'
import { type Reading, sendEvent } from './reading.ts'

/** Reads the store, upwards from a position on, or downwards from right below one. */
export async function readAll(reading: Reading, count: number): Promise<void> {
  const { store, request, signal } = reading
  const { filter, direction } = request
  const from = positionToBegin(request)
  if (from === undefined || count === 0) return
  const query = filter === undefined ? 'everything' : queryFor(filter)
  const limit = filter === undefined ? { limit: count } : {}
  let left = count
  for await (const stored of store.readAll({ from, direction, filter: query, ...limit, signal })) {
    const event = kurrentEventOf(stored)
    if (filter !== undefined && !passes(filter, event)) continue
    const full = sendEvent(reading, event)
    if (full !== undefined) await full
    left--
    if (left === 0) return
  }
}

/** Undefined when nothing can lie there. */
function positionToBegin({ from, direction }: ReadRequest): number | undefined {
  if (direction === 'forward') {
    if (from === 'end') return undefined
    return from === 'start' ? 1 : from
  }
  if (from === 'start') return undefined
  const position = from === 'end' ? Number.MAX_SAFE_INTEGER : from - 1
  return position < 1 ? undefined : position
}
