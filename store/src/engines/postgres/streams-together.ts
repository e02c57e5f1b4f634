import type { ReadQuery } from '../../engine/engine.ts'
import type { Row } from './driver.ts'
import { encodeName } from './names.ts'
import { sentBytes } from './quick-pages.ts'
import { eventColumnNames, headRow, lastPlace, sentColumns } from './rows.ts'

/** A read of a stream, forward. */
export interface StreamRead {
  readonly query: ReadQuery
  readonly streamId: string
}

const noEvent = eventColumnNames.map((name) => `null as ${name}`).join(', ')
const theEvent = eventColumnNames.map((name) => `u.${name}`).join(', ')

/**
 * Pages of several streams, forward, each as `selectStreamQuickly` reads it (quick-pages.ts). $1: streams, $2: from, $3: bytes,
 * one number for all, $4: limits. Columns: as there, and last the number of the read, from 1 on, which is the first order.
 */
export const selectStreamsTogether = (schema: string): string => `
  with w as materialized (
    select w.nr, w.start, w.most, h.position as head, h.archived_until as archived,
      s.stream_no, s.version, s.truncate_before, s.tombstoned
    from unnest($1::text[], $2::bigint[], $4::bigint[]) with ordinality as w(stream_id, start, most, nr)
    cross join ${headRow(schema)}
    left join lateral (select s.* from ${schema}.streams s where s.stream_id = w.stream_id limit 1) as s on true
  )
  select u.head, u.archived, u.last, u.truncate_before, u.tombstoned, ${theEvent}, u.nr from (
    select w.nr, w.head, w.archived, w.version as last, w.truncate_before, w.tombstoned, 0::bigint as place, ${noEvent} from w
    union all
    select w.nr, null, null, null, null, null, e.version, ${sentColumns('e')} from w cross join lateral (
      select e.* from ${schema}.events e where not w.tombstoned and w.archived is null
        and (e.stream_no, e.version) >= (w.stream_no, greatest(w.start, w.truncate_before))
        and (e.stream_no, e.version) <= (w.stream_no, ${lastPlace})
      order by e.stream_no, e.version limit w.most) as e
  ) as u order by u.nr, u.place`

/** Bounds of one statement, so that it is over soon. */
const streamsMax = 16
const eventsMax = 1_000

/** How many streams had better be read together when so many events were on a page lately. */
export function mostTogether(lately: number): number {
  return Math.min(streamsMax, Math.floor(eventsMax / Math.max(lately, 1)))
}

/** The values of the statement. */
export function valuesOf(reads: readonly StreamRead[]): unknown[] {
  return [
    reads.map(({ streamId }) => encodeName(streamId)),
    reads.map(({ query }) => query.from),
    Math.max(...reads.map(({ query }) => sentBytes(query))),
    reads.map(({ query }) => query.limit),
  ]
}

/** The rows of each read, as they would be if it were alone. */
export function rowsOfEach(rows: readonly Row[], count: number): readonly (readonly Row[])[] {
  const each: Row[][] = Array.from({ length: count }, () => [])
  for (const row of rows) each[Number(row.at(-1)) - 1]?.push(row)
  return each
}
