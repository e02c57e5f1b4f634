import type { AppendShard } from './append.ts'
import { createIdsIndex, idsByClaims } from './ids-index.ts'
import { createLog } from './log.ts'
import { createRefresh } from './refresh.ts'
import type { Calls } from './requests.ts'
import { readSealed } from './seal.ts'
import { createSealer } from './sealer.ts'
import type { ShardParts } from './shard.ts'
import { createStates } from './states.ts'
import { createStreamsIndex } from './streams-index.ts'
import type { Table } from './table.ts'
import { createTail } from './tail.ts'

/** What a shard is opened with. */
export interface OpenShardParts {
  readonly table: Table
  readonly shard: number
  readonly logShards: number
  readonly calls: Calls
  /** Something was committed by others. */
  readonly onNews: () => void
}

/** Opens a shard at the end of what is sealed of it. */
export async function openShard({ table, shard, logShards, calls, onNews }: OpenShardParts): Promise<AppendShard> {
  const log = createLog(table, shard)
  const streams = createStreamsIndex(table, shard, log)
  const ids = logShards === 1 ? createIdsIndex(table, shard) : idsByClaims
  const states = createStates(streams)
  const tail = createTail(await readSealed(table, shard), [ids, states])
  const parts: ShardParts = { table, shard, logShards, log, tail, ids, streams, states }
  const refresh = createRefresh(parts, onNews)
  // The first append would claim a place that is taken.
  if (logShards > 1) await refresh()
  return { ...parts, refresh, sealer: createSealer(parts, calls) }
}
