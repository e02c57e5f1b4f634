import { isRefusedPromise } from './refused-promise.ts'

/**
 * What is made of each item, promises among it. Where making one of them throws at once, nobody is going to wait for those
 * that are under way: what they reject with is not to end the process.
 */
export function madeOfEach<Item, Made>(
  items: readonly Item[],
  make: (item: Item, index: number) => Made,
): readonly Made[] {
  const made: Made[] = []
  try {
    for (const [index, item] of items.entries()) made.push(make(item, index))
    return made
  } catch (error) {
    for (const one of made) isRefusedPromise(one)
    throw error
  }
}
