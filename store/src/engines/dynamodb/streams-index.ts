import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import { emptyStream, type StreamState } from '../../model/stream.ts'
import type { Commit } from './commit.ts'
import type { Item } from './driver.ts'
import { decodeEvents, encodeEvents } from './encode.ts'
import { streamPartition, streamSort, streamSortUpTo } from './keys.ts'
import { eventAt, type Log, type Place } from './log.ts'
import type { Table } from './table.ts'
import type { Sealed } from './tail.ts'

/*
 * A stream's own partition: for each chunk of the log that touched the stream, its events of that chunk and its state at the
 * end of it. Events are there once more, so that a stream is read with one request however its events are scattered
 * over the log; large ones are only pointed to.
 */

/** Payload and metadata of an event that is stored once more, in bytes; larger ones are pointed to. */
const copiedBytes = 32_768

/** What one item holds at the most, before compression. */
const itemBytes = 250_000
const itemEvents = 2_000

/** What is pointed to: an event of this version, by its place in the log. */
type Pointer = readonly [version: number, commit: number, index: number]

interface Beside {
  readonly streamId: string
  readonly pointers: readonly Pointer[]
}

/** An event in a chunk that is to be sealed. */
export interface PlacedEvent extends Place {
  readonly event: StoredEvent
}

/** The items of one stream for a chunk. */
export async function streamItems(
  shard: number,
  chunk: number,
  stream: { readonly streamId: string; readonly state: StreamState; readonly events: readonly PlacedEvent[] },
): Promise<readonly Item[]> {
  const { streamId, state, events } = stream
  const pk = streamPartition(shard, streamId)
  const pieces = events.length === 0 ? [[]] : piecesOf(events)
  return Promise.all(
    pieces.map(async (piece) => {
      const first = piece[0]?.event.version ?? state.version + 1
      const pointers = piece.filter(isLarge).map(({ event, commit, index }): Pointer => [event.version, commit, index])
      const copied = piece.filter((one) => !isLarge(one)).map(({ event }) => event)
      return {
        pk,
        sk: streamSort(first, chunk),
        attributes: {
          chunk: { N: String(chunk) },
          version: { N: String(state.version) },
          shown: { N: String(state.truncateBefore) },
          ...(state.tombstoned && { tombstoned: { N: '1' } }),
          events: { N: String(piece.length) },
          body: { B: await encodeEvents(copied, 0, { streamId, pointers } satisfies Beside) },
        },
      }
    }),
  )
}

/** What is sealed of streams. */
export interface StreamsIndex {
  /** The state of a stream at the end of what is sealed. */
  stateOf(streamId: string, sealed: Sealed): Promise<StreamState>
  /** The events of a stream from a version on, in pages; of what is sealed only. */
  eventsOf(streamId: string, read: StreamRead): AsyncGenerator<readonly StoredEvent[]>
}

/** Which events of a stream. */
export interface StreamRead {
  readonly from: number
  readonly direction: 'forward' | 'backward'
  readonly sealed: Sealed
}

/** What is sealed of the streams of a shard. */
export function createStreamsIndex(table: Table, shard: number, log: Log): StreamsIndex {
  /** The newest item that begins at or before a version, of the chunks that this reader counts as sealed. */
  async function itemUpTo(streamId: string, version: number, { chunk }: Sealed): Promise<Item | undefined> {
    const range = { pk: streamPartition(shard, streamId), from: '', to: streamSortUpTo(version) }
    for await (const items of table.query({ ...range, from: '0', direction: 'backward', pageItems: 1 })) {
      const item = items.find((one) => chunkOf(one) <= chunk)
      if (item !== undefined) return item
    }
    return undefined
  }

  async function eventsOfItem(item: Item, streamId: string): Promise<readonly StoredEvent[]> {
    const where = `a chunk of stream ${JSON.stringify(streamId)}`
    const body = item.attributes.body?.B
    if (body === undefined) throw new StoreCorrupt(`${where} has no events`)
    const { events, extra } = await decodeEvents<Beside>(body, 0, where)
    if (extra.pointers.length === 0) return events
    const commits = new Map<number, Commit>()
    for (const [, begin] of extra.pointers) {
      // One after the other: these are the large ones.
      if (!commits.has(begin)) for (const commit of await log.commitsAt([begin])) commits.set(begin, commit)
    }
    const pointed = extra.pointers.map(([, begin, index]) => eventAt(commits.get(begin) as Commit, index))
    return [...events, ...pointed].sort((left, right) => left.version - right.version)
  }

  async function* eventsOf(streamId: string, read: StreamRead): AsyncGenerator<readonly StoredEvent[]> {
    const { from, direction, sealed } = read
    const pk = streamPartition(shard, streamId)
    const start = await itemUpTo(streamId, from, sealed)
    const forward = direction === 'forward'
    const first = start?.sk ?? streamSort(from, 0)
    const range = forward
      ? { from: first, to: streamSortUpTo(Number.MAX_SAFE_INTEGER) }
      : { from: '0', to: start?.sk ?? '0' }
    for await (const items of table.query({ pk, ...range, direction, pageItems: 16 })) {
      for (const item of items) {
        if (chunkOf(item) > sealed.chunk) continue
        const events = await eventsOfItem(item, streamId)
        const wanted = events.filter(({ version }) => (forward ? version >= from : version <= from))
        yield forward ? wanted : wanted.toReversed()
      }
    }
  }

  return {
    stateOf: async (streamId, sealed) => {
      if (sealed.chunk === 0) return emptyStream
      const item = await itemUpTo(streamId, Number.MAX_SAFE_INTEGER, sealed)
      if (item === undefined) return emptyStream
      const { version, shown, tombstoned } = item.attributes
      return { version: Number(version?.N), truncateBefore: Number(shown?.N), tombstoned: tombstoned !== undefined }
    },
    eventsOf,
  }
}

function chunkOf(item: Item): number {
  return Number(item.attributes.chunk?.N)
}

function isLarge({ event }: PlacedEvent): boolean {
  // Text counts by its characters here: the same for everybody, and never less than a third of its bytes.
  return event.data.length + event.metadata.length > copiedBytes
}

/** Cut the same way by everybody, since two who seal a chunk have to write the same items. */
function piecesOf(events: readonly PlacedEvent[]): readonly (readonly PlacedEvent[])[] {
  const pieces: PlacedEvent[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const one of events) {
    const size = isLarge(one) ? 50 : sizeOf(one.event)
    if (bytes + size > itemBytes || (pieces.at(-1)?.length ?? 0) >= itemEvents) {
      pieces.push([])
      bytes = 0
    }
    pieces.at(-1)?.push(one)
    bytes += size
  }
  return pieces
}

function sizeOf(event: StoredEvent): number {
  const { data, metadata, tags, type, contentType, metadataContentType } = event
  const names = Buffer.byteLength(JSON.stringify([tags, type, contentType, metadataContentType]))
  return Buffer.byteLength(data) + Buffer.byteLength(metadata) + names + 100
}
