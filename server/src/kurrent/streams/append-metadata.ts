import { type AppendOptions, type EventStore, isVarveError, type NewEvent, toText } from 'varve'
import { Refused } from '../refusal.ts'
import { expectedVersionOf, repeats } from './expectation.ts'
import { metadataType, storedMetadataText } from './metadata-text.ts'
import { jsonContentType, newEventOf, type ProposedEvent } from './proposed-event.ts'
import { type LandedWrite, landed, type ProposedWrite, refusedBy } from './proposed-write.ts'
import { settleIds } from './settle-ids.ts'
import { rulesOf } from './standing.ts'
import { subjectOf } from './stream-access.ts'

/**
 * Appends to the stream that holds another one's metadata.
 *
 * @throws Refused when that other stream is closed for ever, or an event is no metadata.
 */
export async function appendMetadata(
  store: EventStore,
  write: ProposedWrite,
  options: AppendOptions,
): Promise<LandedWrite> {
  const subject = subjectOf(write.stream)
  const { version, exists, tombstoned } = await store.streamInfo(subject, options)
  if (tombstoned) throw new Refused({ kind: 'stream_deleted', stream: write.stream })
  const isDeleted = version > 0 && !exists && (await isDeletedNow(store, subject, options))
  const given = (event: ProposedEvent): NewEvent => metadataEvent(event, version + 1, isDeleted)
  const expectedVersion = expectedVersionOf(write.expected)
  try {
    const appended = await store.append(write.stream, write.events.map(given), { ...options, expectedVersion })
    if (!appended.idempotent || repeats(write.expected, appended)) return landed(appended)
  } catch (error) {
    if (!isVarveError(error, 'DUPLICATE_EVENT_ID')) throw refusedBy(error, write)
  }
  const [place] = await settleIds(store, [{ ...write, newEvent: given }], options)
  return place as LandedWrite
}

async function isDeletedNow(store: EventStore, subject: string, { signal }: AppendOptions): Promise<boolean> {
  return typeof (await rulesOf(store, subject, signal)).truncateBefore !== 'number'
}

function metadataEvent(event: ProposedEvent, endVersion: number, isDeleted: boolean): NewEvent {
  if (event.type !== metadataType) {
    const problem = `A stream that begins with $$ takes events of type ${metadataType}, not ${event.type.slice(0, 80)}.`
    throw new Refused({ kind: 'bad_request', problem })
  }
  const data = Buffer.from(storedMetadataText(textOf(event.data), endVersion, isDeleted))
  return { ...newEventOf(event), data, contentType: jsonContentType }
}

function textOf(data: Uint8Array): string {
  try {
    return toText(data)
  } catch {
    throw new Refused({ kind: 'bad_request', problem: 'The metadata of a stream is no UTF-8.' })
  }
}
