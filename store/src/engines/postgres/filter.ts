import type { Page } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { EventsArchived } from '../../model/event-errors.ts'
import { payloadBytes } from '../../model/payload.ts'
import type { NormalQueryItem } from '../../model/query.ts'
import { categoryOf } from '../../model/stream.ts'
import type { PostgresQuery, Row } from './driver.ts'
import { pageTextInParts, walkInParts, wholeLogWalkInParts } from './filter-parts.ts'
import { encodeName } from './names.ts'
import { eventsIn, type Layout, placeAfter, placeBehind } from './paging.ts'
import { bytesOf, eventColumns, headRow } from './rows.ts'
import { type FilteredRead, walkedTo } from './walked.ts'

/**
 * A filtered read of the log. Every item names a way in: its first tag, else its types, else its categories, else the
 * whole log. Each way in is a range of an index, walked in order of position for so many entries; what lies beyond the
 * shortest of those walks is left for the next page. So a page costs the same whether ten events in a million match or all.
 */

/** Entries that all ways in of one page may walk together. */
const walkEntries = 40_000

/** Entries that one way in walks at the least, so that pages of queries with very many terms still get on. */
const walkEntriesMin = 16

/** The last position there can be. */
const last = '9223372036854775807'

const category = (event: string): string => `split_part(${event}.stream_id, '-', 1)`

/** One kind of way in: an index and the terms looked up in it. */
interface WayIn {
  readonly number: number
  readonly table: string
  /** The first column of the index. */
  readonly term: string
  /** The parameter that holds the terms. */
  readonly terms: string
}

/** The terms by which a query enters the log. */
interface WaysIn {
  readonly tags: Set<string>
  readonly types: Set<string>
  readonly categories: Set<string>
  wholeLog: boolean
  /** True when every entry walked is a match. */
  exact: boolean
}

/** How the entries of one kind are walked, and how a page is made of all walks. `terms` is a parameter of type text[]. */
interface Walking {
  tags(terms: string): string
  types(terms: string): string
  categories(terms: string): string
  wholeLog(): string
  page(walks: readonly string[], predicate: string): string
}

/**
 * The query of a filtered page. Columns: head, archived, horizon (null: all was walked), the lowest position walked (asked
 * for only where events are archived), then an event's, null when none matched.
 */
export function filteredQuery(schema: string, read: FilteredRead, layout: Layout): PostgresQuery {
  const ways = waysIn(read.items)
  const count = ways.tags.size + ways.types.size + ways.categories.size + Number(ways.wholeLog)
  const wanted = ways.exact ? read.limit : Math.max(2 * read.limit, 2_000)
  const walk = Math.max(Math.min(wanted, Math.floor(walkEntries / count)), walkEntriesMin)
  const values: unknown[] = [read.from, read.limit, read.maxBytes, walk]
  const bind = (value: unknown): string => `$${values.push(value)}`
  const terms = (set: ReadonlySet<string>, stored = encodeName): string => `${bind([...set].map(stored))}::text[]`
  const walking = layout === 'parts' ? walkingInParts(schema, read) : walkingInOneTable(schema, read)
  const walks = [
    ...(ways.tags.size === 0 ? [] : [walking.tags(terms(ways.tags))]),
    ...(ways.types.size === 0 ? [] : [walking.types(terms(ways.types))]),
    ...(ways.categories.size === 0 ? [] : [walking.categories(terms(ways.categories, indexed))]),
    ...(ways.wholeLog ? [walking.wholeLog()] : []),
  ]
  const predicate = ways.exact ? 'true' : read.items.map((item) => `(${itemPredicate(item, bind)})`).join(' or ')
  return { text: walking.page(walks, predicate), values }
}

function walkingInOneTable(schema: string, read: FilteredRead): Walking {
  return {
    tags: (terms) => walkOf(schema, read, { number: 1, table: 'event_tags', term: 'x.tag', terms }),
    types: (terms) => walkOf(schema, read, { number: 2, table: 'events', term: 'x.type', terms }),
    categories: (terms) =>
      walkOf(schema, read, { number: 3, table: 'events', term: `left(${category('x')}, 300)`, terms }),
    wholeLog: () => wholeLogWalk(schema, read),
    page: (walks, predicate) => pageText(schema, read, walks, predicate),
  }
}

/** The same where events lie in parts; tags do not. */
function walkingInParts(schema: string, read: FilteredRead): Walking {
  return {
    tags: (terms) => walkOf(schema, read, { number: 1, table: 'event_tags', term: 'x.tag', terms }),
    types: (terms) => walkInParts(schema, read, { number: 2, way: 'type', terms }),
    categories: (terms) => walkInParts(schema, read, { number: 3, way: 'category', terms }),
    wholeLog: () => wholeLogWalkInParts(schema, read),
    page: (walks, predicate) => pageTextInParts(schema, read, walks, predicate),
  }
}

