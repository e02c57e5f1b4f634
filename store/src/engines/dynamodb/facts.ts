import type { AppendRequest } from '../../engine/engine.ts'
import { matchesQuery, type NormalCondition } from '../../model/query.ts'
import { type StreamState, subjectOf } from '../../model/stream.ts'
import { searchSealed } from './filter.ts'
import type { Facts, Found } from './judge.ts'
import { inParallel } from './parallel.ts'
import { eventsAt, type ShardParts } from './shard.ts'
import { eventsIn, type View } from './tail.ts'

/** What was found out about a batch, to be asked again when the log has grown meanwhile. */
export interface Inquiry {
  /** The facts as of the end of the log as it is known now. */
  facts(): Promise<Facts>
}

/** Finds out what a batch is judged by: in memory what is there, in the table the rest. */
export function inquire(shard: ShardParts, batch: readonly AppendRequest[]): Inquiry {
  const ids = batch.flatMap(({ events }) => events.map(({ id }) => id))
  const streamIds = streamsOf(batch)
  // Up to where a condition was seen to hold: events above have come since.
  const held = new Map<AppendRequest, number>()

  async function foundIn(view: View): Promise<ReadonlyMap<string, Found>> {
    const found = new Map<string, Found>()
    const others: string[] = []
    for (const id of ids) {
      const event = shard.tail.byId(id)
      if (event === undefined) others.push(id)
      else found.set(id, event)
    }
    const places = await shard.ids.placesOf(others, view.sealed)
    for (const event of await eventsAt(shard, [...places.values()])) found.set(event.id, event)
    return found
  }

  async function statesIn(view: View): Promise<ReadonlyMap<string, StreamState>> {
    const known = await inParallel(streamIds, async (id) => [id, await shard.states.of(id, view)] as const)
    return new Map(known)
  }

  async function matchesIn(view: View): Promise<ReadonlyMap<AppendRequest, number>> {
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

  return {
    facts: async () => {
      for (;;) {
        const view = shard.tail.view()
        const [found, states, matches] = await Promise.all([foundIn(view), statesIn(view), matchesIn(view)])
        // Looked up piece by piece: all of it has to be about one state of the log.
        if (shard.tail.view() === view) return { head: view.head, found, states, matches }
      }
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
