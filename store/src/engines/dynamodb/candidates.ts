import type { NormalQuery, NormalQueryItem } from '../../model/query.ts'
import { categoryTerm, tagTerm, termPartition, typeTerm } from './keys.ts'
import type { Place } from './log.ts'
import { inParallel } from './parallel.ts'
import type { Table } from './table.ts'
import { placesOf, positionOf, type TermPage, type TermRead } from './terms-index.ts'

/*
 * Which events may match a query, told by the indexes of terms. Each candidate is looked at afterwards, so an item of a query
 * asks only as much as narrows it down: the events with its first tags, or else of its types, or else of its categories.
 */

/** Tags of an item whose places are compared. */
const comparedTags = 3

/** Different terms that a query may ask for; more are dearer than reading the log. */
const termsMax = 256

/** Terms of which an event needs one of each group. */
type Groups = readonly (readonly string[])[]

/** What a query asks the indexes for; undefined when they do not help. */
export function groupsOf(query: NormalQuery): readonly Groups[] | undefined {
  if (query === 'everything') return undefined
  const items = query.map(groupsOfItem)
  const terms = new Set(items.flat(2))
  return items.includes(undefined) || terms.size > termsMax ? undefined : (items as readonly Groups[])
}

function groupsOfItem({ types, tags, categories, streamPrefix }: NormalQueryItem): Groups | undefined {
  if (tags.length > 0) return tags.slice(0, comparedTags).map((tag) => [tagTerm(tag)])
  if (types.length > 0) return [types.map(typeTerm)]
  if (categories.length > 0) return [categories.map(categoryTerm)]
  // A prefix with a hyphen in it has the whole category.
  const dash = streamPrefix.indexOf('-')
  return dash < 0 ? undefined : [[categoryTerm(streamPrefix.slice(0, dash))]]
}

/** Candidates in the order of reading, and the position up to which they are all of them. */
export type Candidates = TermPage

/** The sealed places that may match, from a position on. */
export async function* candidatesFor(
  { table, shard }: { readonly table: Table; readonly shard: number },
  items: readonly Groups[],
  read: TermRead,
): AsyncGenerator<Candidates> {
  const forward = read.direction === 'forward'
  const end = forward ? read.sealed.position : 0
  const cursors = new Map(
    [...new Set(items.flat(2))].map((term) => [term, createCursor(placesOf(table, termPartition(shard, term), read))]),
  )
  const ahead = (left: number, right: number): boolean => (forward ? left > right : left < right)
  for (let until = forward ? read.from - 1 : read.from + 1; ahead(end, until); ) {
    const behind = [...cursors.values()].filter((cursor) => !ahead(cursor.until, until))
    await inParallel(behind, (cursor) => cursor.advance())
    until = [...cursors.values()].reduce((least, cursor) => (ahead(least, cursor.until) ? cursor.until : least), end)
    const taken = new Map([...cursors].map(([term, cursor]) => [term, cursor.take((place) => !ahead(place, until))]))
    const found = new Map<number, Place>()
    for (const groups of items) for (const place of matching(groups, taken)) found.set(positionOf(place), place)
    const places = [...found.values()].sort((left, right) => positionOf(left) - positionOf(right))
    yield { places: forward ? places : places.reverse(), until }
  }
}

/** The places that are in one list of each group. */
function matching(groups: Groups, taken: ReadonlyMap<string, readonly Place[]>): readonly Place[] {
  const [first = [], ...others] = groups.map((terms) => terms.flatMap((term) => taken.get(term) ?? []))
  const sets = others.map((places) => new Set(places.map(positionOf)))
  return first.filter((place) => sets.every((positions) => positions.has(positionOf(place))))
}

/** How far one term was read, and what was read of it and not yet taken. */
interface Cursor {
  readonly until: number
  advance(): Promise<void>
  take(isDue: (position: number) => boolean): readonly Place[]
}

function createCursor(pages: AsyncGenerator<TermPage>): Cursor {
  let until: number | undefined
  let waiting: readonly Place[] = []
  return {
    get until() {
      return until ?? Number.NaN
    },
    advance: async () => {
      const { value } = await pages.next()
      if (value === undefined) return
      until = value.until
      waiting = [...waiting, ...value.places]
    },
    take: (isDue) => {
      const due = waiting.filter((place) => isDue(positionOf(place)))
      waiting = waiting.slice(due.length)
      return due
    },
  }
}
