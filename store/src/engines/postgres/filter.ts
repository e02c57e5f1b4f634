import type { StoredEvent } from '../../model/event.ts'
import { payloadBytes } from '../../model/payload.ts'
import type { NormalQueryItem } from '../../model/query.ts'
import { categoryOf } from '../../model/stream.ts'
import type { PostgresQuery } from './driver.ts'
import { encodeName } from './names.ts'
import { eventColumns } from './rows.ts'

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

/**
 * The one row of the head. A planner without statistics would plan for thousands of them, and find the whole so dear that
 * it compiles it first, which takes a second.
 */
export const headRow = (schema: string): string => `(select h.position from ${schema}.log_head h limit 1) as h`

/** What a filtered page is asked with. */
export interface FilteredRead {
  readonly items: readonly NormalQueryItem[]
  readonly direction: 'forward' | 'backward'
  readonly from: number
  readonly limit: number
  readonly maxBytes: number
}

/** One kind of way in: an index and the terms looked up in it. */
interface WayIn {
  readonly number: number
  readonly table: string
  /** The first column of the index. */
  readonly term: string
  /** The rows that hold the terms. */
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

/** The query of a filtered page. Columns: head, horizon (null: all was walked), then an event's, null when none matched. */
export function filteredQuery(schema: string, read: FilteredRead): PostgresQuery {
  const ways = waysIn(read.items)
  const count = ways.tags.size + ways.types.size + ways.categories.size + Number(ways.wholeLog)
  const wanted = ways.exact ? read.limit : Math.max(2 * read.limit, 2_000)
  const walk = Math.max(Math.min(wanted, Math.floor(walkEntries / count)), walkEntriesMin)
  const values: unknown[] = [read.from, read.limit, read.maxBytes, walk]
  const bind = (value: unknown): string => `$${values.push(value)}`
  const terms = (set: ReadonlySet<string>, stored = encodeName): string =>
    `unnest(${bind([...set].map(stored))}::text[])`
  const walks = [
    ...(ways.tags.size === 0
      ? []
      : [walkOf(schema, read, { number: 1, table: 'event_tags', term: 'x.tag', terms: terms(ways.tags) })]),
    ...(ways.types.size === 0
      ? []
      : [walkOf(schema, read, { number: 2, table: 'events', term: 'x.type', terms: terms(ways.types) })]),
    ...(ways.categories.size === 0
      ? []
      : [
          walkOf(schema, read, {
            number: 3,
            table: 'events',
            term: `left(${category('x')}, 300)`,
            terms: terms(ways.categories, indexed),
          }),
        ]),
    ...(ways.wholeLog ? [wholeLogWalk(schema, read)] : []),
  ]
  const predicate = ways.exact ? 'true' : read.items.map((item) => `(${itemPredicate(item, bind)})`).join(' or ')
  return { text: pageText(schema, read, walks, predicate), values }
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
      select t.term, x.position from ${terms} as t (term) cross join lateral (
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
  const [nearest, order, within] = read.direction === 'forward' ? ['min', '', '<='] : ['max', ' desc', '>=']
  const farthest = read.direction === 'forward' ? 'max' : 'min'
  return `with walked as materialized (${walks.join('\nunion all ')}),
  horizon as materialized (
    select ${nearest}(w.edge) as at from (
      select ${farthest}(position) as edge from walked group by kind, term having count(*) = $4) as w),
  matching as (
    select e.*, sum(coalesce(octet_length(e.data), octet_length(e.data_bytes))
      + coalesce(octet_length(e.metadata), octet_length(e.metadata_bytes)))
      over (order by e.position${order} rows unbounded preceding) as size_until
    from (
      select e.* from (select distinct position from walked) as p
      cross join lateral (select e.* from ${schema}.events e where e.position = p.position limit 1) as e
      where (${predicate}) and ((select at from horizon) is null or p.position ${within} (select at from horizon))
      order by e.position${order} limit $2) as e)
  select h.position, z.at, ${eventColumns('e')} from ${headRow(schema)} cross join horizon z
  left join matching e on e.size_until - coalesce(octet_length(e.data), octet_length(e.data_bytes))
    - coalesce(octet_length(e.metadata), octet_length(e.metadata_bytes)) < $3
  order by e.position${order}`
}

/** Whether a page was cut short by its limit or its size, and not by the horizon. */
export function isFull(events: readonly StoredEvent[], { limit, maxBytes }: FilteredRead): boolean {
  if (events.length >= limit) return true
  const size = events.reduce((sum, event) => sum + payloadBytes(event.data) + payloadBytes(event.metadata), 0)
  return size >= maxBytes
}