/** The page that the rows of {@link filteredQuery} are. */
export function filteredPage(rows: readonly Row[], read: FilteredRead, layout: Layout): Page {
  const [head, archived, horizon] = [Number(rows[0]?.[0]), Number(rows[0]?.[1]), rows[0]?.[2]]
  const lowest = typeof rows[0]?.[3] === 'string' ? Number(rows[0][3]) : undefined
  const events = eventsIn(rows, 4)
  const range = { first: 1, last: head }
  const full = isFull(events, read)
  const seenTo = typeof horizon === 'string' ? Number(horizon) : undefined
  if (layout === 'parts' && archived > 0 && read.limit > 0) {
    const { tags, types, categories, wholeLog } = waysIn(read.items)
    // Of archived events the tags are still known, so that what only tags lead to is known not to be there.
    const reachesAll = tags.size === 0 || types.size + categories.size > 0 || wholeLog
    const reaches = reachesAll || (lowest ?? Number.POSITIVE_INFINITY) <= archived
    if (read.from <= archived && reaches) throw new EventsArchived(archived)
    const border = read.direction === 'backward' && reaches && !full && (seenTo ?? 0) <= archived
    if (border) return { events, next: archived, end: false, head }
  }
  if (!full && seenTo !== undefined) return { events, ...placeBehind(seenTo, read.direction, range), head }
  return { events, ...placeAfter(full ? events : [], read, range, (event) => event.position), head }
}

function waysIn(items: readonly NormalQueryItem[]): WaysIn {
  const ways: WaysIn = { tags: new Set(), types: new Set(), categories: new Set(), wholeLog: false, exact: true }
  for (const item of items) {
    const { tags, types, categories, streamPrefix } = item
    const [leading] = tags
    if (leading !== undefined) ways.tags.add(leading)
    else if (types.length > 0) for (const type of types) ways.types.add(type)
    else if (categories.length > 0) for (const one of categories) ways.categories.add(one)
    // A prefix that goes beyond the dash names its category.
    else if (streamPrefix.includes('-')) ways.categories.add(categoryOf(streamPrefix))
    else ways.wholeLog = true
    if (!isExact(item)) ways.exact = false
  }
  return ways
}

/** The index on categories knows their first 300 characters. */
function indexed(category: string): string {
  const stored = encodeName(category)
  return stored.length <= 300 ? stored : [...stored].slice(0, 300).join('')
}

function isExact({ tags, types, categories, streamPrefix }: NormalQueryItem): boolean {
  if (streamPrefix !== '') return false
  const kinds = Number(tags.length > 0) + Number(types.length > 0) + Number(categories.length > 0)
  return kinds === 1 && tags.length <= 1 && categories.every((one) => encodeName(one).length <= 300)
}

/**
 * Both ends of the range name term and position. With an equality on the term the planner may believe that walking the
 * whole log in order and throwing most of it away is as good, and for a rare term it is not.
 */
function walkOf(schema: string, read: FilteredRead, way: WayIn): string {
  const { table, term, terms } = way
  const [low, high] = read.direction === 'forward' ? ['$1::bigint', last] : ['0', '$1::bigint']
  const order = read.direction === 'forward' ? '' : ' desc'
  return `select w.position, ${way.number} as kind, w.term from (
      select t.term, x.position from unnest(${terms}) as t (term) cross join lateral (
        select x.position from ${schema}.${table} x
        where (${term}, x.position) >= (t.term, ${low}) and (${term}, x.position) <= (t.term, ${high})
        order by ${term}${order}, x.position${order} limit $4) as x) as w`
}

function wholeLogWalk(schema: string, read: FilteredRead): string {
  const [bound, order] = read.direction === 'forward' ? ['>=', ''] : ['<=', ' desc']
  return `select w.position, 0 as kind, '' as term from (
      select x.position from ${schema}.events x where x.position ${bound} $1::bigint order by x.position${order} limit $4) as w`
}

function itemPredicate(item: NormalQueryItem, bind: (value: unknown) => string): string {
  const parts: string[] = []
  if (item.types.length > 0) parts.push(`e.type = any (${bind(item.types.map(encodeName))}::text[])`)
  if (item.tags.length > 0) parts.push(`e.tags @> ${bind(item.tags.map(encodeName))}::text[]`)
  if (item.categories.length > 0)
    parts.push(`${category('e')} = any (${bind(item.categories.map(encodeName))}::text[])`)
  if (item.streamPrefix !== '') parts.push(`starts_with(e.stream_id, ${bind(encodeName(item.streamPrefix))}::text)`)
  return parts.join(' and ')
}

function pageText(schema: string, read: FilteredRead, walks: readonly string[], predicate: string): string {
  const [order, within] = read.direction === 'forward' ? ['', '<='] : [' desc', '>=']
  return `with ${walkedTo(read, walks)},
  matching as (
    select e.*, sum(${bytesOf('e')}) over (order by e.position${order} rows unbounded preceding) as size_until
    from (
      select e.* from (select distinct position from walked) as p
      cross join lateral (select e.* from ${schema}.events e where e.position = p.position limit 1) as e
      where (${predicate}) and ((select at from horizon) is null or p.position ${within} (select at from horizon))
      order by e.position${order} limit $2) as e)
  select h.position, h.archived_until, z.at, null, ${eventColumns('e')} from ${headRow(schema)} cross join horizon z
  left join matching e on e.size_until - (${bytesOf('e')}) < $3
  order by e.position${order}`
}

/** Whether a page was cut short by its limit or its size, and not by the horizon. */
function isFull(events: readonly StoredEvent[], { limit, maxBytes }: FilteredRead): boolean {
  if (events.length >= limit) return true
  const size = events.reduce((sum, event) => sum + payloadBytes(event.data) + payloadBytes(event.metadata), 0)
  return size >= maxBytes
}
