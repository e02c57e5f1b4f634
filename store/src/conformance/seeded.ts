/** Random choices that a seed repeats exactly. */
export interface Random {
  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number
  /** True once in `times`, on average. */
  oneIn(times: number): boolean
  /** One of the list. */
  pick<Item>(list: readonly Item[]): Item
}

/** A source of random choices: mulberry32, small and good enough to shuffle operations. */
export function seeded(seed: number): Random {
  let state = seed >>> 0

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }

  const below = (bound: number): number => Math.floor(next() * bound)
  return {
    below,
    oneIn: (times) => below(times) === 0,
    pick: (list) => {
      if (list.length === 0) throw new RangeError('There is nothing to pick from an empty list.')
      return list[below(list.length)] as (typeof list)[number]
    },
  }
}
