import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import { matchesQuery, type NormalQuery } from '../../model/query.ts'
import { candidatesFor, groupsOf } from './candidates.ts'
import { eventAt } from './log.ts'
import { slices } from './parallel.ts'
import type { ShardParts } from './shard.ts'
import { positionOf, type TermRead } from './terms-index.ts'

/** Commits that are read together while events are looked for. */
const commitsTogether = 16

/** Events that match, in the order of reading, and the position up to which they are all of them. */
export interface Matches {
  readonly events: readonly StoredEvent[]
  readonly until: number
}

/** The sealed events that match a query, from a position on, in pieces; a piece may be empty. */
export function searchSealed(shard: ShardParts, query: NormalQuery, read: TermRead): AsyncGenerator<Matches> {
  const items = groupsOf(query)
  return items === undefined ? scan(shard, query, read) : search(shard, query, { ...read, items })
}

async function* search(
  shard: ShardParts,
  query: NormalQuery,
  { items, ...read }: TermRead & { readonly items: NonNullable<ReturnType<typeof groupsOf>> },
): AsyncGenerator<Matches> {
  for await (const { places, until } of candidatesFor(shard, items, read)) {
    for (const some of slices([...Map.groupBy(places, ({ commit }) => commit)], commitsTogether)) {
      const commits = await shard.log.commitsAt(some.map(([begin]) => begin))
      const events = commits.flatMap((commit, at) =>
        (some[at]?.[1] ?? []).map(({ index }) => eventAt(commit, index)).filter((event) => matchesQuery(query, event)),
      )
      const last = some.at(-1)?.[1].at(-1)
      if (last !== undefined) yield { events, until: positionOf(last) }
    }
    yield { events: [], until }
  }
}

/** Reads everything, where no index helps. */
async function* scan(shard: ShardParts, query: NormalQuery, read: TermRead): AsyncGenerator<Matches> {
  const { from, direction, sealed } = read
  const forward = direction === 'forward'
  const begin = forward ? ((await shard.log.beginOf(from)) ?? from) : from
  const commits = forward ? shard.log.commitsFrom(begin) : shard.log.commitsBackFrom(from)
  let previous: number | undefined
  for await (const { events, firstPosition, lastPosition } of commits) {
    if (forward && firstPosition > sealed.position) return
    if (!forward && previous !== undefined && lastPosition + 1 !== previous) {
      throw new StoreCorrupt(`the log has no events at positions ${lastPosition + 1} to ${previous - 1}`)
    }
    previous = firstPosition
    const wanted = events.filter(
      (event) => (forward ? event.position >= from : event.position <= from) && matchesQuery(query, event),
    )
    yield forward ? { events: wanted, until: lastPosition } : { events: wanted.toReversed(), until: firstPosition }
  }
}
