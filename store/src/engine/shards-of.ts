import { logShardOf } from '../model/log-shard.ts'
import type { AppendRequest } from './engine.ts'

/** The log shards of the streams that a request writes or checks, in order of first appearance; mostly one. */
export function shardsOf({ events, checks }: AppendRequest, logShards: number): readonly number[] {
  const shards = new Set<number>()
  for (const { streamId } of events) shards.add(logShardOf(streamId, logShards))
  for (const { streamId } of checks) shards.add(logShardOf(streamId, logShards))
  return [...shards]
}
