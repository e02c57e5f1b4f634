import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import type { StreamState } from '../../model/stream.ts'
import type { Attributes, Item } from './driver.ts'
import { decodeEvents, encodeEvents } from './encode.ts'
import { bodyKey, commitKey } from './keys.ts'
import { absent, type Table } from './table.ts'

/**
 * What one write to the log holds: the events of a batch, at consecutive positions, and the states in which it left every
 * stream that it touched. One item, and with it one atomic write; where it does not fit into an item, its body lies in
 * parts that were written before, which nobody sees until the item names them.
 */
export interface Commit {
  /** Drawn by the writer: what tells the echo of a write whose answer was lost from a write of somebody else. */
  readonly id: string
  readonly firstPosition: number
  readonly lastPosition: number
  readonly events: readonly StoredEvent[]
  readonly states: ReadonlyMap<string, StreamState>
  /** The chunk of the log that this commit belongs to, from 1. */
  readonly chunk: number
  /** What the chunk has in it, this commit included. */
  readonly filled: Filled
  /** Whether the chunk ends with this commit: the writer decides it, so that all indexers agree. */
  readonly closes: boolean
}

/** How full a chunk is. */
export interface Filled {
  readonly commits: number
  readonly events: number
  readonly bytes: number
}

/** Bytes of a body that lie in the item itself: an item takes 400 KB with everything in it. */
const itemBytes = 350_000

type StateTuple = readonly [streamId: string, version: number, truncateBefore: number, tombstoned: 0 | 1]

/** The bytes of a commit's events and states. */
export function encodeBody({ events, states, firstPosition }: Omit<Commit, 'closes' | 'filled'>): Promise<Uint8Array> {
  const tuples = [...states].map(
    ([streamId, { version, truncateBefore, tombstoned }]): StateTuple => [
      streamId,
      version,
      truncateBefore,
      tombstoned ? 1 : 0,
    ],
  )
  return encodeEvents(events, firstPosition, tuples)
}

/**
 * Writes a commit where the log ends, if it ends there.
 *
 * @returns the item of the commit that came first, or `undefined` when this one is in the log.
 */
export async function putCommit(
  table: Table,
  shard: number,
  commit: Commit,
  body: Uint8Array,
): Promise<Item | undefined> {
  const { id, firstPosition, events, chunk, filled, closes } = commit
  const parts = body.byteLength <= itemBytes ? [] : partsOf(body)
  const items = parts.map((B, part) => ({ ...bodyKey(shard, id, part), attributes: { body: { B } } }))
  await table.putMany(items)
  const attributes: Attributes = {
    id: { S: id },
    events: { N: String(events.length) },
    chunk: { N: String(chunk) },
    filled: { S: `${filled.commits} ${filled.events} ${filled.bytes}` },
    ...(closes && { closes: { N: '1' } }),
    ...(parts.length === 0 ? { body: { B: body } } : { parts: { N: String(parts.length) } }),
  }
  const written = await table.put({ ...commitKey(shard, firstPosition), attributes }, absent)
  // The answer to the first try was lost: what is there is this commit.
  if (written.done || written.met?.attributes.id?.S === id) return undefined
  if (written.met === undefined) throw new StoreCorrupt(`the commit at position ${firstPosition} was there and is gone`)
  // Nothing names these parts, and nothing will.
  await table.removeMany(items)
  return written.met
}

/** How many positions a commit takes, told by its item alone. */
export function eventsIn(item: Item): number {
  return Number(item.attributes.events?.N)
}

/**
 * The commit of an item.
 *
 * @throws STORE_CORRUPT
 */
export async function readCommit(table: Table, shard: number, item: Item): Promise<Commit> {
  const { id, chunk, filled, closes, body, parts } = item.attributes
  const where = `the commit at position ${Number(item.sk)}`
  const firstPosition = Number(item.sk)
  const [commits = Number.NaN, events = Number.NaN, bytes = Number.NaN] = (filled?.S ?? '').split(' ').map(Number)
  if (
    id?.S === undefined ||
    !Number.isSafeInteger(Number(chunk?.N)) ||
    !Number.isSafeInteger(commits + events + bytes)
  ) {
    throw new StoreCorrupt(`${where} lacks attributes`)
  }
  const stored = body?.B ?? (await joinedBody(table, { shard, id: id.S, parts: Number(parts?.N), where }))
  const decoded = await decodeEvents<readonly StateTuple[]>(stored, firstPosition, where)
  return {
    id: id.S,
    firstPosition,
    lastPosition: firstPosition + decoded.events.length - 1,
    events: decoded.events,
    states: new Map(
      decoded.extra.map(([streamId, version, truncateBefore, tombstoned]) => [
        streamId,
        { version, truncateBefore, tombstoned: tombstoned === 1 },
      ]),
    ),
    chunk: Number(chunk?.N),
    filled: { commits, events, bytes },
    closes: closes !== undefined,
  }
}

interface Body {
  readonly shard: number
  readonly id: string
  readonly parts: number
  readonly where: string
}

async function joinedBody(table: Table, { shard, id, parts, where }: Body): Promise<Uint8Array> {
  const keys = Array.from({ length: Number.isSafeInteger(parts) ? parts : 0 }, (_, part) => bodyKey(shard, id, part))
  const found = new Map((await table.getMany(keys)).map((item) => [item.sk, item.attributes.body?.B]))
  const bytes = keys.map(({ sk }) => found.get(sk))
  if (bytes.length === 0 || bytes.includes(undefined)) throw new StoreCorrupt(`parts of ${where} are missing`)
  return Buffer.concat(bytes as readonly Uint8Array[])
}

function partsOf(body: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(body.byteLength / itemBytes) }, (_, part) =>
    body.subarray(part * itemBytes, (part + 1) * itemBytes),
  )
}
