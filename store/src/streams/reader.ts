import type { Reader } from '../model/call.ts'
import { checkWhole } from '../model/whole-number.ts'

/** A {@link Reader} over a generator that can be started any number of times. */
export function reader<Item>(
  read: (limit: number) => AsyncGenerator<Item>,
  limit: number,
  readLastItem?: () => Promise<Item | undefined>,
): Reader<Item> {
  return {
    [Symbol.asyncIterator]: () => read(limit),
    toArray: async () => {
      const items: Item[] = []
      for await (const item of read(limit)) items.push(item)
      return items
    },
    first: async () => {
      for await (const item of read(Math.min(limit, 1))) return item
      return undefined
    },
    last: async () => {
      if (readLastItem !== undefined) return readLastItem()
      let last: Item | undefined
      for await (const item of read(limit)) last = item
      return last
    },
  }
}

/** How many items are asked for; infinitely many when nothing is said. */
export function checkedLimit(limit: number | undefined): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY
  checkWhole('limit', limit, 0)
  return limit
}
