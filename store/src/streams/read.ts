import type { Engine, Page, ReadQuery } from '../engine/engine.ts'
import { type PageSource, readAhead } from '../engine/read-ahead.ts'
import type { StreamsOptions } from '../event-store.ts'
import type { CallOptions, EventReader, ReadAllOptions, Reader, ReadStreamOptions } from '../model/call.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { checkLogPositions, type LogPositions, requireOneOrder } from '../model/log-shard.ts'
import { isPosition, lastPosition } from '../model/position.ts'
import { normalQuery } from '../model/query.ts'
import type { StreamInfo } from '../model/stream.ts'
import { checkWhole } from '../model/whole-number.ts'
import { decodeEvent } from '../schema/codec.ts'
import { canonicalUuid } from './event-id.ts'
import { mergedByPosition } from './merged.ts'
import { checkStreamId } from './prepare.ts'
import { checkedLimit, reader } from './reader.ts'

/** A read with every option present. */
interface Reading {
  readonly port: PageSource
  readonly source: ReadQuery['source']
  /** The log shard, when a query is read of a log with several. */
  readonly shard?: number
  readonly direction: 'forward' | 'backward'
  readonly from: number
  readonly limit: number
  readonly signal: AbortSignal | undefined
}

/** Reads one stream. See `EventStore.readStream`. */
export function readStream(port: PageSource, streamId: string, options: ReadStreamOptions = {}): EventReader {
  checkStreamId(streamId)
  return eventReader({ port, source: { streamId }, ...normalRange(options) })
}

/** Reads the whole store, or what matches a filter. See `EventStore.readAll`. */
export function readAll(port: PageSource, options: ReadAllOptions = {}): EventReader {
  const source = { query: normalQuery(options.filter ?? 'everything') }
  const range = normalRange(options)
  const { shard } = options
  const begins = beginsAfter(port, options)
  const from = begins === undefined ? {} : { from: (begins[shard ?? 0] ?? 0) + 1 }
  if (port.engine.capabilities.logShards === 1) return eventReader({ port, source, ...range, ...from })
  if (shard !== undefined) return eventReader({ port, source, shard, ...range, ...from })
  return shardsReader(logShardReadings({ port, source, ...range }, begins), range)
}

/** The event with an id. See `EventStore.readEvent`. */
export async function readEvent(
  engine: Pick<Engine, 'find'>,
  eventId: string,
  { signal }: CallOptions = {},
): Promise<RecordedEvent | undefined> {
  const id = typeof eventId === 'string' ? canonicalUuid(eventId) : undefined
  if (id === undefined) throw new InvalidArgument('eventId', 'is not a UUID')
  const found = await engine.find(id, signal)
  return found && decodeEvent(found)
}

/** Lists streams. See `EventStore.streams`. */
export function listStreams(engine: Pick<Engine, 'streams'>, options: StreamsOptions = {}): Reader<StreamInfo> {
  const { prefix = '', after = '', signal } = options
  for (const [argument, given] of Object.entries({ prefix, after })) {
    if (typeof given !== 'string' || !given.isWellFormed()) {
      throw new InvalidArgument(argument, 'is not a string of whole characters')
    }
  }
  const total = checkedLimit(options.limit)

  async function* pages(limit: number): AsyncGenerator<StreamInfo> {
    let cursor = after
    for (let left = limit; left > 0; ) {
      const page = await engine.streams({ prefix, after: cursor, limit: Math.min(left, limits.pageStreams) }, signal)
      yield* page.streams
      left -= page.streams.length
      cursor = page.streams.at(-1)?.streamId ?? cursor
      if (page.end) return
    }
  }
  return reader(pages, total)
}

function normalRange(options: ReadStreamOptions): Omit<Reading, 'port' | 'source'> {
  const { direction = 'forward', signal } = options
  if (direction !== 'forward' && direction !== 'backward') {
    throw new InvalidArgument('direction', "is neither 'forward' nor 'backward'")
  }
  const from = options.from ?? (direction === 'forward' ? 1 : lastPosition)
  checkWhole('from', from, 0)
  return { direction, from, limit: checkedLimit(options.limit), signal }
}

function eventReader(reading: Reading): EventReader {
  return reader(
    (limit) => readEvents({ ...reading, limit }),
    reading.limit,
    () => readLast(reading),
  )
}

