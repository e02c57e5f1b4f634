import type { Commit } from './commit.ts'
import type { Item } from './driver.ts'
import { padded, termPartition, termsOf } from './keys.ts'
import type { Place } from './log.ts'
import { packNumbers, unpackNumbers } from './pack.ts'
import type { Table } from './table.ts'
import type { Sealed } from './tail.ts'

/*
 * Where the events of a type or a category, or with a tag, lie: one item for each term and chunk, under the position of its
 * last event. A condition that nothing matches reads one item for each of its terms, however long the log is.
 */

/** Places in one item: up to ten bytes each. */
const itemPlaces = 20_000

/** Items of one request: a page of a term. */
const pageItems = 20

/** The items for the terms of a chunk. */
export function termItems(shard: number, chunk: number, commits: readonly Commit[]): readonly Item[] {
  const byTerm = new Map<string, Place[]>()
  for (const { firstPosition, events } of commits) {
    for (const [index, event] of events.entries()) {
      for (const term of termsOf(event)) {
        const places = byTerm.get(term)
        if (places === undefined) byTerm.set(term, [{ commit: firstPosition, index }])
        else places.push({ commit: firstPosition, index })
      }
    }
  }
  return [...byTerm].flatMap(([term, places]) =>
    Array.from({ length: Math.ceil(places.length / itemPlaces) }, (_, piece) => {
      const some = places.slice(piece * itemPlaces, (piece + 1) * itemPlaces)
      return {
        pk: termPartition(shard, term),
        sk: padded(positionOf(some.at(-1) as Place)),
        attributes: { chunk: { N: String(chunk) }, places: { B: packPlaces(some) } },
      }
    }),
  )
}

/** The position of the event at a place. */
export function positionOf({ commit, index }: Place): number {
  return commit + index
}

/** Commits by the distance to the one before, places in them as they are. */
function packPlaces(places: readonly Place[]): Uint8Array {
  let last = 0
  return packNumbers(
    places.flatMap(({ commit, index }) => {
      const distance = commit - last
      last = commit
      return [distance, index]
    }),
  )
}

function unpackPlaces(bytes: Uint8Array): readonly Place[] {
  const numbers = unpackNumbers(bytes)
  let commit = 0
  return Array.from({ length: numbers.length / 2 }, (_, entry) => {
    commit += numbers[entry * 2] ?? 0
    return { commit, index: numbers[entry * 2 + 1] ?? 0 }
  })
}

/** Places of a term, and the position up to which they are all of them. */
export interface TermPage {
  readonly places: readonly Place[]
  /** In the direction of reading: no event beyond what was given lies before this position. */
  readonly until: number
}

/** From where, and in which direction. */
export interface TermRead {
  readonly from: number
  readonly direction: 'forward' | 'backward'
  readonly sealed: Sealed
}

/** The sealed places of a term, from a position on, in the order of reading. */
export async function* placesOf(
  table: Table,
  pk: string,
  { from, direction, sealed }: TermRead,
): AsyncGenerator<TermPage> {
  const forward = direction === 'forward'
  const range = forward
    ? { from: padded(from), to: padded(sealed.position) }
    : { from: padded(0), to: await lastSort(table, pk, from, sealed) }
  for await (const items of table.query({ pk, ...range, direction, pageItems })) {
    const places = items
      .flatMap(({ attributes }) => {
        const all = unpackPlaces(attributes.places?.B ?? new Uint8Array())
        return forward ? all : all.toReversed()
      })
      .filter((place) => (forward ? positionOf(place) >= from : positionOf(place) <= from))
    const last = items.at(-1)
    // Backwards, an item begins at its first event: what lies before that may still come.
    const first = places.at(-1)
    if (last !== undefined)
      yield { places, until: forward || first === undefined ? Number(last.sk) : positionOf(first) }
  }
  yield { places: [], until: forward ? sealed.position : 0 }
}

/** The item that a position may lie in is the first one that does not end before it. */
async function lastSort(table: Table, pk: string, from: number, sealed: Sealed): Promise<string> {
  const range = { pk, from: padded(from), to: padded(sealed.position), direction: 'forward', pageItems: 1 } as const
  for await (const [item] of table.query(range)) if (item !== undefined) return item.sk
  return padded(from)
}
