import type { AppendOutcome, AppendRequest } from '../../engine/engine.ts'
import { type ChunkSize, createAppend } from './append.ts'
import { createIdsIndex } from './ids-index.ts'
import { createLog } from './log.ts'
import { createRefresh, type Refresh } from './refresh.ts'
import type { Calls } from './requests.ts'
import { readSealed } from './seal.ts'
import { createSealer } from './sealer.ts'
import type { ShardParts } from './shard.ts'
import { createStates } from './states.ts'
import { createStreamsIndex } from './streams-index.ts'
import type { Table } from './table.ts'
import { createTail } from './tail.ts'

/** One shard of the log, open. */
export interface Shard extends ShardParts {
  readonly refresh: Refresh
  append(batch: readonly AppendRequest[]): Promise<readonly AppendOutcome[]>
}

/** What a shard is opened with. */
export interface OpenShardParts {
  readonly table: Table
  readonly shard: number
  readonly calls: Calls
  readonly chunkSize: ChunkSize
  readonly newCommitId: () => string
  /** Something was committed by others. */
  readonly onNews: () => void
}

/** Opens a shard at the end of what is sealed of it. */
export async function openShard(parts: OpenShardParts): Promise<Shard> {
  const { table, shard, calls, chunkSize, newCommitId, onNews } = parts
  const log = createLog(table, shard)
  const streams = createStreamsIndex(table, shard, log)
  const ids = createIdsIndex(table, shard)
  const states = createStates(streams)
  const tail = createTail(await readSealed(table, shard), [ids, states])
  const opened: ShardParts = { table, shard, log, tail, ids, streams, states }
  const refresh = createRefresh(opened, onNews)
  const sealer = createSealer(opened, calls)
  return { ...opened, refresh, append: createAppend({ shard: opened, calls, refresh, sealer, chunkSize, newCommitId }) }
}
