import type { Page, ReadQuery } from '../../engine/engine.ts'
import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import { EventsArchived } from '../../model/event-errors.ts'
import type { Row } from './driver.ts'
import { bounded, type Direction, eventsIn, placeAfter, shownOf, stateIn } from './paging.ts'
import { eventColumns, headRowInParts, storedEvent } from './rows.ts'

/**
 * Reads of a store whose events lie in parts (migrations/0006-parts.ts). What a page shows is known apart from its events:
 * positions have no holes, and those of a stream are in `event_keys`. So an event that is not there is noticed, and never
 * passed over: it is archived, or the store is damaged.
 */

/** $1: from, $2: limit, $3: bytes. Columns: head, archived, then the event's. */
export const selectLogInParts = (schema: string, direction: Direction): string => {
  const [range, order] =
    direction === 'forward'
      ? ['$1::bigint, least($1::bigint + $2::bigint - 1, h.position)', '']
      : ['least($1::bigint, h.position) - $2::bigint + 1, least($1::bigint, h.position)', ' desc']
  const rows = `select e.* from ${schema}.events_between(${range}) as e`
  return `select h.position, h.archived_until, ${eventColumns('e')} from ${headRowInParts(schema)}
  left join lateral (${bounded(rows, ['position'], order)}) as e on true order by e.position${order}`
}

/**
 * $1: from, $2: limit, $3: bytes, $4: stream. Columns: head, archived, version, truncate_before, tombstoned, the position of
 * a key, then the event's, which are null when the event is not in an attached part.
 */
export const selectStreamInParts = (schema: string, direction: Direction): string => `
  select h.position, h.archived_until, e.stream_version, e.truncate_before, e.tombstoned, e.key_position, ${eventColumns('e')}
  from ${headRowInParts(schema)} left join ${schema}.stream_in_parts($4, $1, $2, $3, ${direction === 'backward'}) as e on true
  order by e.key_position${direction === 'backward' ? ' desc' : ''}`

/** $1: event id. Columns: head, archived, the position of its key, then the event's. */
export const selectEventInParts = (schema: string): string => `
  select h.position, h.archived_until, k.position, ${eventColumns('e')} from ${headRowInParts(schema)}
  left join (select k.position from ${schema}.event_keys k where k.event_id = $1 limit 1) as k on true
  left join lateral ${schema}.events_at(array[k.position]) as e on true`

/** A page of the log. */
export function logPageInParts(rows: readonly Row[], query: ReadQuery): Page {
  const { direction, from, limit } = query
  const [head, archived] = [Number(rows[0]?.[0]), Number(rows[0]?.[1])]
  const events = eventsIn(rows, 2)
  const step = direction === 'forward' ? 1 : -1
  let expected = step === 1 ? Math.max(from, 1) : Math.min(from, head)
  if (limit > 0 && expected >= 1 && expected <= head) {
    if (expected <= archived) throw new EventsArchived(archived)
    if (events.length === 0) throw missing(expected)
    for (const { position } of events) {
      if (position !== expected) throw missing(expected)
      expected += step
    }
  }
  return { events, ...placeAfter(events, query, { first: 1, last: head }, (event) => event.position), head }
}

/** A page of a stream. One that is read backward ends where the archive begins. */
export function streamPageInParts(rows: readonly Row[], query: ReadQuery): Page {
  const [head, archived] = [Number(rows[0]?.[0]), Number(rows[0]?.[1])]
  const stream = stateIn(rows[0])
  const events: StoredEvent[] = []
  for (const row of rows) {
    if (typeof row[5] !== 'string') break
    if (typeof row[6] === 'string') events.push(storedEvent(row, 6))
    else if (Number(row[5]) > archived) throw missing(Number(row[5]))
    else if (events.length === 0) throw new EventsArchived(archived)
    else break
  }
  return { events, ...placeAfter(events, query, shownOf(stream), (event) => event.version), head, stream }
}

/** The event with an id. */
export function eventInParts([row]: readonly Row[]): StoredEvent | undefined {
  const archived = Number(row?.[1])
  if (row === undefined || typeof row[2] !== 'string') return undefined
  if (typeof row[3] === 'string') return storedEvent(row, 3)
  throw Number(row[2]) <= archived ? new EventsArchived(archived) : missing(Number(row[2]))
}

function missing(position: number): StoreCorrupt {
  return new StoreCorrupt(
    `the event at position ${position} is in none of the parts of the log; one was detached or removed by hand`,
  )
}
