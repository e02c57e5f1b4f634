import type { Page, ReadQuery, StreamsPage, StreamsQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { streamInfo } from '../../model/stream.ts'
import { asText, type PostgresClient, type PostgresQuery, type Row, statementName } from './driver.ts'
import { filteredPage, filteredQuery } from './filter.ts'
import { decodeName, encodeName } from './names.ts'
import { bounded, type Direction, eventsIn, inOrder, type Layout, placeAfter, shownOf, stateIn } from './paging.ts'
import { type Cut, cutTo, needsMeasuring, selectLogQuickly, selectStreamQuickly, sentBytes } from './quick-pages.ts'
import {
  eventInParts,
  logPageInParts,
  selectEventInParts,
  selectLogInParts,
  selectStreamInParts,
  streamPageInParts,
} from './read-parts.ts'
import { eventColumns, headRow, lastPlace } from './rows.ts'

/** $1: from, $2: limit, $3: bytes. Columns: head, archived, then the event's. */
export const selectLog = (schema: string, direction: Direction): string => {
  const [bound, order] = direction === 'forward' ? ['>=', ''] : ['<=', ' desc']
  const rows = `select e.* from ${schema}.events e where e.position ${bound} $1::bigint`
  return `select h.position, h.archived_until, ${eventColumns('e')} from ${headRow(schema)}
  left join lateral (${bounded(rows, ['position'], order)}) as e on true order by e.position${order}`
}

/**
 * $1: from, $2: limit, $3: bytes, $4: stream. Columns: head, archived, version, truncate_before, tombstoned, then the event's.
 *
 * Both ends of the range name stream and version. Of a range of versions alone a planner without statistics believes that
 * it is short, fetches all of it and sorts. Where events lie in parts nothing of them is read: parts have no such index.
 */
export const selectStream = (schema: string, direction: Direction): string => {
  const forward = direction === 'forward'
  const [low, high, order] = forward
    ? ['greatest($1::bigint, s.truncate_before)', lastPlace, '']
    : ['s.truncate_before', '$1::bigint', ' desc']
  const rows = `select e.* from ${schema}.events e where not s.tombstoned and h.archived_until is null
    and (e.stream_no, e.version) >= (s.stream_no, ${low}) and (e.stream_no, e.version) <= (s.stream_no, ${high})`
  const columns = ['stream_no', 'version']
  return `select h.position, h.archived_until, s.version, s.truncate_before, s.tombstoned, ${eventColumns('e')}
  from ${headRow(schema)}
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

/** $1: event id. Columns: head, archived, then the event's. Of parts nothing is read: they have no index on ids. */
const selectEvent = (schema: string): string => `
  select h.position, h.archived_until, ${eventColumns('e')} from ${headRow(schema)}
  left join lateral (
    select e.* from ${schema}.events e where h.archived_until is null and e.event_id = $1 limit 1) as e on true`

const selectHead = (schema: string): string => `select h.position from ${schema}.log_head h`

/** The reading verbs over one schema. */
export interface Reads {
  read(client: PostgresClient, query: ReadQuery): Promise<Page>
  find(client: PostgresClient, eventId: string): Promise<StoredEvent | undefined>
  head(client: PostgresClient): Promise<number>
  streams(client: PostgresClient, query: StreamsQuery): Promise<StreamsPage>
}

/** What depends on how events lie: what is asked, and what the rows mean. Each row begins with the head and what is archived. */
interface Verb<Result> {
  readonly query: PostgresQuery
  readonly read: (rows: readonly Row[]) => Result
}

/** Binds the texts of the queries to a schema. */
export function createReads(schema: string, prepare: boolean): Reads {
  const parts = inParts(schema)
  const measured = { one_table: inOneTable(schema), parts }
  const quick = { one_table: quicklyInOneTable(schema), parts }
  const texts = { streams: selectStreams(schema), head: selectHead(schema) }
  const names = new Map<string, string>()
  let known: Layout = 'one_table'
  /** Whether the page before was cut, or better had been measured, which the next one will be like. */
  let wasCut = false

  function nameOf(verb: string): string {
    const name = names.get(verb) ?? statementName(verb, schema)
    names.set(verb, name)
    return name
  }

  /** Runs a query and gives its rows; named ones are prepared where that is allowed. */
  async function ask(client: PostgresClient, { name, ...query }: PostgresQuery): Promise<readonly Row[]> {
    const asked = prepare && name !== undefined ? { ...query, name: nameOf(name) } : query
    return (await client.query({ ...asked, rowMode: 'array', types: asText })).rows as Row[]
  }

  /** Asks as events are known to lie, and again if they lie otherwise: a store may be converted while processes use it. */
  async function run<Result>(client: PostgresClient, verbFor: (layout: Layout) => Verb<Result>): Promise<Result> {
    for (;;) {
      const layout = known
      const { query, read } = verbFor(layout)
      const rows = await ask(client, query)
      known = typeof rows[0]?.[1] === 'string' ? 'parts' : 'one_table'
      if (known === layout) return read(rows)
    }
  }

  async function readPage(client: PostgresClient, verbOf: (verbs: PageVerbs) => Verb<CutPage>): Promise<Page> {
    const verbs = wasCut ? measured : quick
    const { page, isCut } = await run(client, (layout) => verbOf(verbs[layout]))
    wasCut = isCut
    return page ?? readPage(client, verbOf)
  }

  return {
    read: (client, query) => {
      const { source } = query
      if ('streamId' in source) return readPage(client, (verbs) => verbs.stream(query, source.streamId))
      if (source.query === 'everything') return readPage(client, (verbs) => verbs.log(query))
      const read = { ...query, items: source.query }
      return run(client, (layout) => ({
        query: filteredQuery(schema, read, layout),
        read: (rows) => filteredPage(rows, read, layout),
      }))
    },
    find: (client, eventId) => run(client, (layout) => measured[layout].event(eventId)),
    head: async (client) => Number((await ask(client, { name: 'head', text: texts.head }))[0]?.[0]),
    streams: async (client, { prefix, after, limit }) => {
      const values = [encodeName(prefix), encodeName(after), limit + 1]
      const rows = await ask(client, { name: 'streams', text: texts.streams, values })
      return { streams: rows.slice(0, limit).map(infoIn), end: rows.length <= limit }
    },
  }
}

/** A page, undefined when it has to be read in the measured way, and whether the next one had better be. */
interface CutPage {
  readonly page: Page | undefined
  readonly isCut: boolean
}

/** The verbs that read pages, each asked by a text of its own. */
interface PageVerbs {
  log(query: ReadQuery): Verb<CutPage>
  stream(query: ReadQuery, streamId: string): Verb<CutPage>
}

/** The same, and the one that finds an event. */
interface Verbs extends PageVerbs {
  event(eventId: string): Verb<StoredEvent | undefined>
}

/** The text of a statement for a schema and a direction. */
type Text = (schema: string, direction: Direction) => string

/** What tells the verbs of pages apart: their statements, their last values, and what they make of the rows. */
interface Manner {
  /** How the statements are called. */
  readonly name: string
  readonly log: Text
  readonly stream: Text
  readonly bytes: (query: ReadQuery) => number
  readonly logPage: (rows: readonly Row[], query: ReadQuery) => CutPage
  readonly streamPage: (rows: readonly Row[], query: ReadQuery) => CutPage
}

function pageVerbs(schema: string, { name, bytes, logPage, streamPage, ...manner }: Manner): PageVerbs {
  const [log, stream] = [bothWays(manner.log, schema), bothWays(manner.stream, schema)]
  const rangeOf = (query: ReadQuery): unknown[] => [query.from, query.limit, bytes(query)]
  return {
    log: (query) => ({
      query: { name: `${name}log_${query.direction}`, text: log[query.direction], values: rangeOf(query) },
      read: (rows) => logPage(rows, query),
    }),
    stream: (query, streamId) => {
      const values = [...rangeOf(query), encodeName(streamId)]
      return {
        query: { name: `${name}stream_${query.direction}`, text: stream[query.direction], values },
        read: (rows) => streamPage(rows, query),
      }
    },
  }
}

function bothWays(text: Text, schema: string): Readonly<Record<Direction, string>> {
  return { forward: text(schema, 'forward'), backward: text(schema, 'backward') }
}

function quicklyInOneTable(schema: string): PageVerbs {
  return pageVerbs(schema, {
    name: 'quick_',
    log: selectLogQuickly,
    stream: selectStreamQuickly,
    bytes: sentBytes,
    logPage: (rows, query) => cutPage(cutTo(query.maxBytes, rows, 2), (events) => logPage(rows, events, query)),
    streamPage: (rows, query) => cutPage(cutTo(query.maxBytes, rows, 5), (events) => streamPage(rows, events, query)),
  })
}

function inOneTable(schema: string): Verbs {
  const text = selectEvent(schema)
  return {
    ...pageVerbs(schema, {
      name: '',
      log: selectLog,
      stream: selectStream,
      bytes: ({ maxBytes }) => maxBytes,
      logPage: (rows, query) => measuredPage(query, logPage(rows, eventsIn(rows, 2), query)),
      streamPage: (rows, query) => measuredPage(query, streamPage(rows, eventsIn(rows, 5), query)),
    }),
    event: (eventId) => ({
      query: { name: 'event', text, values: [eventId] },
      read: (rows) => eventsIn(rows, 2)[0],
    }),
  }
}

function inParts(schema: string): Verbs {
  const text = selectEventInParts(schema)
  return {
    ...pageVerbs(schema, {
      name: 'parts_',
      log: selectLogInParts,
      stream: selectStreamInParts,
      bytes: ({ maxBytes }) => maxBytes,
      logPage: (rows, query) => measuredPage(query, logPageInParts(rows, query)),
      streamPage: (rows, query) => measuredPage(query, streamPageInParts(rows, query)),
    }),
    event: (eventId) => ({
      query: { name: 'parts_event', text, values: [eventId] },
      read: eventInParts,
    }),
  }
}

function cutPage({ events, isCut }: Cut, pageOf: (events: readonly StoredEvent[]) => Page): CutPage {
  return { page: events && pageOf(events), isCut }
}

function measuredPage(query: ReadQuery, page: Page): CutPage {
  return { page, isCut: needsMeasuring(page, query) }
}

function logPage(rows: readonly Row[], events: readonly StoredEvent[], query: ReadQuery): Page {
  const head = Number(rows[0]?.[0])
  return { events, ...placeAfter(events, query, { first: 1, last: head }, (event) => event.position), head }
}

function streamPage(rows: readonly Row[], events: readonly StoredEvent[], query: ReadQuery): Page {
  const stream = stateIn(rows[0])
  return {
    events,
    ...placeAfter(events, query, shownOf(stream), (event) => event.version),
    head: Number(rows[0]?.[0]),
    stream,
  }
}

function infoIn([streamId, version, truncateBefore, tombstoned]: Row): StreamsPage['streams'][number] {
  return streamInfo(decodeName(streamId as string), {
    version: Number(version),
    truncateBefore: Number(truncateBefore),
    tombstoned: tombstoned === 't',
  })
}
