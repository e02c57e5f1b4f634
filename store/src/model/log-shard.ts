/**
 * A log may consist of shards, each with an order of its own; the capability `logShards` says of how many. A position
 * stays one number, unique in the store: place × shards + shard. With one shard it is the place itself: 1, 2, 3…
 * Positions of one shard compare as they always did; those of different shards say nothing about what came first.
 */
import { InvalidArgument, NotSupported } from './errors.ts'
import { isPosition } from './position.ts'
import { subjectOf } from './stream.ts'

/**
 * How far somebody is in each shard of a log: one position for each, in the order of the shards, 0 for none of its events.
 * Of a log with one shard, a list of one.
 */
export type LogPositions = readonly number[]

/**
 * The shard that a stream lies in: a hash of its id, the same on every engine and for ever. The facts about a stream lie
 * beside it, so that both are written under one lock.
 */
export function logShardOf(streamId: string, logShards: number): number {
  if (logShards === 1) return 0
  let subject = streamId
  for (let next = subjectOf(subject); next !== undefined; next = subjectOf(subject)) subject = next
  // FNV-1a with the last steps of MurmurHash3: what differs in the last character only is far apart all the same.
  let hash = 0x811c9dc5
  for (let index = 0; index < subject.length; index++) hash = Math.imul(hash ^ subject.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % logShards
}

/** An event's place in its shard, from 1 on. */
export interface LogPlace {
  readonly shard: number
  readonly place: number
}

/** The position of a place in a shard. */
export function positionOfPlace({ shard, place }: LogPlace, logShards: number): number {
  return place * logShards + shard
}

/** The shard and the place in it that a position stands for. */
export function placeOfPosition(position: number, logShards: number): LogPlace {
  const shard = position % logShards
  return { shard, place: (position - shard) / logShards }
}

/** Where a read of a shard begins. */
export interface ShardStart {
  /** Any number: it need not be a position of the shard. */
  readonly from: number
  readonly direction: 'forward' | 'backward'
  readonly shard: number
}

/** The place at which a read of a shard begins: the first one at or above `from`, or the last one at or below it; 0 for none. */
export function placeFrom({ from, direction, shard }: ShardStart, logShards: number): number {
  const place = (from - shard) / logShards
  return direction === 'forward' ? Math.max(Math.ceil(place), 1) : Math.max(Math.floor(place), 0)
}

/** The same positions with an event taken in: where to go on once it was handled. */
export function positionsAfter(positions: LogPositions, { position }: { readonly position: number }): LogPositions {
  const moved = position % positions.length
  return positions.map((before, shard) => (shard === moved ? position : before))
}

/** The highest position there can be in a shard up to `bound`, 0 when there is none: what a mark says of a shard. */
export function positionUpTo(bound: number, shard: number, logShards: number): number {
  const place = placeFrom({ from: bound, direction: 'backward', shard }, logShards)
  return place === 0 ? 0 : positionOfPlace({ shard, place }, logShards)
}

/**
 * Refuses what rests on one order of the whole log where there is none. The advice says what to do instead.
 *
 * @throws NOT_SUPPORTED
 */
export function requireOneOrder(log: { readonly engine: string; readonly logShards: number }, advice: string): void {
  const { engine, logShards } = log
  const lack = `keeps its log in ${logShards} shards, each with an order of its own`
  if (logShards > 1) throw new NotSupported(engine, 'logShards', advice, lack)
}

/**
 * Refuses what are no positions of a log with so many shards.
 *
 * @throws INVALID_ARGUMENT
 */
export function checkLogPositions(value: unknown, logShards: number, argument: string): asserts value is LogPositions {
  if (!Array.isArray(value) || !value.every(isPosition)) {
    throw new InvalidArgument(
      argument,
      'is no list of positions, one for each log shard, as the marks of a subscription have',
    )
  }
  if (value.length !== logShards) {
    throw new InvalidArgument(
      argument,
      `has ${value.length} positions, but this log has ${logShards} shards: they come from another store`,
    )
  }
  const astray = value.findIndex((position, shard) => position !== 0 && position % logShards !== shard)
  if (astray >= 0)
    throw new InvalidArgument(`${argument}[${astray}]`, `is ${value[astray]}, no position of log shard ${astray}`)
}
