import type { EventStore } from 'varve'
import { tombstoneType } from '../kurrent/streams/kurrent-event.ts'
import { isMetadataStream, metadataStreamOf } from '../kurrent/streams/stream-access.ts'
import { takeCarried } from './carried.ts'
import { eventsBackwards, type Kurrent, type SourceEvent } from './connect.ts'
import { closesStream, isOfSystem } from './from-kurrent.ts'

/** A database has events that are not the store's. */
export class OtherEvents extends Error {}

/**
 * The position of the last event of a store that was copied into a database, 0 for none. The database itself says it: events
 * are copied in order, so that its last one is the last that was copied, wherever a run was cut off. Nothing is remembered
 * that could be wrong.
 *
 * @throws OtherEvents when the last event is none of the store's, so that somebody else writes there.
 */
export async function lastCopied(store: EventStore, target: Kurrent, signal: AbortSignal): Promise<number> {
  for await (const event of eventsBackwards(target, signal)) {
    if (isOfSystem(event.streamId)) continue
    const position = await positionOf(store, event, signal)
    if (position !== undefined) return position
    // KurrentDB itself writes metadata where a deleted stream is written again.
    if (!isMetadataStream(event.streamId)) throw new OtherEvents(otherEvents(event))
  }
  return 0
}

async function positionOf(store: EventStore, event: SourceEvent, signal: AbortSignal): Promise<number | undefined> {
  if (closesStream(event)) {
    const facts = store.readStream(metadataStreamOf(event.streamId), { direction: 'backward', limit: 1, signal })
    const fact = await facts.first()
    return fact?.type === tombstoneType ? fact.position : undefined
  }
  const id = takeCarried(event.metadata)?.carried.id ?? event.id
  return (await store.readEvent(id, { signal }))?.position
}

function otherEvents({ id, revision, streamId }: SourceEvent): string {
  return (
    `its last event, ${id} at ${revision}@${streamId}, is none of the store's. ` +
    'A store is copied into a database that is new, or that has nothing but an earlier copy of it.'
  )
}
