import { bytesOf, eventColumns, headRow, headRowInParts } from './rows.ts'
import { type FilteredRead, walkedTo } from './walked.ts'

/**
 * A filtered page of events in parts: see filter.ts, which it does the same as. Indexes are walked, and events fetched, by
 * functions that have to do with no more parts than they need (migrations/0007-reading-parts.ts).
 */

/** The last position there can be. */
const last = '9223372036854775807'

/** One kind of way in that leads through the parts. */
interface WayThroughParts {
  readonly number: number
  readonly way: 'type' | 'category'
  /** The parameter that holds the terms. */
  readonly terms: string
}

/** The walk along the terms of one kind. */
export function walkInParts(schema: string, read: FilteredRead, { number, way, terms }: WayThroughParts): string {
  const [low, high] = read.direction === 'forward' ? ['$1::bigint', last] : ['1', '$1::bigint']
  return `select w.position, ${number} as kind, w.term
    from ${schema}.walk_in_parts('${way}', ${terms}, ${low}, ${high}, $4, ${read.direction === 'backward'}) as w`
}

/** The walk along all positions, which have no holes. */
export function wholeLogWalkInParts(schema: string, { direction }: FilteredRead): string {
  const range =
    direction === 'forward'
      ? 'greatest($1::bigint, h.archived_until + 1), least($1::bigint + $4 - 1, h.position)'
      : 'least($1::bigint, h.position), greatest(least($1::bigint, h.position) - $4 + 1, h.archived_until + 1), -1'
  return `select w.position, 0 as kind, '' as term from ${headRow(schema)} cross join generate_series(${range}) as w (position)`
}

/** The page that the walks lead to. */
export function pageTextInParts(
  schema: string,
  read: FilteredRead,
  walks: readonly string[],
  predicate: string,
): string {
  const [order, within] = read.direction === 'forward' ? ['', '<='] : [' desc', '>=']
  return `with ${walkedTo(read, walks)},
  matching as (
    select e.*, sum(${bytesOf('e')}) over (order by e.position${order} rows unbounded preceding) as size_until
    from (
      select e.* from ${schema}.events_at(array(
        select distinct w.position from walked w
        where (select at from horizon) is null or w.position ${within} (select at from horizon))) as e
      where e.position is not null and (${predicate}) order by e.position${order} limit $2) as e)
  select h.position, h.archived_until, z.at, case when h.archived_until > 0 then (select min(w.position) from walked w) end,
    ${eventColumns('e')}
  from ${headRowInParts(schema)} cross join horizon z left join matching e on e.size_until - (${bytesOf('e')}) < $3
  order by e.position${order}`
}
