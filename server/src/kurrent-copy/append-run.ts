import type { EventData } from '@kurrent/kurrentdb-client'
import type { RecordedEvent } from 'varve'
import { tombstoneType } from '../kurrent/streams/kurrent-event.ts'
import { isMetadataStream, subjectOf } from '../kurrent/streams/stream-access.ts'
import type { Kurrent } from './connect.ts'

/** A stream of the target is not where the store's events belong. */
export class OtherHistory extends Error {}

/** Whether an event closes a stream for ever: KurrentDB has a call for that, and no event that a client could append. */
export function isTombstone({ type, streamId }: RecordedEvent): boolean {
  return type === tombstoneType && isMetadataStream(streamId)
}

/**
 * Appends events of one stream that follow each other at the revisions of their versions, all or none.
 *
 * @param proposed the events as the client takes them.
 * @throws OtherHistory; what the client throws.
 */
export async function appendRun(
  { client }: Kurrent,
  first: RecordedEvent,
  proposed: readonly EventData[],
): Promise<void> {
  if (isTombstone(first)) {
    await client.tombstoneStream(subjectOf(first.streamId), { expectedRevision: 'any' })
    return
  }
  const streamState = first.version === 1 ? ('no_stream' as const) : BigInt(first.version - 2)
  const last = BigInt(first.version - 1 + proposed.length - 1)
  try {
    const options = { streamState, batchAppendSize: messageBytes }
    const { nextExpectedRevision } = await client.appendToStream(first.streamId, [...proposed], options)
    // A stream that was deleted counts on, although it is expected not to be there.
    if (nextExpectedRevision !== last) throw new OtherHistory(otherHistory(first))
  } catch (error) {
    if (!isWrongVersion(error)) throw error
    throw new OtherHistory(otherHistory(first), { cause: error })
  }
}

/** Of one message; an append may be several. The client's default is more than some proxies take. */
const messageBytes = 1_048_576

function isWrongVersion(error: unknown): boolean {
  return (error as { readonly type?: unknown } | undefined)?.type === 'wrong-expected-version'
}

function otherHistory({ streamId, version, id }: RecordedEvent): string {
  return (
    `event ${id} is version ${version} of stream ${JSON.stringify(streamId)}, and the stream is at another revision there. ` +
    'The database went another way than the store: export into a new one.'
  )
}
