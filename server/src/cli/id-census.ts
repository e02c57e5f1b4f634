/**
 * Finds ids that occur twice among any number of them, in eight bytes each: a set of ten million ids would need a
 * gigabyte. Two ids may share a hash by chance (1 in 100 for ten million), so what it finds has to be looked at again.
 */
export interface IdCensus {
  add(id: string): void
  /** Hashes that occurred more than once. */
  suspects(): ReadonlySet<number>
}

const firstCapacity = 65_536

/** A census without ids. */
export function createIdCensus(): IdCensus {
  let hashes = new Float64Array(firstCapacity)
  let count = 0
  return {
    add: (id) => {
      if (count === hashes.length) {
        const larger = new Float64Array(count * 2)
        larger.set(hashes)
        hashes = larger
      }
      hashes[count++] = hashOf(id)
    },
    suspects: () => {
      const sorted = hashes.slice(0, count).sort()
      const found = new Set<number>()
      for (let index = 1; index < count; index++) {
        const hash = sorted[index] as number
        if (hash === sorted[index - 1]) found.add(hash)
      }
      return found
    },
  }
}

/** 53 bits of two multiplicative hashes over the whole id: UUIDs of one source differ in few places. */
export function hashOf(id: string): number {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < id.length; index++) {
    const unit = id.charCodeAt(index)
    high = Math.imul(high ^ unit, 2_654_435_761)
    low = Math.imul(low ^ unit, 1_597_334_677)
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507)
  low = Math.imul(low ^ (low >>> 13), 3_266_489_909)
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0)
}
