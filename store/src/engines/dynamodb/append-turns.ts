import type { AppendOutcome, AppendRequest } from '../../engine/engine.ts'
import { type AppendParts, type AppendShard, append } from './append.ts'
import { groupsOf } from './append-groups.ts'

/** What appends of one process are made with. */
export interface AppendTurnsParts extends AppendParts {
  readonly logShards: number
  readonly shardAt: (shard: number) => Promise<AppendShard>
}

/**
 * Appends batches. At a shard one comes after the other, for its end is one place; those in different shards go on beside each
 * other, and what is about several waits for all of them.
 */
export function createAppends(
  parts: AppendTurnsParts,
): (batch: readonly AppendRequest[]) => Promise<readonly AppendOutcome[]> {
  const { logShards, shardAt } = parts
  const latest = Array.from({ length: logShards }, (): Promise<unknown> => Promise.resolve())

  function inTurn<Result>(shards: readonly number[], work: () => Promise<Result>): Promise<Result> {
    const working = Promise.allSettled(shards.map((shard) => latest[shard])).then(work)
    for (const shard of shards) latest[shard] = working
    return working
  }

  return async (batch) => {
    const outcomes: AppendOutcome[] = []
    const done = await Promise.allSettled(
      groupsOf(batch, logShards).map(({ shards, requests }) =>
        inTurn(shards, async () => {
          const opened = await Promise.all(shards.map(shardAt))
          const some = await append(
            parts,
            opened,
            requests.map((request) => batch[request] as AppendRequest),
          )
          for (const [index, request] of requests.entries()) outcomes[request] = some[index] as AppendOutcome
        }),
      ),
    )
    // All of them have come to their end by then: nothing of a call goes on after it.
    for (const one of done) if (one.status === 'rejected') throw one.reason
    return outcomes
  }
}
