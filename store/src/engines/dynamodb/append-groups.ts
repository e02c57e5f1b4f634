import type { AppendRequest } from '../../engine/engine.ts'
import { shardsOf } from '../../engine/shards-of.ts'

/** A part of a batch that has nothing to do with the others: shards of the log, and the places of its requests in the batch. */
export interface AppendGroup {
  readonly shards: readonly number[]
  readonly requests: readonly number[]
}

/**
 * Divides a batch into what can be committed apart: requests belong together when they write or check streams of one shard, or
 * have an id in common, since each is judged after those before it.
 */
export function groupsOf(batch: readonly AppendRequest[], logShards: number): readonly AppendGroup[] {
  if (logShards === 1) return [{ shards: [0], requests: [...batch.keys()] }]
  const leaders = [...batch.keys()]
  const leaderOf = (request: number): number => {
    let leader = request
    while (leaders[leader] !== leader) leader = leaders[leader] as number
    leaders[request] = leader
    return leader
  }
  const owners = new Map<number | string, number>()
  const shards = batch.map((request) => shardsOf(request, logShards))
  for (const [index, { events }] of batch.entries()) {
    for (const key of [...(shards[index] ?? []), ...events.map(({ id }) => id)]) {
      const owner = owners.get(key)
      if (owner === undefined) owners.set(key, index)
      // The earlier one leads, so that a chain of leaders ends.
      else union(leaderOf(owner), leaderOf(index))
    }
  }
  function union(left: number, right: number): void {
    leaders[Math.max(left, right)] = Math.min(left, right)
  }
  return [...Map.groupBy(batch.keys(), leaderOf).values()].map((requests) => ({
    shards: [...new Set(requests.flatMap((request) => shards[request] ?? []))].sort((left, right) => left - right),
    requests,
  }))
}
