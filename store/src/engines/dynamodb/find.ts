import type { StreamsPage, StreamsQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { ownPayload } from '../../model/payload.ts'
import { streamInfo } from '../../model/stream.ts'
import { compareNames, namesPartition } from './keys.ts'
import { namedItems } from './names-index.ts'
import { inParallel } from './parallel.ts'
import { eventsAt, type ShardParts } from './shard.ts'
import { eventsIn, type View } from './tail.ts'

/** The event with an id in one shard. */
export async function find(shard: ShardParts, view: View, eventId: string): Promise<StoredEvent | undefined> {
  const recent = eventsIn(view).find(({ id }) => id === eventId)
  const event = recent ?? (await sealedEvent(shard, view, eventId))
  return event && { ...event, data: ownPayload(event.data), metadata: ownPayload(event.metadata) }
}

async function sealedEvent(shard: ShardParts, view: View, eventId: string): Promise<StoredEvent | undefined> {
  const places = await shard.ids.placesOf([eventId], view.sealed)
  const [event] = await eventsAt(shard, [...places.values()])
  return event
}

/** Lists streams of one shard that were ever written to. */
export async function listStreams(shard: ShardParts, view: View, query: StreamsQuery): Promise<StreamsPage> {
  const { prefix, after, limit } = query
  const names = new Set<string>()
  for (const { streamId, version } of eventsIn(view)) {
    if (version === 1 && streamId.startsWith(prefix) && compareNames(streamId, after) > 0) names.add(streamId)
  }
  const sealed: string[] = []
  const read = { pk: namesPartition(shard.shard), attribute: 'stream', prefix, after, pageItems: limit + 1 }
  for await (const item of namedItems(shard.table, read)) {
    sealed.push(item.attributes.stream?.S ?? '')
    // One more, to know whether there are more.
    if (sealed.length > limit) break
  }
  const all = [...new Set([...names, ...sealed])].sort(compareNames)
  const infos = await inParallel(all.slice(0, limit + 1), async (streamId) =>
    streamInfo(streamId, await shard.states.of(streamId, view)),
  )
  // A name may be there before its chunk counts as sealed.
  const listed = infos.filter(({ version }) => version > 0)
  return { streams: listed.slice(0, limit), end: listed.length <= limit && infos.length <= limit }
}
