/**
 * Which blobs no event names, and what becomes of them. A blob goes through this:
 *
 *   stored > (no event names it, older than the grace period) > set aside > (the same again, a later run) > removed
 *                                                             > (an event names it) > stored
 *
 * Why nothing that an event names is ever removed. The promise of the caller is to append within the grace period G of a
 * check-in. A run first takes the time T, then reads the log, then looks at the blobs.
 * - It sets aside a blob whose time is before T - G. If an event was to name it, that event was appended before T, so it
 *   was read. A check-in of the same bytes meanwhile may lose its blob to this, but only to where reads find it, from now
 *   on for G at least, and the event it was made for has been appended by the time a later run reads the log.
 * - It removes what was set aside before T - G and is still not named. A check-in never relies on what is set aside: it
 *   always stores anew.
 * A run that ends early has done less, nothing else.
 */

import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import { NoBlobNamed } from '../model/blob-errors.ts'
import type { CallOptions } from '../model/call.ts'
import { InvalidArgument, StoreCorrupt } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { type LogPositions, placeOfPosition, positionsAfter } from '../model/log-shard.ts'
import type { BlobEntry, BlobStore } from './blob-store.ts'
import { Census } from './census.ts'
import { digestsNamedBy } from './mentions.ts'

const optionFields = fieldsOf<CollectOptions>({
  olderThanMs: true,
  dryRun: true,
  whenNoneIsNamed: true,
  clock: true,
  signal: true,
})

/** Options of {@link collectOrphans}. */
export interface CollectOptions extends CallOptions {
  /**
   * The grace period, in milliseconds: how long a blob may wait for its event, and how long it stays set aside.
   * Default 7 days.
   */
  readonly olderThanMs?: number | undefined
  /** True: tells what would be done and does nothing. Default false. */
  readonly dryRun?: boolean | undefined
  /** What to do when no event at all names a blob, as in the wrong event store. Default `'refuse'`. */
  readonly whenNoneIsNamed?: 'refuse' | 'collect' | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

/** What a collection found and did. */
export interface Collected {
  /** Events that were read. */
  readonly events: number
  /** Blobs that an event names, those put back included. */
  readonly named: number
  /** Blobs that no event names and that are not old enough, stored or set aside. */
  readonly waiting: number
  /** Orphans that were set aside. */
  readonly setAside: number
  /** Orphans set aside earlier that were removed. */
  readonly removed: number
  /** Bytes of what was removed. */
  readonly removedBytes: number
  /** Blobs set aside earlier that an event names, put back. */
  readonly restored: number
  /** What writers that died had left unfinished, removed. */
  readonly unfinished: number
}

const weekMs = 7 * 24 * 60 * 60 * 1_000

/**
 * Sets aside the blobs that no event of the stores names, and removes those that an earlier run has set aside. Reads the
 * whole logs, events of hidden and closed streams too, and appends nothing. Give all stores that share the blob store.
 *
 * Nothing is touched unless every event was read. Repeat it after an interruption; run it as often as you like.
 *
 * @throws NO_BLOB_NAMED when no event names a blob and there is an orphan; STORE_CORRUPT when a log has holes; what reading
 *   the logs and the blob store throw.
 * @example
 * const blobs = fileBlobs({ directory: 'blobs' })
 * const { setAside, removed } = await collectOrphans(blobs, [store])
 */
export async function collectOrphans(
  blobs: BlobStore,
  stores: readonly EventStore[],
  options: CollectOptions = {},
): Promise<Collected> {
  refuseUnknownOptions(options, optionFields, 'collectOrphans')
  const { olderThanMs = weekMs, dryRun = false, whenNoneIsNamed = 'refuse', clock = systemClock, signal } = options
  refuseOptions(stores, olderThanMs, whenNoneIsNamed)
  const beforeMs = clock.now() - olderThanMs
  const { census, events } = await namedIn(stores, signal)
  const tally = { ...nothing, events }
  // What is set aside comes first, so a blob that is restored comes again, among those that are stored.
  for await (const entry of blobs.list(signal && { signal })) {
    signal?.throwIfAborted()
    const fate = fateOf(entry, census.has(entry.digest), beforeMs)
    if (census.isEmpty && whenNoneIsNamed === 'refuse' && (fate === 'set aside' || fate === 'removed')) {
      throw new NoBlobNamed(blobs.name, events, entry.digest)
    }
    if (!dryRun) await carryOut(blobs, entry, fate, signal)
    count(tally, entry, fate)
  }
  if (dryRun) return tally
  return { ...tally, unfinished: await blobs.removeUnfinished(beforeMs, signal && { signal }) }
}

type Fate = 'named' | 'waiting' | 'set aside' | 'removed' | 'restored'

const nothing = {
  events: 0,
  named: 0,
  waiting: 0,
  setAside: 0,
  removed: 0,
  removedBytes: 0,
  restored: 0,
  unfinished: 0,
}

function fateOf({ isSetAside, sinceMs }: BlobEntry, isNamed: boolean, beforeMs: number): Fate {
  if (isNamed) return isSetAside ? 'restored' : 'named'
  if (sinceMs >= beforeMs) return 'waiting'
  return isSetAside ? 'removed' : 'set aside'
}

async function carryOut(
  blobs: BlobStore,
  { digest }: BlobEntry,
  fate: Fate,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = signal && { signal }
  if (fate === 'set aside') await blobs.setAside(digest, options)
  if (fate === 'restored') await blobs.restore(digest, options)
  if (fate === 'removed') await blobs.remove(digest, options)
}

function count(tally: { -readonly [Key in keyof Collected]: number }, { bytes }: BlobEntry, fate: Fate): void {
  if (fate === 'removed') tally.removedBytes += bytes
  tally[fate === 'set aside' ? 'setAside' : fate]++
}

async function namedIn(
  stores: readonly EventStore[],
  signal: AbortSignal | undefined,
): Promise<{ readonly census: Census; readonly events: number }> {
  const census = new Census()
  let events = 0
  for (const store of stores) {
    const heads = await store.heads(signal && { signal })
    let last: LogPositions = heads.map(() => 0)
    for await (const event of store.readAll(signal && { signal })) {
      signal?.throwIfAborted()
      refuseHole(store, last, event.position)
      for (const digest of digestsNamedBy(event)) census.add(digest)
      last = positionsAfter(last, event)
      events++
    }
    for (const [shard, head] of heads.entries()) {
      const end = last[shard] ?? 0
      if (end < head) throw new StoreCorrupt(`the log ends at position ${end}, before its head at ${head}`)
    }
  }
  return { census, events }
}

/** An event that was passed over may be the one that names a blob. */
function refuseHole({ capabilities }: EventStore, positions: LogPositions, position: number): void {
  const { shard, place } = placeOfPosition(position, positions.length)
  const last = positions[shard] ?? 0
  if (!capabilities.gaplessPositions || place === placeOfPosition(last, positions.length).place + 1) return
  throw new StoreCorrupt(`the log has position ${position} after ${last}`)
}

function refuseOptions(stores: unknown, olderThanMs: number, whenNoneIsNamed: string): void {
  if (!Array.isArray(stores) || stores.length === 0) {
    throw new InvalidArgument('stores', 'is not a list of event stores: give all that share the blob store')
  }
  if (!Number.isFinite(olderThanMs) || olderThanMs < 0) {
    throw new InvalidArgument('olderThanMs', 'is not a number of milliseconds from 0 on')
  }
  if (whenNoneIsNamed !== 'refuse' && whenNoneIsNamed !== 'collect') {
    throw new InvalidArgument('whenNoneIsNamed', "is neither 'refuse' nor 'collect'")
  }
}
