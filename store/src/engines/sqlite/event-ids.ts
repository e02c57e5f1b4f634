/**
 * Finds events by id without an index on disk. Ids are random to an index: keeping one costs four times the append
 * rate of everything else. Here each id is a fingerprint of 32 bits in memory beside the position it points to; whoever
 * looks an id up confirms each candidate in its row. Chunks of fingerprints are sealed on disk, in order of position.
 *
 * The table is split into buckets that grow one by one, so that no append ever waits for the whole table to move.
 * A fingerprint may point to a position that a failed transaction gave back: its row disagrees, and nothing is harmed.
 */

const bucketBits = 10
const bucketCount = 2 ** bucketBits
const firstSlots = 8
/** Share of a bucket's slots that may be taken before it doubles. */
const fullness = 0.7

/** Positions are stored as one of these many residues, from 1, for 0 marks an empty slot. */
const residues = 2 ** 32 - 1

/** Where ids may lie. Eight bytes a slot: 12 to 23 bytes for each event. */
export class EventIds {
  /** Pairs of fingerprint and residue. */
  readonly #buckets: Uint32Array[] = []
  readonly #used = new Uint32Array(bucketCount)

  constructor() {
    for (let bucket = 0; bucket < bucketCount; bucket++) this.#buckets.push(new Uint32Array(firstSlots * 2))
  }

  /** Makes room at once for what is about to be added. */
  reserve(events: number): void {
    const needed = events / bucketCount / fullness
    let slots = firstSlots
    while (slots < needed) slots *= 2
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      if (slots * 2 > this.#bucket(bucket).length) this.#resize(bucket, slots)
    }
  }

  add(fingerprint: number, position: number): void {
    const bucket = fingerprint >>> (32 - bucketBits)
    let slots = this.#bucket(bucket)
    const used = this.#used[bucket] as number
    if ((used + 1) * 2 > slots.length * fullness) slots = this.#resize(bucket, slots.length)
    if (insert(slots, fingerprint, (position % residues) + 1)) this.#used[bucket] = used + 1
  }

  /** The positions, none above `head`, where an event with this fingerprint may lie; nearly always none or one. */
  candidates(fingerprint: number, head: number): readonly number[] {
    const slots = this.#bucket(fingerprint >>> (32 - bucketBits))
    let found: number[] = nothing
    for (let at = firstSlot(fingerprint, slots); slots[at + 1] !== 0; at = nextSlot(at, slots)) {
      if (slots[at] !== fingerprint) continue
      if (found === nothing) found = []
      for (let position = (slots[at + 1] as number) - 1; position <= head; position += residues) {
        if (position > 0) found.push(position)
      }
    }
    return found
  }

  #bucket(bucket: number): Uint32Array {
    return this.#buckets[bucket] as Uint32Array
  }

  #resize(bucket: number, slots: number): Uint32Array {
    const before = this.#bucket(bucket)
    const after = new Uint32Array(slots * 2)
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] !== 0) insert(after, before[at] as number, before[at + 1] as number)
    }
    this.#buckets[bucket] = after
    return after
  }
}

const nothing: number[] = []

/** Linear probing. False when the pair is in already: after a failed transaction the tail is added anew. */
function insert(slots: Uint32Array, fingerprint: number, residue: number): boolean {
  let at = firstSlot(fingerprint, slots)
  for (; slots[at + 1] !== 0; at = nextSlot(at, slots)) {
    if (slots[at] === fingerprint && slots[at + 1] === residue) return false
  }
  slots[at] = fingerprint
  slots[at + 1] = residue
  return true
}

// Sizes are powers of two; the low bits choose the slot, as the high ones have chosen the bucket.
function firstSlot(fingerprint: number, slots: Uint32Array): number {
  return (fingerprint * 2) & (slots.length - 1)
}

function nextSlot(at: number, slots: Uint32Array): number {
  return (at + 2) & (slots.length - 1)
}

/**
 * 32 bits that stand for an event id: FNV-1a, then the final mix of MurmurHash3, for callers may count ids up.
 * Part of the file format: sealed chunks hold these numbers.
 */
export function fingerprintOf(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Fingerprints as stored: four bytes each, little-endian. */
export function packFingerprints(fingerprints: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(fingerprints.length * 4)
  const view = new DataView(bytes.buffer)
  fingerprints.forEach((fingerprint, index) => {
    view.setUint32(index * 4, fingerprint, true)
  })
  return bytes
}

/** Goes through a packed list, in order. */
export function forEachFingerprint(packed: Uint8Array, visit: (fingerprint: number, index: number) => void): void {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let index = 0; index * 4 < packed.byteLength; index++) visit(view.getUint32(index * 4, true), index)
}
