import type { Page, ReadQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { matchesQuery, type NormalQuery } from '../../model/query.ts'
import { searchSealed } from './filter.ts'
import { beginPage, type PageInHand } from './page.ts'
import type { ShardParts } from './shard.ts'
import { eventsIn, type View } from './tail.ts'

/** Pieces of what is sealed that one page reads at the most, so that a page that finds nothing comes to an end. */
const piecesMax = 256

/** Reads one page of the log, through the indexes as far as it is sealed, from memory behind that. */
export function readLog(shard: ShardParts, view: View, filter: NormalQuery, query: ReadQuery): Promise<Page> {
  return query.direction === 'forward' ? forward(shard, view, filter, query) : backward(shard, view, filter, query)
}

async function forward(shard: ShardParts, view: View, filter: NormalQuery, query: ReadQuery): Promise<Page> {
  const { head, sealed } = view
  const start = Math.max(query.from, 1)
  const page = beginPage(query)
  if (page.isFull || start > head) return pageAt(start)
  if (start <= sealed.position) {
    let reached = start - 1
    let pieces = 0
    for await (const { events, until } of searchSealed(shard, filter, { from: start, direction: 'forward', sealed })) {
      const left = take(page, events)
      if (left !== undefined) return pageAt(left.position)
      reached = until
      if (reached >= sealed.position || page.isFull || ++pieces >= piecesMax) break
    }
    if (reached < sealed.position) return pageAt(reached + 1)
  }
  const recent = eventsIn(view).filter((event) => event.position >= start && matchesQuery(filter, event))
  const left = take(page, recent)
  return pageAt(left === undefined ? head + 1 : left.position)

  function pageAt(next: number): Page {
    return { events: page.events, next, end: next > head, head }
  }
}

async function backward(shard: ShardParts, view: View, filter: NormalQuery, query: ReadQuery): Promise<Page> {
  const { head, sealed } = view
  const start = Math.min(query.from, head)
  const page = beginPage(query)
  if (page.isFull || start < 1) return pageAt(Math.max(start, 0))
  const recent = eventsIn(view).filter((event) => event.position <= start && matchesQuery(filter, event))
  const unread = take(page, recent.toReversed())
  if (unread !== undefined) return pageAt(unread.position)
  const from = Math.min(start, sealed.position)
  let [reached, pieces] = [from + 1, 0]
  if (from >= 1) {
    for await (const { events, until } of searchSealed(shard, filter, { from, direction: 'backward', sealed })) {
      const left = take(page, events)
      if (left !== undefined) return pageAt(left.position)
      reached = until
      if (reached <= 1 || page.isFull || ++pieces >= piecesMax) break
    }
  }
  return pageAt(Math.max(reached - 1, 0))

  function pageAt(next: number): Page {
    return { events: page.events, next, end: next < 1, head }
  }
}

/** The first event that had no room on the page. */
function take(page: PageInHand, events: readonly StoredEvent[]): StoredEvent | undefined {
  return events.find((event) => !page.add(event))
}
