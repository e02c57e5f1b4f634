/**
 * Posting lists: ascending positions as the differences between neighbours, each a varint of 7 bits a byte, lowest
 * first (the first one counts from 0). Neighbours in a chunk are close, so a position takes one or two bytes.
 */

let scratch = new Uint8Array(65_536)

/** Packs ascending positions. The result is a view that the next call overwrites: bind it or copy it at once. */
export function packPositions(positions: readonly number[]): Uint8Array {
  // A safe integer has 53 bits, which is eight bytes of seven.
  if (positions.length * 8 > scratch.length) scratch = new Uint8Array(positions.length * 16)
  let at = 0
  let previous = 0
  for (const position of positions) {
    let rest = position - previous
    previous = position
    while (rest >= 0x80) {
      scratch[at++] = (rest % 0x80) + 0x80
      rest = Math.floor(rest / 0x80)
    }
    scratch[at++] = rest
  }
  return scratch.subarray(0, at)
}

/** The positions of a packed list, ascending. */
export function unpackPositions(list: Uint8Array): number[] {
  const positions: number[] = []
  let position = 0
  let difference = 0
  let weight = 1
  for (const byte of list) {
    if (byte >= 0x80) {
      difference += (byte - 0x80) * weight
      weight *= 0x80
      continue
    }
    position += difference + byte * weight
    positions.push(position)
    difference = 0
    weight = 1
  }
  return positions
}

/** The place of the first entry at or above `position`; the list's length when there is none. */
export function firstAtOrAbove(positions: readonly number[], position: number): number {
  let low = 0
  let high = positions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((positions[middle] as number) < position) low = middle + 1
    else high = middle
  }
  return low
}
