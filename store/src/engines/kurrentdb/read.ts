import type { Page, ReadQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { payloadBytes } from '../../model/payload.ts'
import type { StreamState } from '../../model/stream.ts'
import { type Connection, shown } from './connection.ts'
import { isClosedStream, isNotFound } from './errors.ts'
import { factsAbout, versionOf } from './knowledge.ts'
import { headOf, readLog } from './log.ts'
import { storedEventOf } from './record.ts'

/** Reads one page of a stream or of the whole log. */
export function read(connection: Connection, query: ReadQuery): Promise<Page> {
  const { source } = query
  return 'query' in source ? readLog(connection, query, source.query) : readStream(connection, query, source.streamId)
}

/** A page of a stream: what there is of it, first, then its events up to that, so that both are of one moment. */
async function readStream(connection: Connection, query: ReadQuery, streamId: string): Promise<Page> {
  const head = await headOf(connection)
  const stream = await stateOf(connection, streamId)
  const first = Math.max(stream.truncateBefore, 1)
  const isForward = query.direction === 'forward'
  const from = isForward ? Math.max(query.from, 1) : Math.min(query.from, stream.version)
  const start = isForward ? Math.max(from, first) : from
  const isOver = isForward ? start > stream.version : start < first
  if (query.limit === 0)
    return { events: [], next: from, end: isForward ? from > stream.version : from < 1, head, stream }
  if (stream.tombstoned || isOver)
    return { events: [], next: isForward ? Math.max(from, stream.version + 1) : 0, end: true, head, stream }

  const events = await eventsOf(connection, query, streamId, isForward ? [start, stream.version] : [start, first])
  const last = events.at(-1)?.version
  const isEnd = last === undefined || (isForward ? last >= stream.version : last <= first)
  const beyond = isForward ? (last ?? stream.version) + 1 : (last ?? 1) - 1
  return { events, next: isEnd && !isForward ? 0 : beyond, end: isEnd, head, stream }
}

/** What the stream is like as of now. */
export async function stateOf(connection: Connection, streamId: string): Promise<StreamState> {
  const [version, { truncateBefore, tombstoned }] = await Promise.all([
    versionOf(connection, streamId),
    factsAbout(connection, streamId),
  ])
  if (version === 'closed') return { version: 0, truncateBefore, tombstoned: true }
  return { version, truncateBefore, tombstoned }
}

async function eventsOf(
  { client, names }: Connection,
  { direction, limit, maxBytes }: ReadQuery,
  streamId: string,
  [start, last]: readonly [number, number],
): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  let bytes = 0
  const maxCount = Math.min(limit, Math.abs(last - start) + 1)
  const fromRevision = BigInt(start - 1)
  const options = { direction: `${direction}s` as const, fromRevision, maxCount, requiresLeader: true } as const
  try {
    for await (const resolved of client.readStream(names.streamName(streamId), options)) {
      const event = shown(resolved)
      if (event === undefined) continue
      const stored = storedEventOf(event, names)
      const isBeyond = direction === 'forward' ? stored.version > last : stored.version < last
      if (isBeyond) break
      events.push(stored)
      bytes += payloadBytes(stored.data) + payloadBytes(stored.metadata)
      if (bytes >= maxBytes) break
    }
  } catch (error) {
    // Another client has hidden or closed it since.
    if (!isNotFound(error) && !isClosedStream(error)) throw error
  }
  return events
}
