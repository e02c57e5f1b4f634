import type { Commit } from './commit.ts'
import type { Item } from './driver.ts'
import { idPartition, isTimeOrdered, ownIdKey, padded } from './keys.ts'
import type { Place } from './log.ts'
import { packNumbers, unpackNumbers } from './pack.ts'
import { inParallel } from './parallel.ts'
import type { Table } from './table.ts'
import type { Sealed } from './tail.ts'

/*
 * Where the event with an id lies, for ever. An id that begins with a time shares an item with those of its chunk and of the
 * same four seconds: many to a write unit, and one read tells about all of them. Any other id has an item of its own.
 * A process remembers the partitions it has read, and keeps them up to date with what it seals: fresh ids begin with the
 * time of now, so that looking for them costs one read in four seconds and not one for each.
 */

/** Entries of one item: 16 bytes of the id and up to ten for the place. */
const itemEntries = 10_000

/** Ids that are remembered, in partitions that were read as a whole. */
const rememberedIds = 200_000
const rememberedPartitions = 256

/** The items for the ids of a chunk. */
export function idItems(shard: number, chunk: number, commits: readonly Commit[]): readonly Item[] {
  const entries = commits.flatMap((commit) =>
    commit.events.map(({ id }, index) => ({ id, commit: commit.firstPosition, index })),
  )
  const own = entries
    .filter(({ id }) => !isTimeOrdered(id))
    .map((entry) => ({ ...ownIdKey(shard, entry.id), attributes: attributesOf(chunk, [entry]) }))
  const together = Map.groupBy(
    entries.filter(({ id }) => isTimeOrdered(id)),
    ({ id }) => idPartition(shard, id),
  )
  const grouped = [...together].flatMap(([pk, all]) =>
    Array.from({ length: Math.ceil(all.length / itemEntries) }, (_, piece) => ({
      pk,
      sk: `${padded(chunk)}#${padded(piece)}`,
      attributes: attributesOf(chunk, all.slice(piece * itemEntries, (piece + 1) * itemEntries)),
    })),
  )
  return [...own, ...grouped]
}

interface Entry extends Place {
  readonly id: string
}

function attributesOf(chunk: number, entries: readonly Entry[]): Item['attributes'] {
  return {
    chunk: { N: String(chunk) },
    ids: { B: Buffer.from(entries.map(({ id }) => id.replaceAll('-', '')).join(''), 'hex') },
    places: { B: packNumbers(entries.flatMap(({ commit, index }) => [commit, index])) },
  }
}

/** What is sealed of ids. */
export interface IdsIndex {
  /** Where events with these ids lie; ids that are not sealed are left out. */
  placesOf(ids: readonly string[], sealed: Sealed): Promise<ReadonlyMap<string, Place>>
  /** Takes in what was sealed, for what is remembered. */
  learn(commit: Commit): void
  /** Nothing was told of what was sealed up to this chunk. */
  forget(chunk: number): void
}

/** Of a log with several shards: there claims tell where ids lie. */
export const idsByClaims: IdsIndex = {
  placesOf: async () => new Map(),
  learn: () => undefined,
  forget: () => undefined,
}

/** What is sealed of the ids of a shard. */
export function createIdsIndex(table: Table, shard: number): IdsIndex {
  const remembered = new Map<string, { readonly chunk: number; readonly places: Map<string, Place> }>()
  let learnedChunk = 0

  async function partition(pk: string, { chunk }: Sealed): Promise<ReadonlyMap<string, Place>> {
    const known = remembered.get(pk)
    if (known !== undefined && known.chunk <= chunk) return known.places
    const places = new Map<string, Place>()
    for await (const items of table.query({ pk, from: '0', to: '~', direction: 'forward' })) {
      for (const item of items)
        if (chunkOf(item) <= chunk) for (const { id, ...place } of entriesOf(item)) places.set(id, place)
    }
    remember(pk, chunk, places)
    return places
  }

  function remember(pk: string, chunk: number, places: Map<string, Place>): void {
    // What was sealed while this was read is not in it, and will not be told again.
    if (learnedChunk > chunk) return
    remembered.set(pk, { chunk, places })
    let ids = [...remembered.values()].reduce((sum, one) => sum + one.places.size, 0)
    for (const [oldest, one] of remembered) {
      if (ids <= rememberedIds && remembered.size <= rememberedPartitions) break
      remembered.delete(oldest)
      ids -= one.places.size
    }
  }

  return {
    placesOf: async (ids, sealed) => {
      if (sealed.chunk === 0) return new Map()
      const found = new Map<string, Place>()
      const own = ids.filter((id) => !isTimeOrdered(id))
      for (const item of await table.getMany(own.map((id) => ownIdKey(shard, id)))) {
        if (chunkOf(item) <= sealed.chunk) for (const { id, ...place } of entriesOf(item)) found.set(id, place)
      }
      const together = Map.groupBy(ids.filter(isTimeOrdered), (id) => idPartition(shard, id))
      await inParallel([...together], async ([pk, wanted]) => {
        const places = await partition(pk, sealed)
        for (const id of wanted) {
          const place = places.get(id)
          if (place !== undefined) found.set(id, place)
        }
      })
      return found
    },
    learn: ({ firstPosition, events, chunk }) => {
      learnedChunk = Math.max(learnedChunk, chunk)
      for (const [index, { id }] of events.entries()) {
        const one = isTimeOrdered(id) ? remembered.get(idPartition(shard, id)) : undefined
        if (one !== undefined && one.chunk < chunk) one.places.set(id, { commit: firstPosition, index })
      }
    },
    forget: (chunk) => {
      learnedChunk = Math.max(learnedChunk, chunk)
      remembered.clear()
    },
  }
}

function chunkOf(item: Item): number {
  return Number(item.attributes.chunk?.N)
}

function entriesOf({ attributes: { ids, places } }: Item): readonly Entry[] {
  const bytes = Buffer.from(ids?.B ?? [])
  const numbers = unpackNumbers(places?.B ?? new Uint8Array())
  return Array.from({ length: bytes.byteLength / 16 }, (_, entry) => {
    const hex = bytes.toString('hex', entry * 16, entry * 16 + 16)
    const id = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
    return { id, commit: numbers[entry * 2] ?? 0, index: numbers[entry * 2 + 1] ?? 0 }
  })
}
