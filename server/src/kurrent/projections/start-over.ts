import { type EventStore, type RecordedEvent, type StreamWrite, toText } from 'varve'
import { deletingMetadataText, metadataType } from '../streams/metadata-text.ts'
import { jsonContentType } from '../streams/proposed-event.ts'
import { lastMetadata } from '../streams/standing.ts'
import { metadataStreamOf } from '../streams/stream-access.ts'
import { idOf } from './emitted.ts'
import type { Registered } from './registry.ts'

/**
 * Streams that a projection emitted to before it was reset are deleted as it writes to them again, in the same append:
 * readers see what it emits now, or what it emitted then, and never one behind the other.
 */

/** Deletes what a projection wrote to a stream before its reset; undefined where others wrote last, or it has since. */
export async function startOver(
  store: EventStore,
  registered: Registered,
  stream: string,
): Promise<StreamWrite | undefined> {
  const last = await store.readStream(stream, { direction: 'backward', limit: 1 }).first()
  if (last === undefined || !isBeforeReset(last, registered)) return undefined
  const metadata = await lastMetadata(store, stream, undefined)
  const event = {
    id: idOf([registered.id, registered.epoch, 'start over', stream]),
    type: metadataType,
    data: Buffer.from(deletingMetadataText(metadata?.rawData, last.version + 1)),
    contentType: jsonContentType,
  }
  return { streamId: metadataStreamOf(stream), events: [event], expectedVersion: metadata?.version ?? 0 }
}

function isBeforeReset({ rawMetadata }: RecordedEvent, { id, epoch }: Registered): boolean {
  try {
    const { $v: origin } = JSON.parse(toText(rawMetadata)) as { readonly $v?: unknown }
    const [whose, when] = typeof origin === 'string' ? origin.split(':') : []
    return whose === id && Number(when) < epoch
  } catch {
    return false
  }
}
