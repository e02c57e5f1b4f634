import type { Page, ReadQuery, StreamsPage, StreamsQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { asText, type PostgresClient, type PostgresQuery, type Row, statementName } from './driver.ts'
import { filteredPage, filteredQuery } from './filter.ts'
import { selectStreams, streamsPage } from './list-streams.ts'
import { encodeName } from './names.ts'
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
import { mostTogether, rowsOfEach, type StreamRead, selectStreamsTogether, valuesOf } from './streams-together.ts'

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

/** $1: event id. Columns: head, archived, then the event's. Of parts nothing is read: they have no index on ids. */
const selectEvent = (schema: string): string => `
  select h.position, h.archived_until, ${eventColumns('e')} from ${headRow(schema)}
  left join lateral (
    select e.* from ${schema}.events e where h.archived_until is null and e.event_id = $1 limit 1) as e on true`

const selectHead = (schema: string): string => `select h.position from ${schema}.log_head h`

/** The reading verbs over one schema. */
export interface Reads {
  read(client: PostgresClient, query: ReadQuery): Promise<Page>
  /** Reads streams in one statement; undefined where a page has to be read by itself. */
  readTogether(client: PostgresClient, reads: readonly StreamRead[]): Promise<readonly (Page | undefined)[]>
  /** How many streams had better be read in one statement, by what the reads before have brought. */
  mostTogether(): number
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
  const texts = { streams: selectStreams(schema), head: selectHead(schema), together: selectStreamsTogether(schema) }
  const ask = asker(schema, prepare)
  let known: Layout = 'one_table'
  /** Whether the page before was cut, or better had been measured, which the next one will be like. */
  let wasCut = false
  /** Events on the last page of a stream. */
  let lately = 0

  /** Asks as events are known to lie, and again if they lie otherwise: a store may be converted while processes use it. */
  async function run<Result>(client: PostgresClient, verbFor: (layout: Layout) => Verb<Result>): Promise<Result> {
    for (;;) {
      const layout = known
      const { query, read } = verbFor(layout)
      const rows = await ask(client, query)
      known = layoutIn(rows)
      if (known === layout) return read(rows)
    }
  }

  async function readPage(client: PostgresClient, verbOf: (verbs: PageVerbs) => Verb<CutPage>): Promise<Page> {
    const verbs = wasCut ? measured : quick
    const { page, isCut } = await run(client, (layout) => verbOf(verbs[layout]))
    wasCut = isCut
    return page ?? readPage(client, verbOf)
  }

  async function readStream(client: PostgresClient, query: ReadQuery, streamId: string): Promise<Page> {
    const page = await readPage(client, (verbs) => verbs.stream(query, streamId))
    lately = page.events.length
    return page
  }

  const readTogether: Reads['readTogether'] = async (client, reads) => {
    const rows = await ask(client, { name: 'together', text: texts.together, values: valuesOf(reads) })
    known = layoutIn(rows)
    if (known === 'parts') return []
    const pages = reads.map(({ query, streamId }) => quick.one_table.stream(query, streamId))
    const cut = rowsOfEach(rows, reads.length).map((own, index) => (pages[index] as Verb<CutPage>).read(own))
    wasCut = cut.some(({ isCut }) => isCut)
    lately = rows.length / reads.length - 1
    return cut.map(({ page }) => page)
  }

  return {
    read: (client, query) => {
      const { source } = query
      if ('streamId' in source) return readStream(client, query, source.streamId)
      if (source.query === 'everything') return readPage(client, (verbs) => verbs.log(query))
      const read = { ...query, items: source.query }
      return run(client, (layout) => ({
        query: filteredQuery(schema, read, layout),
        read: (rows) => filteredPage(rows, read, layout),
      }))
    },
    readTogether,
    mostTogether: () => (known === 'parts' || wasCut ? 1 : mostTogether(lately)),
    find: (client, eventId) => run(client, (layout) => measured[layout].event(eventId)),
    head: async (client) => Number((await ask(client, { name: 'head', text: texts.head }))[0]?.[0]),
    streams: async (client, { prefix, after, limit }) => {
      const values = [encodeName(prefix), encodeName(after), limit + 1]
      const rows = await ask(client, { name: 'streams', text: texts.streams, values })
      return streamsPage(rows, limit)
    },
  }
}

/** Asks with the texts of a schema, in rows; those that have a name are prepared where that is allowed. */
function asker(schema: string, prepare: boolean) {
  const names = new Map<string, string>()

  function nameOf(verb: string): string {
    const name = names.get(verb) ?? statementName(verb, schema)
    names.set(verb, name)
    return name
  }

  return async (client: PostgresClient, { name, ...query }: PostgresQuery): Promise<readonly Row[]> => {
    const asked = prepare && name !== undefined ? { ...query, name: nameOf(name) } : query
    return (await client.query({ ...asked, rowMode: 'array', types: asText })).rows as Row[]
  }
}

/** How events lie, by the second column of the first row: what is archived, which one table knows nothing of. */
function layoutIn(rows: readonly Row[]): Layout {
  return typeof rows[0]?.[1] === 'string' ? 'parts' : 'one_table'
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
