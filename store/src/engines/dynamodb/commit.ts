import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import type { StreamState } from '../../model/stream.ts'
import { noCommit, unlessRefused } from './barrier.ts'
import type { Attributes, Item } from './driver.ts'
import { decodeEvents, encodeEvents } from './encode.ts'
import { bodyKey, commitKey } from './keys.ts'
import type { Table } from './table.ts'
import type { TransactWrite } from './transaction.ts'

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

/** Bytes of a body that lie in the item itself: an item takes 400 KB with everything in it, and a transaction 4 MB. */
const itemBytes = 350_000
const transactionBytes = 3_500_000

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

/** A commit of one shard, and its bytes. */
export interface EncodedCommit {
  readonly shard: number
  readonly commit: Commit
  readonly body: Uint8Array
}

/** A place where the log of a shard is to end. */
export interface UnchangedEnd {
  readonly shard: number
  readonly nextPlace: number
}

/** What stood in the way of a commit: another one, or a barrier. */
export interface InTheWay {
  readonly shard: number
  readonly item: Item
}

/**
 * Writes commits where the shards of a log end, if they end there and no barrier refuses them: all or none, and all with one
 * id. Of other shards it may be asked that they end where they did when the append was judged.
 *
 * @returns what came first; nothing when the commits are in the log.
 */
export async function putCommits(
  table: Table,
  encoded: readonly EncodedCommit[],
  unchanged: readonly UnchangedEnd[],
): Promise<readonly InTheWay[]> {
  const bytesMax = Math.min(itemBytes, Math.floor(transactionBytes / encoded.length))
  const puts = encoded.map((one) => ({ ...one, ...itemsOf(one, bytesMax) }))
  const parts = puts.flatMap((put) => put.parts)
  await table.putMany(parts)
  const writes = [
    ...puts.map(({ shard, item, commit }) => ({ shard, write: item, condition: unlessRefused(commit.id) })),
    ...unchanged.map(({ shard, nextPlace }) => ({
      shard,
      write: commitKey(shard, nextPlace),
      condition: noCommit,
    })),
  ]
  const met = await putTogether(table, writes)
  // The answer to the first try was lost: what is there is this commit.
  if (met === undefined || encoded.some(({ commit }, index) => isOf(commit, met[index]))) return []
  // Nothing names these parts, and nothing will.
  await table.removeMany(parts)
  return writes.flatMap(({ shard }, index) => {
    const item = met[index]
    return item === undefined ? [] : [{ shard, item }]
  })
}

/** One put is half the price of a transaction with one put. */
async function putTogether(
  table: Table,
  writes: readonly TransactWrite[],
): Promise<readonly (Item | undefined)[] | undefined> {
  const [only] = writes
  if (writes.length > 1 || only === undefined || !('attributes' in only.write)) return table.putAll(writes)
  const written = await table.put(only.write, only.condition)
  if (written.done) return undefined
  if (written.met === undefined) throw new StoreCorrupt(`the commit at ${Number(only.write.sk)} was there and is gone`)
  return [written.met]
}

function isOf({ id }: Commit, item: Item | undefined): boolean {
  return item?.attributes.id?.S === id
}

/** The item of a commit, and those of its body when it does not fit into the item. */
function itemsOf(
  { shard, commit, body }: EncodedCommit,
  bytesMax: number,
): { readonly item: Item; readonly parts: readonly Item[] } {
  const { id, firstPosition, events, chunk, filled, closes } = commit
  const parts = body.byteLength <= bytesMax ? [] : partsOf(body)
  const attributes: Attributes = {
    id: { S: id },
    events: { N: String(events.length) },
    chunk: { N: String(chunk) },
    filled: { S: `${filled.commits} ${filled.events} ${filled.bytes}` },
    ...(closes && { closes: { N: '1' } }),
    ...(parts.length === 0 ? { body: { B: body } } : { parts: { N: String(parts.length) } }),
  }
  return {
    item: { ...commitKey(shard, firstPosition), attributes },
    parts: parts.map((B, part) => ({ ...bodyKey(shard, id, part), attributes: { body: { B } } })),
  }
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
