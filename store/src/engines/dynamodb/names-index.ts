import type { Item } from './driver.ts'
import { compareNames, firstSort, lastSort, nameGroup, sortAfter, sortName } from './keys.ts'
import type { Table } from './table.ts'

/** Which items of a partition that is sorted by names. */
export interface NamesRead {
  readonly pk: string
  /** The attribute that has the name. */
  readonly attribute: string
  readonly prefix: string
  readonly after: string
  /** Items of one request. */
  readonly pageItems: number
}

/** The names of a partition that begin with a prefix and come after a name, in the order of their UTF-8 bytes. */
export async function* namedItems(
  table: Table,
  { pk, attribute, prefix, after, pageItems }: NamesRead,
): AsyncGenerator<Item> {
  const nameOf = (item: Item): string => item.attributes[attribute]?.S ?? ''
  const isWanted = (item: Item): boolean => nameOf(item).startsWith(prefix) && compareNames(nameOf(item), after) > 0
  const [start, resumed] = [firstSort(prefix), sortAfter(after)]
  const from = compareNames(start, resumed) > 0 ? start : resumed
  const to = lastSort(prefix)
  // Names that have a long beginning in common come in any order, and are sorted when all of them are there.
  const group: Item[] = []
  for await (const items of table.query({ pk, from, to, direction: 'forward', pageItems })) {
    for (const item of items) {
      const name = nameGroup(nameOf(item))
      if (group.length > 0 && name !== nameGroup(nameOf(group[0] as Item))) yield* sorted(group.splice(0))
      if (!isWanted(item)) continue
      if (name === undefined) yield item
      else group.push(item)
    }
  }
  yield* sorted(group)

  function sorted(some: readonly Item[]): readonly Item[] {
    return some.toSorted((left, right) => compareNames(nameOf(left), nameOf(right)))
  }
}

/** Where the item with a name lies. */
export function namedKey(pk: string, name: string): { readonly pk: string; readonly sk: string } {
  return { pk, sk: sortName(name) }
}
