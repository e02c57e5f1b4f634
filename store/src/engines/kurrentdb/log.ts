import type { Page, ReadQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { payloadBytes } from '../../model/payload.ts'
import { matchesQuery, type NormalQuery } from '../../model/query.ts'
import { type Connection, shown } from './connection.ts'
import type { KurrentEvent, KurrentFilter, KurrentPlace, KurrentPosition, KurrentResolved } from './driver.ts'
import { isUnknown } from './errors.ts'
import { positionOf, storedEventOf } from './record.ts'

/*
 * The log is KurrentDB's own, `$all`, and a position is the prepare position of an event there: it only rises, and has holes.
 * The server reads from positions of events, and may fail at any other. Whoever goes on behind an event asks for the number
 * after it, and whoever goes back for the number before it: so the neighbours of what is asked for are tried first. A number
 * that is nowhere near an event is found from the beginning or the end.
 */

/** Reads a page of the log. */
export async function readLog(connection: Connection, read: ReadQuery, query: NormalQuery): Promise<Page> {
  const head = await headOf(connection)
  const isForward = read.direction === 'forward'
  const from = isForward ? Math.max(read.from, 1) : Math.min(read.from, head)
  if (read.limit === 0) return { events: [], next: from, end: isForward ? from > head : from < 1, head }
  if (isForward ? from > head : from < 1) return { events: [], next: isForward ? from : 0, end: true, head }

  const events: StoredEvent[] = []
  let bytes = 0
  let last: number | undefined
  let isFull = false
  for await (const event of eventsFrom(connection, { ...read, from }, query)) {
    if (events.length === read.limit || bytes >= read.maxBytes) {
      isFull = true
      break
    }
    last = positionOf(event)
    const stored = storedEventOf(event, connection.names)
    if (!matchesQuery(query, stored)) continue
    events.push(stored)
    bytes += payloadBytes(stored.data) + payloadBytes(stored.metadata)
  }
  const beyond = Math.max(last ?? 0, isFull ? 0 : head)
  if (isForward) return { events, next: Math.max(from, beyond + 1), end: !isFull, head }
  return { events, next: isFull ? (last ?? from + 1) - 1 : 0, end: !isFull, head }
}

/** The position of the last event of the store, 0 for none. */
export async function headOf({ client, names }: Connection): Promise<number> {
  const options = { direction: 'backwards', maxCount: 1, requiresLeader: true } as const
  const filter = names.filterFor('everything')
  for await (const resolved of client.readAll({ ...options, fromPosition: 'end', filter })) {
    const event = shown(resolved)
    if (event !== undefined) return positionOf(event)
  }
  return 0
}

type Start = Pick<ReadQuery, 'direction' | 'from' | 'limit'>

/** Events that are asked for at once where it is not known how many of them match. */
const chunkEvents = 256

/** The store's events from a position on, that one included, in either direction. */
async function* eventsFrom(connection: Connection, start: Start, query: NormalQuery): AsyncGenerator<KurrentEvent> {
  const { names } = connection
  const { direction, from } = start
  const isWithin = (event: KurrentEvent): boolean =>
    direction === 'forward' ? positionOf(event) >= from : positionOf(event) <= from
  // One more tells whether it is the end, and another one lies before what is asked for.
  const chunk = query === 'everything' ? Math.min(start.limit + 2, chunkEvents) : chunkEvents
  const places = direction === 'forward' ? placesBefore(from) : placesAfter(from)
  for await (const event of logFrom(connection, { direction, places, filter: names.filterFor(query), chunk })) {
    if (names.isOfStore(event.streamId) && isWithin(event)) yield event
  }
}

/** Where to read the log, and how. */
export interface LogRead {
  readonly direction: ReadQuery['direction']
  /** Where an event may begin, the likeliest place first. */
  readonly places: readonly KurrentPlace[]
  readonly filter: KurrentFilter
  /** Events that are asked for at once: the server sends them all, whether or not the reader takes them. */
  readonly chunk: number
}

/** What the log has from a place on, chunk by chunk. */
export async function* logFrom(connection: Connection, read: LogRead): AsyncGenerator<KurrentEvent> {
  let { places } = read
  let last: KurrentPosition | undefined
  for (;;) {
    let count = 0
    for await (const resolved of chunkFrom(connection, { ...read, places })) {
      count++
      const event = shown(resolved)
      // A forward read begins with the event that the last one ended with.
      if (event?.position === undefined || event.position.prepare === last?.prepare) continue
      last = event.position
      yield event
    }
    if (count < read.chunk || last === undefined) return
    places = [last]
  }
}

/** Tries the places one after the other. One at which no event begins fails before anything came of it. */
async function* chunkFrom(
  { client }: Connection,
  { direction, places, filter, chunk }: LogRead,
): AsyncGenerator<KurrentResolved> {
  for (const [index, fromPosition] of places.entries()) {
    let isBegun = false
    try {
      const options = {
        direction: `${direction}s`,
        maxCount: chunk,
        fromPosition,
        filter,
        requiresLeader: true,
      } as const
      for await (const resolved of client.readAll(options)) {
        isBegun = true
        yield resolved
      }
      return
    } catch (error) {
      if (isBegun || !isUnknown(error) || index === places.length - 1) throw error
    }
  }
}

function placesBefore(from: number): readonly KurrentPlace[] {
  return from <= 1 ? ['start'] : [placeAt(from - 1), placeAt(from), 'start']
}

/** Backward reads of the server begin below the position that they are given. */
function placesAfter(from: number): readonly KurrentPlace[] {
  return from === Number.MAX_SAFE_INTEGER ? ['end'] : [placeAt(from + 1), 'end']
}

function placeAt(position: number): KurrentPosition {
  return { commit: BigInt(position), prepare: BigInt(position) }
}
