import type { Page, ReadQuery, StreamsPage, StreamsQuery } from '../../engine/engine.ts'
import { logShardOf, placeFrom, positionOfPlace } from '../../model/log-shard.ts'
import type { AppendShard } from './append.ts'
import { listStreams } from './find.ts'
import { compareNames } from './keys.ts'
import { inParallel } from './parallel.ts'
import { readLog } from './read-log.ts'
import { readStream } from './read-stream.ts'

/** The shards of a log, opened when they are asked for. */
export interface LogShards {
  readonly logShards: number
  shardAt(shard: number): Promise<AppendShard>
}

/** Reads a page of a stream or of one shard: in there by places, out here by positions of the store. */
export async function readPage({ logShards, shardAt }: LogShards, query: ReadQuery): Promise<Page> {
  const { source } = query
  const shard = 'query' in source ? (query.shard ?? 0) : logShardOf(source.streamId, logShards)
  const opened = await shardAt(shard)
  const view = await opened.refresh()
  const toPosition = (place: number): number => (place === 0 ? 0 : positionOfPlace({ shard, place }, logShards))
  const page =
    'query' in source
      ? await readLog(opened, view, source.query, { ...query, from: placeFrom({ ...query, shard }, logShards) })
      : await readStream(opened, view, source.streamId, query)
  if (logShards === 1) return page
  return {
    ...page,
    events: page.events.map((event) => ({ ...event, position: toPosition(event.position) })),
    head: toPosition(page.head),
    // Of a stream, places are versions.
    next: 'query' in source ? toPosition(page.next) : page.next,
  }
}

/** The last position of each shard, 0 of one without events. */
export async function headsOf({ logShards, shardAt }: LogShards): Promise<readonly number[]> {
  return inParallel([...Array(logShards).keys()], async (shard) => {
    const { head } = await (await shardAt(shard)).refresh()
    return head === 0 ? 0 : positionOfPlace({ shard, place: head }, logShards)
  })
}

/** Lists streams of all shards. */
export async function listAll({ logShards, shardAt }: LogShards, query: StreamsQuery): Promise<StreamsPage> {
  const pages = await inParallel([...Array(logShards).keys()], async (shard) => {
    const opened = await shardAt(shard)
    return listStreams(opened, await opened.refresh(), query)
  })
  const [only] = pages
  if (only !== undefined && pages.length === 1) return only
  // Each shard gave the first of its own, so that the first of all are among them.
  const streams = pages.flatMap((page) => page.streams)
  const sorted = streams.sort((left, right) => compareNames(left.streamId, right.streamId))
  return { streams: sorted.slice(0, query.limit), end: pages.every(({ end }) => end) && sorted.length <= query.limit }
}
