import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import { isBarrier } from './barrier.ts'
import { type Commit, eventsIn, readCommit } from './commit.ts'
import type { Item } from './driver.ts'
import { bucketOf, commitKey, logPartition, padded } from './keys.ts'
import { inParallel, slices } from './parallel.ts'
import type { Table } from './table.ts'

/*
 * The log of a shard in the table. A commit is put at the position after the last one, by a writer who has seen the last
 * one, and only where nothing is: so there is one commit after the other without a hole, and nothing is ever put before
 * what somebody has read. A Query is no snapshot. It may have passed a place before something was put there, and find what was
 * put behind it later; who reads stops where a commit is missing, and finds it there with the next request.
 */

/** Commits that are decoded together: their events are in memory then. */
const commitsTogether = 8

/** The log of one shard. */
export interface Log {
  /** Commits one behind the other, beginning with the one whose first event has this position; ends where one is missing. */
  commitsFrom(firstPosition: number): AsyncGenerator<Commit>
  /** The commits up to the one that a position lies in, the last one first. */
  commitsBackFrom(position: number): AsyncGenerator<Commit>
  /** The position at which the commit begins that a position lies in; `undefined` when there is none. */
  beginOf(position: number): Promise<number | undefined>
  /** The commits that begin at these positions, in this order. */
  commitsAt(firstPositions: readonly number[]): Promise<readonly Commit[]>
}

/** Where an event lies: the commit, by its first position, and the place in it. */
export interface Place {
  readonly commit: number
  readonly index: number
}

/** The log of a shard in a table. */
export function createLog(table: Table, shard: number): Log {
  const read = (item: Item): Promise<Commit> => readCommit(table, shard, item)

  async function* commitsFrom(firstPosition: number): AsyncGenerator<Commit> {
    let next = firstPosition
    // A bucket ends where a commit begins in the next one.
    for (let bucket = -1; bucket !== bucketOf(next); ) {
      bucket = bucketOf(next)
      const range = { pk: logPartition(shard, bucket), from: padded(next), to: padded(Number.MAX_SAFE_INTEGER) }
      for await (const items of table.query({ ...range, direction: 'forward' })) {
        const run: Item[] = []
        for (const item of items) {
          if (Number(item.sk) !== next || isBarrier(item)) break
          run.push(item)
          next += eventsIn(item)
        }
        // An item says little about the size of its commit, whose body may lie elsewhere.
        for (const some of slices(run, commitsTogether)) yield* await inParallel(some, read)
        if (run.length < items.length) return
      }
    }
  }

  /** The last commit of a bucket that begins at or before a position. */
  async function lastItem(position: number): Promise<Item | undefined> {
    for (let bucket = bucketOf(position); bucket >= 0; bucket--) {
      const range = { pk: logPartition(shard, bucket), from: padded(0), to: padded(position) }
      for await (const [item] of table.query({ ...range, direction: 'backward', pageItems: 1 }))
        if (item && !isBarrier(item)) return item
    }
    return undefined
  }

  async function beginOf(position: number): Promise<number | undefined> {
    const item = position < 1 ? undefined : await lastItem(position)
    return item && Number(item.sk) + eventsIn(item) > position ? Number(item.sk) : undefined
  }

  async function* commitsBackFrom(position: number): AsyncGenerator<Commit> {
    for (let bucket = bucketOf(position); bucket >= 0; bucket--) {
      const range = { pk: logPartition(shard, bucket), from: padded(0), to: padded(position) }
      // Few at a time: who reads backwards mostly wants the last ones.
      for await (const items of table.query({ ...range, direction: 'backward', pageItems: 16 })) {
        for (const item of items) if (!isBarrier(item)) yield read(item)
      }
    }
  }

  return {
    commitsFrom,
    commitsBackFrom,
    beginOf,
    commitsAt: async (firstPositions) => {
      const items = new Map(
        (await table.getMany(firstPositions.map((first) => commitKey(shard, first)))).map((item) => [
          Number(item.sk),
          item,
        ]),
      )
      return inParallel(firstPositions, (first) => {
        const item = items.get(first)
        if (item === undefined)
          throw new StoreCorrupt(`an index names a commit at position ${first}, which is not there`)
        return read(item)
      })
    },
  }
}

/**
 * The event at a place.
 *
 * @throws STORE_CORRUPT
 */
export function eventAt(commit: Commit, index: number): StoredEvent {
  const event = commit.events[index]
  if (event === undefined) {
    throw new StoreCorrupt(`an index names event ${index} of the commit at position ${commit.firstPosition}`)
  }
  return event
}