/** The same from every shard, merged by position; each ends where it ended when the read began. */
function shardsReader(
  shards: readonly Reading[],
  { direction, limit }: Pick<Reading, 'direction' | 'limit'>,
): EventReader {
  const merged = (most: number): AsyncGenerator<RecordedEvent> =>
    mergedByPosition(
      shards.map((reading) => readEvents({ ...reading, limit: most })),
      { direction, limit: most },
    )
  return reader(merged, limit, async () => {
    let last: RecordedEvent | undefined
    if (limit < Number.POSITIVE_INFINITY || direction === 'backward') {
      for await (const event of merged(limit)) last = event
      return last
    }
    for (const event of await Promise.all(shards.map(readLast))) {
      if (event !== undefined && event.position > (last?.position ?? 0)) last = event
    }
    return last
  })
}

function logShardReadings(reading: Reading, begins: LogPositions | undefined): Reading[] {
  const { logShards } = reading.port.engine.capabilities
  return Array.from({ length: logShards }, (_, shard) => {
    const from = begins === undefined ? reading.from : (begins[shard] ?? 0) + 1
    return { ...reading, shard, from }
  })
}

/** The positions to begin after, if any are given; refuses what does not go together with them, or with several shards. */
function beginsAfter({ engine: { capabilities } }: PageSource, options: ReadAllOptions): LogPositions | undefined {
  const { from, after, shard, direction } = options
  if (shard !== undefined && (!isPosition(shard) || shard >= capabilities.logShards)) {
    throw new InvalidArgument('shard', `is not a whole number from 0 to ${capabilities.logShards - 1}`)
  }
  if (after !== undefined) {
    if (from !== undefined) throw new InvalidArgument('after', 'does not go together with from')
    if (direction === 'backward') throw new InvalidArgument('after', 'is for reading forward')
    checkLogPositions(after, capabilities.logShards, 'after')
    return after
  }
  const isWhole = from === undefined || (from <= 1 && direction !== 'backward')
  if (!isWhole && shard === undefined) {
    requireOneOrder(capabilities, 'Begin after the positions of a mark (after), or read one shard alone (shard).')
  }
  return undefined
}

async function* readEvents(reading: Reading): AsyncGenerator<RecordedEvent> {
  const { direction, signal } = reading
  let { from, limit } = reading
  // Where the log ended when the read began: a read of a store under load comes to an end.
  let until: number | undefined
  // The same as a place of its source, for pages without an event that would show it.
  let last: number | undefined
  const pages = readAhead(reading.port, (at, most) => readPage(reading, at, most))
  while (limit > 0) {
    const page = await pages.page(from, limit)
    until ??= page.head
    last ??= page.stream?.version ?? page.head
    limit -= page.events.length
    from = page.next
    const isLast = limit <= 0 || page.end || (direction === 'forward' && from > last)
    if (!isLast) await pages.ask(from, limit)
    for (const event of page.events) {
      if (direction === 'forward' && event.position > until) return
      // Whoever takes a second for each event need not take a page to notice.
      signal?.throwIfAborted()
      yield decodeEvent(event)
    }
    if (isLast) return
  }
}

/** With a limit, the last event is not the end of the log, so it is found by reading on. */
async function readLast(reading: Reading): Promise<RecordedEvent | undefined> {
  if (reading.limit === Number.POSITIVE_INFINITY && reading.direction === 'forward') {
    const backward = { ...reading, direction: 'backward' as const, from: lastPosition, limit: 1 }
    for await (const event of readEvents(backward)) return isWithin(event, reading) ? event : undefined
    return undefined
  }
  let last: RecordedEvent | undefined
  for await (const event of readEvents(reading)) last = event
  return last
}

function isWithin(event: RecordedEvent, { source, from }: Reading): boolean {
  return ('streamId' in source ? event.version : event.position) >= from
}

function readPage(reading: Reading, from: number, limit: number): Promise<Page> {
  const { port, source, shard, direction, signal } = reading
  const page = { source, direction, from, limit: Math.min(limit, limits.pageEvents), maxBytes: limits.pageBytes }
  return port.engine.read(shard === undefined ? page : { ...page, shard }, signal)
}
