import type { AppendRequest } from '../../engine/engine.ts'
import { logShardOf } from '../../model/log-shard.ts'
import { matchesQuery, type NormalCondition } from '../../model/query.ts'
import { type StreamState, subjectOf } from '../../model/stream.ts'
import { searchSealed } from './filter.ts'
import type { Facts, Found } from './judge.ts'
import { inParallel } from './parallel.ts'
import { eventsAt, foundIn, type ShardParts } from './shard.ts'
import { eventsIn, type View } from './tail.ts'

/** What was found out about a batch, to be asked again when the log has grown meanwhile. */
export interface Inquiry {
  /** The facts as of the ends of the shards as they are known now. */
  facts(): Promise<Facts>
  /** Ids of the batch of which nothing is known yet. */
  unknownIds(): readonly string[]
  /** Ids of the batch that were found by their claims; they are stored for ever. */
  learn(stored: ReadonlyMap<string, Found>): void
}

interface Viewed {
  readonly shard: ShardParts
  readonly view: View
}

/**
 * Finds out what a batch is judged by: in memory what is there, in the table the rest. The shards are those of all streams
 * that the batch writes or checks.
 */
export function inquire(shards: readonly ShardParts[], batch: readonly AppendRequest[]): Inquiry {
  const logShards = shards[0]?.logShards ?? 1
  const ids = batch.flatMap(({ events }) => events.map(({ id }) => id))
  const streamIds = Map.groupBy(streamsOf(batch), (streamId) => logShardOf(streamId, logShards))
  const known = new Map<string, Found>()
  // Up to where a condition was seen to hold: events above have come since.
  const held = new Map<AppendRequest, number>()

  async function findIn({ shard, view }: Viewed): Promise<void> {
    const others: string[] = []
    for (const id of unknownIds()) {
      const event = shard.tail.byId(id)
      if (event === undefined) others.push(id)
      else known.set(id, foundIn(shard, event))
    }
    const places = await shard.ids.placesOf(others, view.sealed)
    for (const event of await eventsAt(shard, [...places.values()])) known.set(event.id, foundIn(shard, event))
  }

  function statesIn({ shard, view }: Viewed): Promise<readonly (readonly [string, StreamState])[]> {
    return inParallel(
      streamIds.get(shard.shard) ?? [],
      async (streamId) => [streamId, await shard.states.of(streamId, view)] as const,
    )
  }

  async function matchesIn({ shard, view }: Viewed): Promise<ReadonlyMap<AppendRequest, number>> {
    const matches = new Map<AppendRequest, number>()
    for (const request of batch) {
      if (request.condition === undefined) continue
      const after = Math.max(request.condition.after, held.get(request) ?? 0)
      const position = await firstMatch(shard, { ...request.condition, after }, view)
      if (position === undefined) held.set(request, view.head)
      else matches.set(request, position)
    }
    return matches
  }

  function unknownIds(): readonly string[] {
    return ids.filter((id) => !known.has(id))
  }

  async function facts(): Promise<Facts> {
    for (;;) {
      const viewed = shards.map((shard): Viewed => ({ shard, view: shard.tail.view() }))
      const [, states, matches] = await Promise.all([
        inParallel(viewed, findIn),
        inParallel(viewed, statesIn),
        inParallel(viewed, matchesIn),
      ])
      // Looked up piece by piece: all of it has to be about one state of each shard.
      if (viewed.some(({ shard, view }) => shard.tail.view() !== view)) continue
      return {
        logShards,
        heads: new Map(viewed.map(({ shard, view }) => [shard.shard, view.head])),
        found: known,
        states: new Map(states.flat()),
        matches: new Map(matches.flatMap((some) => [...some])),
      }
    }
  }

  return {
    facts,
    unknownIds,
    learn: (stored) => {
      for (const [id, found] of stored) known.set(id, found)
    },
  }
}

async function firstMatch(shard: ShardParts, condition: NormalCondition, view: View): Promise<number | undefined> {
  const { after, failIfMatch } = condition
  if (after < view.sealed.position) {
    const read = { from: after + 1, direction: 'forward', sealed: view.sealed } as const
    for await (const { events } of searchSealed(shard, failIfMatch, read)) {
      const [first] = events
      if (first !== undefined) return first.position
    }
  }
  return eventsIn(view).find((event) => event.position > after && matchesQuery(failIfMatch, event))?.position
}

function streamsOf(batch: readonly AppendRequest[]): readonly string[] {
  const streamIds = new Set<string>()
  for (const { events, checks } of batch) {
    for (const { streamId } of checks) streamIds.add(streamId)
    for (const { streamId } of events) {
      streamIds.add(streamId)
      const subject = subjectOf(streamId)
      if (subject !== undefined) streamIds.add(subject)
    }
  }
  return [...streamIds]
}
