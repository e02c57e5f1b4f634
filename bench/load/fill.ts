import type { EventStore } from '../../store/src/event-store.ts'
import type { StreamWrite } from '../../store/src/model/call.ts'
import { eventsPerStream, newEvent, streamName } from './events.ts'

/** One run of events of one stream, in the order of the log. */
export interface Piece {
  readonly streamId: string
  /** Version of the first event. */
  readonly firstVersion: number
  readonly events: number
}

/** Slices that the events of a long stream are spread over, as time spreads them in a real store. */
const slices = 100

/** Streams of 100 and of 1,000 events that the store to be read holds. */
export const longStreams = { ofHundred: 100, ofThousand: 20 } as const

/** The id of a stream with exactly 100, or exactly 1,000 events. */
export function longStream(events: 100 | 1_000, number: number): string {
  return `Ledger-${events}-${number}`
}

/**
 * A store of about `events` events, slice by slice: streams of 100 and 1,000 that grow a little in each slice, and
 * streams of 20 that are complete in one. The same for every candidate.
 */
export function* slicesOf(events: number): Generator<readonly Piece[]> {
  const { ofHundred, ofThousand } = longStreams
  const short = Math.max(0, Math.round((events / slices - ofHundred - ofThousand * 10) / eventsPerStream))
  for (let slice = 0; slice < slices; slice++) {
    yield [
      ...pieces(ofHundred, (number) => ({ streamId: longStream(100, number), firstVersion: slice + 1, events: 1 })),
      ...pieces(ofThousand, (number) => ({
        streamId: longStream(1_000, number),
        firstVersion: slice * 10 + 1,
        events: 10,
      })),
      ...pieces(short, (number) => ({
        streamId: streamName('fill', number, slice),
        firstVersion: 1,
        events: eventsPerStream,
      })),
    ]
  }
}

/** Fills a store with pieces, a few hundred events per append. */
export async function fillStore(store: EventStore, all: Iterable<readonly Piece[]>): Promise<void> {
  let nth = 0
  for (const slice of all) {
    for (let at = 0; at < slice.length; at += 100) {
      const writes = slice.slice(at, at + 100).map(({ streamId, firstVersion, events }): StreamWrite => {
        const versions = Array.from({ length: events }, (_, place) => firstVersion + place)
        return { streamId, events: versions.map((version) => newEvent(streamId, version, nth++)) }
      })
      await store.appendAll(writes)
    }
  }
}

/** Streams of 20 only, for stores of which only the size matters. */
export function* shortStreams(events: number): Generator<readonly Piece[]> {
  for (let slice = 0; slice < events / (100 * eventsPerStream); slice++) {
    yield pieces(100, (number) => ({
      streamId: streamName('fill', number, slice),
      firstVersion: 1,
      events: eventsPerStream,
    }))
  }
}

function pieces(count: number, piece: (number: number) => Piece): readonly Piece[] {
  return Array.from({ length: count }, (_, number) => piece(number))
}
