import { type LogPositions, placeOfPosition } from 'varve'

/** Events between two places, where no position is left out. */
export function eventsBetween(begin: LogPositions, end: LogPositions): number {
  const placeOf = (position: number): number => placeOfPosition(position, begin.length).place
  return end.reduce((count, position, shard) => count + Math.max(0, placeOf(position) - placeOf(begin[shard] ?? 0)), 0)
}
