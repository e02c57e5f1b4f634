import type { Page, ReadQuery, StreamsPage, StreamsQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { logShardOf, placeFrom, positionOfPlace } from '../../model/log-shard.ts'
import { ownPayload, payloadBytes } from '../../model/payload.ts'
import { matchesQuery, type NormalQuery } from '../../model/query.ts'
import { type StreamState, streamInfo } from '../../model/stream.ts'
import { type Log, stateOf } from './log.ts'

/** Reads one page of a stream or of a shard of the log. */
export function read(log: Log, query: ReadQuery): Page {
  const logShards = log.shards.length
  if ('query' in query.source) {
    const { shard = 0 } = query
    const events = log.shards[shard] as StoredEvent[]
    const from = placeFrom({ ...query, shard }, logShards)
    const page = scan(events, { ...query, from }, visibleIn(query.source.query))
    const next = page.next === 0 ? 0 : positionOfPlace({ shard, place: page.next }, logShards)
    return { ...page, next, head: events.at(-1)?.position ?? 0 }
  }
  const { streamId } = query.source
  const stream = stateOf(log, streamId)
  const head = log.shards[logShardOf(streamId, logShards)]?.at(-1)?.position ?? 0
  return { ...scan(log.byStream.get(streamId) ?? [], query, visibleOf(stream)), head, stream }
}

/** The event with an id, undefined when there is none. */
export function find(log: Log, eventId: string): StoredEvent | undefined {
  const event = log.byId.get(eventId)
  return event && owned(event)
}

/** Lists streams that were ever written to. */
export function listStreams(log: Log, query: StreamsQuery): StreamsPage {
  const ids = [...log.byStream.keys()]
    .filter((id) => id.startsWith(query.prefix) && compareUtf8(id, query.after) > 0)
    .sort(compareUtf8)
  return {
    streams: ids.slice(0, query.limit).map((id) => streamInfo(id, stateOf(log, id))),
    end: ids.length <= query.limit,
  }
}

/** Orders text by its UTF-8 bytes, which differs from JavaScript's order beyond the basic plane. */
export function compareUtf8(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/** Walks a dense run of events, the one at place p (from 1) lying at p - 1. */
function scan(
  events: readonly StoredEvent[],
  query: ReadQuery,
  visible: (event: StoredEvent) => boolean,
): Pick<Page, 'events' | 'next' | 'end'> {
  const step = query.direction === 'forward' ? 1 : -1
  const found: StoredEvent[] = []
  let bytes = 0
  let place = step > 0 ? Math.max(query.from, 1) : Math.min(query.from, events.length)
  for (; place >= 1 && place <= events.length; place += step) {
    if (found.length === query.limit || bytes >= query.maxBytes) break
    const event = events[place - 1] as StoredEvent
    if (!visible(event)) continue
    found.push(owned(event))
    bytes += payloadBytes(event.data) + payloadBytes(event.metadata)
  }
  return { events: found, next: place, end: place < 1 || place > events.length }
}

/** What a caller may do with as it likes. */
function owned(event: StoredEvent): StoredEvent {
  return { ...event, data: ownPayload(event.data), metadata: ownPayload(event.metadata) }
}

function visibleIn(query: NormalQuery): (event: StoredEvent) => boolean {
  return (event) => matchesQuery(query, event)
}

function visibleOf(stream: StreamState): (event: StoredEvent) => boolean {
  return (event) => !stream.tombstoned && event.version >= stream.truncateBefore
}
