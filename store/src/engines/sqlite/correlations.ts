/**
 * Correlation ids by chunks of the log. An id is known by a fingerprint of 32 bits; whoever finds one looks at the row. A
 * chunk's list is sorted by fingerprint, then position, and takes eight bytes an entry:
 *
 * fingerprint (4 bytes, little-endian), position - first position of the chunk (4 bytes, little-endian)
 */
import { type Cursor, type Direction, forward } from './cursors.ts'
import type { Database, Statement } from './driver.ts'
import { fingerprintOf } from './event-ids.ts'

const entryBytes = 8

/** Chunks that one look goes through. */
export const chunksOfALook = 32

/** position: chunks from the one that it lies in on. */
const selectUpwards = `
  select last_position, first_position, list from correlations where last_position >= ? order by last_position limit ${chunksOfALook}`
/** position: the end of the chunk that it lies in. */
const selectEnd = 'select last_position from correlations where last_position >= ? order by last_position limit 1'

/** end of a chunk: that chunk, and those before it. */
const selectDownwards = `
  select last_position, first_position, list from correlations
  where last_position <= ? order by last_position desc limit ${chunksOfALook}`

type Chunk = readonly [lastPosition: number, firstPosition: number, list: Uint8Array]

/** More than a chunk has events: fingerprint and offset then fit into one number, and numbers sort several times faster. */
const offsets = 2 ** 20

/** A chunk's list, of the positions of each term. */
export function packCorrelations(terms: ReadonlyMap<string, readonly number[]>, firstPosition: number): Uint8Array {
  const entries: number[] = []
  for (const [term, positions] of terms) {
    const fingerprint = fingerprintOf(term)
    for (const position of positions) entries.push(fingerprint * offsets + (position - firstPosition))
  }
  const packed = new Uint8Array(entries.length * entryBytes)
  const view = new DataView(packed.buffer)
  for (const [index, entry] of Float64Array.from(entries).sort().entries()) {
    view.setUint32(index * entryBytes, Math.floor(entry / offsets), true)
    view.setUint32(index * entryBytes + 4, entry % offsets, true)
  }
  return packed
}

/** Positions, ascending, where events with this fingerprint may lie. */
export function candidatesIn([, firstPosition, list]: Chunk, fingerprint: number): readonly number[] {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength)
  let low = 0
  let high = list.byteLength / entryBytes
  while (low < high) {
    const middle = (low + high) >>> 1
    if (view.getUint32(middle * entryBytes, true) < fingerprint) low = middle + 1
    else high = middle
  }
  const found: number[] = []
  for (let at = low * entryBytes; at < list.byteLength && view.getUint32(at, true) === fingerprint; at += entryBytes) {
    found.push(firstPosition + view.getUint32(at + 4, true))
  }
  return found
}

/** Looks correlation ids up in the sealed chunks. */
export class Correlations {
  readonly #upwards: Statement<[number, number, Uint8Array]>
  readonly #end: Statement<[number]>
  readonly #downwards: Statement<[number, number, Uint8Array]>

  constructor(db: Database) {
    this.#upwards = db.prepare(selectUpwards)
    this.#end = db.prepare(selectEnd)
    this.#downwards = db.prepare(selectDownwards)
  }

  /**
   * The nearest candidate at or beyond a position among the next few chunks; when they have none, the place behind them,
   * so that one call never goes through a whole log. Undefined behind the last chunk.
   */
  nearest(direction: Direction, term: string, position: number): number | undefined {
    const fingerprint = fingerprintOf(term)
    const chunks = direction === forward ? this.#upwards.all(position) : this.#below(position)
    for (const chunk of chunks) {
      const candidates = candidatesIn(chunk, fingerprint)
      const found =
        direction === forward
          ? candidates.find((one) => one >= position)
          : candidates.findLast((one) => one <= position)
      if (found !== undefined) return found
    }
    const last = chunks.at(-1)
    if (last === undefined) return undefined
    return direction === forward ? last[0] + 1 : last[1] - 1
  }

  #below(position: number): readonly Chunk[] {
    return this.#downwards.all(this.#end.get(position)?.[0] ?? position)
  }
}

/** Sealed candidates and then recent positions, in the order of the direction. */
export function correlationCursor(
  direction: Direction,
  recent: readonly number[],
  sealedTo: number,
  nearestSealed: (position: number) => number | undefined,
): Cursor {
  const inRecent = (position: number): number =>
    (direction === forward ? recent.find((one) => one >= position) : recent.findLast((one) => one <= position)) ??
    direction.none
  return {
    seek: (position) => {
      if (direction === forward) {
        const found = position <= sealedTo ? nearestSealed(position) : undefined
        return found === undefined || found > sealedTo ? inRecent(Math.max(position, sealedTo + 1)) : found
      }
      const found = inRecent(position)
      if (found !== direction.none) return found
      return nearestSealed(Math.min(position, sealedTo)) ?? direction.none
    },
  }
}
