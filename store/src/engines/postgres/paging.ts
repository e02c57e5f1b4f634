import type { Page, ReadQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { emptyStream, type StreamState } from '../../model/stream.ts'
import type { Row } from './driver.ts'
import { bytesOf, storedEvent } from './rows.ts'

/** How the events of a store lie. */
export type Layout = 'one_table' | 'parts'

/** Which way a page is read. */
export type Direction = ReadQuery['direction']

/** The first and the last place there is. */
export interface Range {
  readonly first: number
  readonly last: number
}

/** The columns of an index in the order of reading. */
export const inOrder = (of: string, columns: readonly string[], order: string): string =>
  columns.map((column) => `${of}.${column}${order}`).join(', ')

/** The rows of a page: no more than $2, and none that begins after $3 bytes. */
export const bounded = (rows: string, columns: readonly string[], order: string): string => `
  select b.* from (
    select r.*, sum(${bytesOf('r')}) over (order by ${inOrder('r', columns, order)} rows unbounded preceding)
      - (${bytesOf('r')}) as size_before
    from (${rows} order by ${inOrder('e', columns, order)} limit $2) as r) as b
  where b.size_before < $3`

/** The events of a page whose rows have their columns from `at` on. */
export function eventsIn(rows: readonly Row[], at: number): readonly StoredEvent[] {
  // A page without events is one row that says where the store stands.
  return typeof rows[0]?.[at] === 'string' ? rows.map((row) => storedEvent(row, at)) : []
}

/** The state of the stream that a page is of, in the columns from 2 on. */
export function stateIn(row: Row | undefined): StreamState {
  if (typeof row?.[2] !== 'string') return emptyStream
  return { version: Number(row[2]), truncateBefore: Number(row[3]), tombstoned: row[4] === 't' }
}

/** The places that a stream still shows. */
export function shownOf({ version, truncateBefore, tombstoned }: StreamState): Range {
  return { first: tombstoned ? version + 1 : truncateBefore, last: version }
}

/**
 * Where a reader goes on after these events of a page that was not cut short by a horizon: right behind the last one;
 * without any, nothing more lay in this direction.
 */
export function placeAfter(
  events: readonly StoredEvent[],
  { direction, from, limit }: Pick<ReadQuery, 'direction' | 'from' | 'limit'>,
  range: Range,
  placeOf: (event: StoredEvent) => number,
): Pick<Page, 'next' | 'end'> {
  const lastRead = events.at(-1)
  if (lastRead !== undefined) return placeBehind(placeOf(lastRead), direction, range)
  const { first, last } = range
  if (limit === 0) {
    return direction === 'forward'
      ? { next: from, end: from > last }
      : { next: Math.min(from, last), end: from < first }
  }
  return direction === 'forward' ? { next: Math.max(from, last + 1), end: true } : { next: 0, end: true }
}

/** Where a reader goes on that has seen everything up to a place. */
export function placeBehind(place: number, direction: Direction, { first, last }: Range): Pick<Page, 'next' | 'end'> {
  if (direction === 'forward') return { next: place + 1, end: place >= last }
  return place <= first ? { next: 0, end: true } : { next: place - 1, end: false }
}
