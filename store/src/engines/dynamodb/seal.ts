import { StoreCorrupt } from '../../model/errors.ts'
import type { Commit } from './commit.ts'
import type { Item } from './driver.ts'
import { idItems } from './ids-index.ts'
import { namesPartition, sealedKey } from './keys.ts'
import { namedKey } from './names-index.ts'
import { inParallel } from './parallel.ts'
import type { ShardParts } from './shard.ts'
import { type PlacedEvent, streamItems } from './streams-index.ts'
import { absent, type Table } from './table.ts'
import type { Sealed } from './tail.ts'
import { termItems } from './terms-index.ts'

/*
 * Sealing: a chunk of the log that is complete gets its indexes. They follow from the commits of the chunk and nothing else,
 * so that whoever makes them makes the same: a process may die in the middle, and two may do it at once. What counts is the
 * mark, which moves on by one chunk when all items of that chunk are there; until then readers take the chunk from the log.
 */

/** Which shard of how many. */
export type SealedShard = Pick<ShardParts, 'shard' | 'logShards'>

/** The items of a chunk. Where the log has several shards, claims are the index of ids. */
export async function chunkItems(
  { shard, logShards }: SealedShard,
  commits: readonly Commit[],
): Promise<readonly Item[]> {
  const chunk = commits[0]?.chunk ?? 0
  const streams = new Map<string, PlacedEvent[]>()
  for (const { firstPosition, events, states } of commits) {
    for (const streamId of states.keys()) if (!streams.has(streamId)) streams.set(streamId, [])
    for (const [index, event] of events.entries())
      streams.get(event.streamId)?.push({ event, commit: firstPosition, index })
  }
  const ofStreams = await inParallel([...streams], async ([streamId, events]) => {
    const state = commits.findLast(({ states }) => states.has(streamId))?.states.get(streamId)
    return state === undefined ? [] : streamItems(shard, chunk, { streamId, state, events })
  })
  const newStreams = [...streams].filter(([, events]) => events[0]?.event.version === 1)
  const names = newStreams.map(([streamId]) => ({
    ...namedKey(namesPartition(shard), streamId),
    attributes: { stream: { S: streamId } },
  }))
  const ofIds = logShards === 1 ? idItems(shard, chunk, commits) : []
  return [...ofStreams.flat(), ...ofIds, ...termItems(shard, chunk, commits), ...names]
}

/** How far the indexes of a shard are. */
export async function readSealed(table: Table, shard: number): Promise<Sealed> {
  return sealedIn(await table.get(sealedKey(shard)))
}

/** Writes the indexes of the next chunk, and the mark behind it; gives the mark as it is then. */
export async function sealChunk(
  { table, shard, logShards }: SealedShard & { readonly table: Table },
  commits: readonly Commit[],
): Promise<Sealed> {
  const last = commits.at(-1)
  if (last === undefined) return readSealed(table, shard)
  await table.putMany(await chunkItems({ shard, logShards }, commits))
  const sealed = { chunk: last.chunk, position: last.lastPosition }
  const item = {
    ...sealedKey(shard),
    attributes: { chunk: { N: String(sealed.chunk) }, position: { N: String(sealed.position) } },
  }
  const before = { condition: 'chunk = :before', values: { ':before': { N: String(sealed.chunk - 1) } } }
  const written = await table.put(item, sealed.chunk === 1 ? absent : before)
  if (written.done) return sealed
  if (written.met === undefined) throw new StoreCorrupt('the mark of the indexes was there and is gone')
  return sealedIn(written.met)
}

function sealedIn(item: Item | undefined): Sealed {
  return { chunk: Number(item?.attributes.chunk?.N ?? 0), position: Number(item?.attributes.position?.N ?? 0) }
}
