import type { Page, ReadQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { payloadBytes } from '../../model/payload.ts'
import type { Row } from './driver.ts'
import type { Direction } from './paging.ts'
import {
  eventColumnNames,
  headRow,
  lastPlace,
  mostPayloadBytes,
  payloadSize,
  sentColumns,
  storedEvent,
} from './rows.ts'

/**
 * Pages that nobody measures in the database: to sum up the sizes of rows takes it longer than to read them. It sends as
 * many events as a page may have, without payloads that are much larger than those of a full page, and the page is cut
 * here. Where such a payload has its place on the page, the page is asked for in the measured way (paging.ts), and so are
 * those after it until there is none.
 */

/** Payloads up to this size come with their events always. */
const smallBytes = 1_024

/** Of events that a page has no room for come no more bytes than so many pages have. */
const wastedPages = 3

/** Up to which size payloads come with their events. */
export function sentBytes({ limit, maxBytes }: Pick<ReadQuery, 'limit' | 'maxBytes'>): number {
  return Math.max(Math.ceil((maxBytes * (1 + wastedPages)) / Math.max(limit, 1)), smallBytes)
}

const noEvent = eventColumnNames.map((name) => `null as ${name}`).join(', ')
const theEvent = eventColumnNames.map((name) => `u.${name}`).join(', ')

/**
 * $1: from, $2: limit, $3: bytes. Columns: head, archived, then the event's. The first row has no event, the others nothing
 * else: both are in order of `place`, and are merged.
 */
export const selectLogQuickly = (schema: string, direction: Direction): string => {
  const [edge, bound, order] = direction === 'forward' ? ['0', '>=', ''] : [lastPlace, '<=', ' desc']
  return `select u.head, u.archived, ${theEvent} from (
    select h.position as head, h.archived_until as archived, ${edge}::bigint as place, ${noEvent} from ${headRow(schema)}
    union all
    select null, null, e.position, ${sentColumns('e')} from (
      select e.* from ${schema}.events e where e.position ${bound} $1::bigint order by e.position${order} limit $2) as e
  ) as u order by u.place${order}`
}

/**
 * $1: from, $2: limit, $3: bytes, $4: stream. Columns: head, archived, version, truncate_before, tombstoned, then the
 * event's, in rows as above. Both ends of the range name stream and version, and nothing is read of events in parts, as in
 * the statement that measures.
 */
export const selectStreamQuickly = (schema: string, direction: Direction): string => {
  const shown = '(select s.stream_no from s where not s.tombstoned and s.archived is null)'
  const start = '(select s.truncate_before from s)'
  const [edge, low, high, order] =
    direction === 'forward'
      ? ['0', `greatest($1::bigint, ${start})`, lastPlace, '']
      : [lastPlace, start, '$1::bigint', ' desc']
  return `with s as materialized (
    select h.position as head, h.archived_until as archived, s.stream_no, s.version, s.truncate_before, s.tombstoned
    from ${headRow(schema)} left join (
      select s.* from ${schema}.streams s where s.stream_id = $4 limit 1) as s on true
  )
  select u.head, u.archived, u.last, u.truncate_before, u.tombstoned, ${theEvent} from (
    select s.head, s.archived, s.version as last, s.truncate_before, s.tombstoned,
      ${edge}::bigint as stream_no, ${edge}::bigint as place, ${noEvent} from s
    union all
    select null, null, null, null, null, e.stream_no, e.version, ${sentColumns('e')} from (
      select e.* from ${schema}.events e
      where (e.stream_no, e.version) >= (${shown}, ${low}) and (e.stream_no, e.version) <= (${shown}, ${high})
      order by e.stream_no${order}, e.version${order} limit $2) as e
  ) as u order by u.stream_no${order}, u.place${order}`
}

/** The events that a page has room for. */
export interface Cut {
  /** Undefined when a payload is missing that the page may have room for. */
  readonly events: readonly StoredEvent[] | undefined
  /** Not all that came is on the page. */
  readonly isCut: boolean
}

/** The events in the rows behind the first, whose columns begin at `at`, up to the size of a page. */
export function cutTo(maxBytes: number, rows: readonly Row[], at: number): Cut {
  const events: StoredEvent[] = []
  const isRoomy = mostBytes(rows, at) < maxBytes
  let bytes = 0
  for (let index = 1; index < rows.length; index++) {
    const row = rows[index] as Row
    if (bytes >= maxBytes) return { events, isCut: true }
    if (!isRoomy) {
      const size = payloadSize(row, at)
      if (size === undefined) return { events: undefined, isCut: true }
      bytes += size
    }
    events.push(storedEvent(row, at))
  }
  return { events, isCut: false }
}

/** The bytes that the payloads in these rows have at the most; to measure each text takes as long as to make its event. */
function mostBytes(rows: readonly Row[], at: number): number {
  let bytes = 0
  for (let index = 1; index < rows.length; index++) bytes += mostPayloadBytes(rows[index] as Row, at)
  return bytes
}

/** Whether a page that was measured would have been read quickly in vain. */
export function needsMeasuring({ events, end }: Page, query: ReadQuery): boolean {
  if (!end && events.length < query.limit) return true
  const sent = sentBytes(query)
  return events.some(({ data, metadata }) => payloadBytes(data) > sent || payloadBytes(metadata) > sent)
}
