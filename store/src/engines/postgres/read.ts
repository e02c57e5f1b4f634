import type { Page, ReadQuery, StreamsPage, StreamsQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { emptyStream, type StreamState, streamInfo } from '../../model/stream.ts'
import type { PostgresClient, PostgresQuery, Row } from './driver.ts'
import { asText, statementName } from './driver.ts'
import { type FilteredRead, filteredQuery, headRow, isFull } from './filter.ts'
import { decodeName, encodeName } from './names.ts'
import { eventColumns, storedEvent } from './rows.ts'

/** Payload and metadata of an event, in bytes. Large values are not fetched to be measured. */
const bytesOf = (e: string): string =>
  `coalesce(octet_length(${e}.data), octet_length(${e}.data_bytes)) + coalesce(octet_length(${e}.metadata), octet_length(${e}.metadata_bytes))`

type Direction = ReadQuery['direction']

/** The last version there can be. */
const lastPlace = '9223372036854775807'

/** The columns of an index in the order of reading. */
const inOrder = (of: string, columns: readonly string[], order: string): string =>
  columns.map((column) => `${of}.${column}${order}`).join(', ')

/** The rows of a page: no more than $3, and none that begins after $4 bytes. */
const bounded = (rows: string, columns: readonly string[], order: string): string => `
  select b.* from (
    select r.*, sum(${bytesOf('r')}) over (order by ${inOrder('r', columns, order)} rows unbounded preceding)
      - (${bytesOf('r')}) as size_before
    from (${rows} order by ${inOrder('e', columns, order)} limit $2) as r) as b
  where b.size_before < $3`

/** $1: from, $2: limit, $3: bytes. Columns: head, then the event's. */
export const selectLog = (schema: string, direction: Direction): string => {
  const [bound, order] = direction === 'forward' ? ['>=', ''] : ['<=', ' desc']
  const rows = `select e.* from ${schema}.events e where e.position ${bound} $1::bigint`
  return `select h.position, ${eventColumns('e')} from ${headRow(schema)}
  left join lateral (${bounded(rows, ['position'], order)}) as e on true order by e.position${order}`
}

/**
 * $1: from, $2: limit, $3: bytes, $4: stream. Columns: head, version, truncate_before, tombstoned, then the event's.
 *
 * Both ends of the range name stream and version. Of a range of versions alone a planner without statistics believes that
 * it is short, fetches all of it and sorts.
 */
export const selectStream = (schema: string, direction: Direction): string => {
  const forward = direction === 'forward'
  const [low, high, order] = forward
    ? ['greatest($1::bigint, s.truncate_before)', lastPlace, '']
    : ['s.truncate_before', '$1::bigint', ' desc']
  const rows = `select e.* from ${schema}.events e where not s.tombstoned
    and (e.stream_no, e.version) >= (s.stream_no, ${low}) and (e.stream_no, e.version) <= (s.stream_no, ${high})`
  const columns = ['stream_no', 'version']
  return `select h.position, s.version, s.truncate_before, s.tombstoned, ${eventColumns('e')} from ${headRow(schema)}
  left join (select s.* from ${schema}.streams s where s.stream_id = $4 limit 1) as s on true
  left join lateral (${bounded(rows, columns, order)}) as e on true order by ${inOrder('e', columns, order)}`
}

/**
 * $1: prefix, $2: after, $3: limit. The index knows the first 300 characters; what is alike so far is fetched whole and
 * sorted. The ends of the range are written as rows for the same reason as in {@link selectStream}, and the case keeps
 * the planner from multiplying three guesses into a number of rows so small that it would sort them all.
 */
export const selectStreams = (schema: string): string => `
  select s.stream_id, s.version, s.truncate_before, s.tombstoned from (
    select s.* from ${schema}.streams s
    where (left(s.stream_id, 300), '') >= (greatest(left($1, 300) collate "C", left($2, 300) collate "C"), '')
      and (left(s.stream_id, 300), '') <= (left($1, 300) || repeat(U&'\\+10FFFF', 300), '')
      and case when s.stream_id > $2 and starts_with(s.stream_id, $1) then s.version > 0 else false end
    order by left(s.stream_id, 300) fetch first ($3::bigint) rows with ties) as s
  order by left(s.stream_id, 300), s.stream_id limit $3`

/** $1: event id */
export const selectEvent = (schema: string): string =>
  `select ${eventColumns('e')} from ${schema}.events e where e.event_id = $1`

const selectHead = (schema: string): string => `select h.position from ${schema}.log_head h`

/** The reading verbs over one schema. */
export interface Reads {
  read(client: PostgresClient, query: ReadQuery): Promise<Page>
  find(client: PostgresClient, eventId: string): Promise<StoredEvent | undefined>
  head(client: PostgresClient): Promise<number>
  streams(client: PostgresClient, query: StreamsQuery): Promise<StreamsPage>
}

/** Runs a query and gives its rows; named ones are prepared where that is allowed. */
type Ask = (query: PostgresQuery) => Promise<readonly Row[]>

/** Binds the texts of the queries to a schema. */
export function createReads(schema: string, prepare: boolean): Reads {
  const texts = {
    log: { forward: selectLog(schema, 'forward'), backward: selectLog(schema, 'backward') },
    stream: { forward: selectStream(schema, 'forward'), backward: selectStream(schema, 'backward') },
    streams: selectStreams(schema),
    event: selectEvent(schema),
    head: selectHead(schema),
  }

  const named = new Map<string, string>()

  function nameOf(verb: string): string {
    const known = named.get(verb) ?? statementName(verb, schema)
    named.set(verb, known)
    return known
  }

  function asking(client: PostgresClient): Ask {
    return async ({ name, ...query }) => {
      const asked = prepare && name !== undefined ? { ...query, name: nameOf(name) } : query
      return (await client.query({ ...asked, rowMode: 'array', types: asText })).rows as Row[]
    }
  }

  return {
    read: (client, query) => {
      const { source, direction } = query
      const ask = asking(client)
      if ('streamId' in source) return readStream(ask, texts.stream[direction], query, source.streamId)
      if (source.query === 'everything') return readLog(ask, texts.log[direction], query)
      return readFiltered(ask, schema, { ...query, items: source.query })
    },
    find: async (client, eventId) => {
      const [row] = await asking(client)({ name: 'event', text: texts.event, values: [eventId] })
      return row && storedEvent(row, 0)
    },
    head: async (client) => Number((await asking(client)({ name: 'head', text: texts.head }))[0]?.[0]),
    streams: async (client, { prefix, after, limit }) => {
      const values = [encodeName(prefix), encodeName(after), limit + 1]
      const rows = await asking(client)({ name: 'streams', text: texts.streams, values })
      return { streams: rows.slice(0, limit).map(infoIn), end: rows.length <= limit }
    },
  }
}

async function readLog(ask: Ask, text: string, query: ReadQuery): Promise<Page> {
  const { direction, from, limit, maxBytes } = query
  const rows = await ask({ name: `log_${direction}`, text, values: [from, limit, maxBytes] })
  const head = Number(rows[0]?.[0])
  const events = eventsIn(rows, 1)
  return { events, ...placeAfter(events, query, { first: 1, last: head }, (event) => event.position), head }
}

async function readStream(ask: Ask, text: string, query: ReadQuery, streamId: string): Promise<Page> {
  const { direction, from, limit, maxBytes } = query
  const values = [from, limit, maxBytes, encodeName(streamId)]
  const rows = await ask({ name: `stream_${direction}`, text, values })
  const stream = stateIn(rows[0])
  const events = eventsIn(rows, 4)
  const first = stream.tombstoned ? stream.version + 1 : stream.truncateBefore
  const place = placeAfter(events, query, { first, last: stream.version }, (event) => event.version)
  return { events, ...place, head: Number(rows[0]?.[0]), stream }
}

async function readFiltered(ask: Ask, schema: string, read: FilteredRead): Promise<Page> {
  const rows = await ask(filteredQuery(schema, read))
  const head = Number(rows[0]?.[0])
  const horizon = rows[0]?.[1]
  const events = eventsIn(rows, 2)
  const range = { first: 1, last: head }
  const full = isFull(events, read)
  if (!full && typeof horizon === 'string') {
    return { events, ...placeBehind(Number(horizon), read.direction, range), head }
  }
  return { events, ...placeAfter(full ? events : [], read, range, (event) => event.position), head }
}

/** The first and the last place there is. */
interface Range {
  readonly first: number
  readonly last: number
}

function eventsIn(rows: readonly Row[], at: number): readonly StoredEvent[] {
  // A page without events is one row that says where the store stands.
  return typeof rows[0]?.[at] === 'string' ? rows.map((row) => storedEvent(row, at)) : []
}

function stateIn(row: Row | undefined): StreamState {
  if (typeof row?.[1] !== 'string') return emptyStream
  return { version: Number(row[1]), truncateBefore: Number(row[2]), tombstoned: row[3] === 't' }
}

function infoIn([streamId, version, truncateBefore, tombstoned]: Row): StreamsPage['streams'][number] {
  return streamInfo(decodeName(streamId as string), {
    version: Number(version),
    truncateBefore: Number(truncateBefore),
    tombstoned: tombstoned === 't',
  })
}

/**
 * Where a reader goes on after these events of a page that was not cut short by a horizon: right behind the last one;
 * without any, nothing more lay in this direction.
 */
function placeAfter(
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

function placeBehind(place: number, direction: Direction, { first, last }: Range): Pick<Page, 'next' | 'end'> {
  if (direction === 'forward') return { next: place + 1, end: place >= last }
  return place <= first ? { next: 0, end: true } : { next: place - 1, end: false }
}
