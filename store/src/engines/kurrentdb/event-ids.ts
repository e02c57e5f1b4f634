import type { StoredEvent } from '../../model/event.ts'
import { type Connection, eventFrom } from './connection.ts'
import type { KurrentEvent, KurrentRecord } from './driver.ts'
import { logFrom } from './log.ts'
import { ownRecord, storedEventOf } from './record.ts'

/*
 * An id is unique in the store because a stream is named after it, which the append that takes it begins and nobody can
 * begin twice. Its only event says where the event with the id lies.
 */

/** What a stream of an id holds. */
interface IdPlace {
  readonly stream: string
  readonly revision: number
}

/** Events of the stream that are looked at at once; most often it is the first. */
const chunkEvents = 16

/** The record that takes an id. */
export function takenId(
  { names }: Pick<Connection, 'names'>,
  eventId: string,
  place: IdPlace,
  recordId: string,
): KurrentRecord {
  return ownRecord(names.eventIdName(eventId), recordId, 'id', { ...place })
}

/** The event with an id, undefined when the store never had it. Ids of events that other clients appended are not known. */
export async function find(connection: Connection, eventId: string): Promise<StoredEvent | undefined> {
  const taken = await eventFrom(connection, connection.names.eventIdName(eventId), 0)
  if (taken === undefined || taken === 'closed') return undefined
  const { stream, revision } = taken.data as IdPlace
  const there = await eventFrom(connection, stream, revision)
  const event =
    there !== undefined && there !== 'closed' && there.id === eventId
      ? there
      : await hidden(connection, taken, stream, eventId)
  return event && storedEventOf(event, connection.names)
}

/** What its stream does not show any more is still in the log, behind the record of its id. */
async function hidden(
  connection: Connection,
  taken: KurrentEvent,
  stream: string,
  eventId: string,
): Promise<KurrentEvent | undefined> {
  const filter = connection.names.filterForName(stream)
  const read = { direction: 'forward', places: [taken.position ?? 'start'], filter, chunk: chunkEvents } as const
  for await (const event of logFrom(connection, read)) if (event.id === eventId) return event
  return undefined
}
