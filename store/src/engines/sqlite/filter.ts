import { isCorrelationTag } from '../../model/correlation.ts'
import type { NormalQuery, NormalQueryItem } from '../../model/query.ts'
import { categoryOf } from '../../model/stream.ts'
import { Correlations, chunksOfALook, correlationCursor } from './correlations.ts'
import {
  Budget,
  type Cursor,
  confirmed,
  type Direction,
  everyPosition,
  forward,
  intersection,
  listCursor,
  lookCost,
  union,
} from './cursors.ts'
import { type Database, type Statement, textOf } from './driver.ts'
import type { Log } from './log.ts'
import { unpackPositions } from './postings.ts'
import { type TermKind, termKinds } from './recent.ts'

/** kind, term, position: the next list with an entry at or above the position. */
const selectNextList = `
  select last_position, list from postings
  where kind = ? and term = ? and last_position >= ? order by last_position limit 1`

/** kind, term, last position of the list before, position: the next list, downwards, with an entry at or below it. */
const selectPreviousList = `
  select last_position, list from postings
  where kind = ? and term = ? and last_position < ? and first_position <= ? order by last_position desc limit 1`

const selectNextRun = `
  select last_version, list from stream_postings
  where stream = ? and last_version > ? and last_position >= ? order by last_version limit 1`

const selectPreviousRun = `
  select last_version, list from stream_postings
  where stream = ? and last_version < ? and first_position <= ? order by last_version desc limit 1`

/** kind, term: the next term of this kind. */
const selectNextTerm = 'select cast(term as blob) from postings where kind = ? and term > ? order by term limit 1'

/** prefix, streams: the first ones from the prefix on. */
const selectStreamsFrom = 'select number, cast(name as blob) from streams where name >= ? order by name limit ?'

const selectTagsAt = 'select tags from events where position = ?'

const selectStreamAt = 'select stream from events where position = ?'

/** Streams, or categories, that a prefix may stand for before walking each of their lists costs more than looking at rows. */
const prefixListsMax = 64

const unlimited = Number.POSITIVE_INFINITY

/** Finds the events that match a query by their posting lists: sealed ones on disk, the others in memory. */
export class Filters {
  readonly #log: Log
  readonly #nextList: Statement<[number, Uint8Array]>
  readonly #previousList: Statement<[number, Uint8Array]>
  readonly #nextRun: Statement<[number, Uint8Array]>
  readonly #previousRun: Statement<[number, Uint8Array]>
  readonly #nextTerm: Statement<[Uint8Array]>
  readonly #streamsFrom: Statement<[number, Uint8Array]>
  readonly #streamAt: Statement<[number]>
  readonly #tagsAt: Statement<[string | null]>
  readonly #correlations: Correlations

  constructor(db: Database, log: Log) {
    this.#log = log
    this.#nextList = db.prepare(selectNextList)
    this.#previousList = db.prepare(selectPreviousList)
    this.#nextRun = db.prepare(selectNextRun)
    this.#previousRun = db.prepare(selectPreviousRun)
    this.#nextTerm = db.prepare(selectNextTerm)
    this.#streamsFrom = db.prepare(selectStreamsFrom)
    this.#streamAt = db.prepare(selectStreamAt)
    this.#tagsAt = db.prepare(selectTagsAt)
    this.#correlations = new Correlations(db)
  }

  /** The first match at or above a position, however long it takes to find. */
  firstMatch(query: NormalQuery, from: number): number | undefined {
    const found = this.walk(query, forward, new Budget(unlimited)).seek(from)
    return found === forward.none ? undefined : found
  }

  /** A cursor over everything that matches, between position 1 and the head. */
  walk(query: NormalQuery, direction: Direction, budget: Budget): Cursor {
    if (query === 'everything') return everyPosition(direction, this.#log.head)
    return union(
      direction,
      query.map((item) => this.#item(item, direction, budget)),
    )
  }

  #item(item: NormalQueryItem, direction: Direction, budget: Budget): Cursor {
    const anyOf = (kind: TermKind, terms: readonly string[]): Cursor =>
      union(
        direction,
        terms.map((term) => this.#term(kind, term, direction, budget)),
      )
    const all = item.tags.map((tag) =>
      isCorrelationTag(tag) ? this.#correlation(tag, direction, budget) : this.#term('tag', tag, direction, budget),
    )
    if (item.types.length > 0) all.push(anyOf('type', item.types))
    if (item.categories.length > 0) all.push(anyOf('category', item.categories))
    if (item.streamPrefix === '') return intersection(direction, all, budget)
    return this.#prefix(item.streamPrefix, all, direction, budget)
  }

  /** Few streams: their own lists. Else few categories: theirs, which is exact unless the prefix goes beyond the category. */
  #prefix(prefix: string, all: readonly Cursor[], direction: Direction, budget: Budget): Cursor {
    const streams = this.#streamsWith(prefix)
    if (streams !== undefined) {
      const lists = streams.map((stream) => this.#stream(stream, direction, budget))
      return intersection(direction, [...all, union(direction, lists)], budget)
    }
    const categories = prefix.includes('-') ? [categoryOf(prefix)] : this.#categoriesWith(prefix)
    const lists = categories?.map((category) => this.#term('category', category, direction, budget))
    const narrowed = lists === undefined ? all : [...all, union(direction, lists)]
    const candidates =
      narrowed.length > 0 ? intersection(direction, narrowed, budget) : everyPosition(direction, this.#log.head)
    if (categories !== undefined && !prefix.includes('-')) return candidates
    return confirmed(direction, candidates, budget, (position) => {
      const stream = this.#streamAt.get(position)
      return stream !== undefined && this.#log.streams.nameOf(stream[0]).startsWith(prefix)
    })
  }

  #term(kind: TermKind, term: string, direction: Direction, budget: Budget): Cursor {
    const number = termKinds[kind]
    return this.#lists(direction, budget, {
      recent: this.#log.recent.terms[kind].get(term) ?? [],
      next: (_, position) => this.#nextList.get(number, term, position),
      previous: (before, position) => this.#previousList.get(number, term, before, position),
    })
  }

  #correlation(tag: string, direction: Direction, budget: Budget): Cursor {
    const { recent, sealedTo } = this.#log
    const positions = recent.correlations.get(tag) ?? []
    const candidates = correlationCursor(direction, positions, sealedTo, (position) => {
      budget.spend(lookCost * chunksOfALook)
      return this.#correlations.nearest(direction, tag, position)
    })
    return confirmed(direction, candidates, budget, (position) => {
      const tags = this.#tagsAt.get(position)?.[0]
      return typeof tags === 'string' && (JSON.parse(tags) as readonly string[]).includes(tag)
    })
  }

  #stream(stream: number, direction: Direction, budget: Budget): Cursor {
    return this.#lists(direction, budget, {
      recent: this.#log.recent.run(stream)?.positions ?? [],
      next: (after, position) => this.#nextRun.get(stream, after, position),
      previous: (before, position) => this.#previousRun.get(stream, before, position),
    })
  }

  #lists(direction: Direction, budget: Budget, lists: TermLists): Cursor {
    return listCursor(direction, budget, direction === forward ? this.#upwards(lists) : downwards(lists))
  }

  /** Sealed lists first, then the recent one. */
  #upwards({ recent, next }: TermLists): (position: number) => readonly number[] | undefined {
    const last = recent[recent.length - 1] ?? 0
    let after = 0
    return (position) => {
      const row = position <= this.#log.sealedTo ? next(after, position) : undefined
      if (row === undefined) return position <= last ? recent : undefined
      after = row[0]
      return unpackPositions(row[1])
    }
  }

  /** The streams whose id begins with the prefix, unless they are too many. */
  #streamsWith(prefix: string): readonly number[] | undefined {
    const rows = this.#streamsFrom.all(prefix, prefixListsMax + 1)
    const found = rows.filter(([, name]) => textOf(name).startsWith(prefix))
    return found.length > prefixListsMax ? undefined : found.map(([number]) => number)
  }

  /** The categories that begin with the prefix, unless they are too many. */
  #categoriesWith(prefix: string): readonly string[] | undefined {
    const found = new Set([...this.#log.recent.terms.category.keys()].filter((category) => category.startsWith(prefix)))
    for (let term = prefix; ; ) {
      if (found.size > prefixListsMax) return undefined
      const row = this.#nextTerm.get(termKinds.category, term)
      if (row === undefined) break
      term = textOf(row[0])
      if (!term.startsWith(prefix)) break
      found.add(term)
    }
    // The loop looks behind the prefix; it may be a category itself.
    return [...found.add(prefix)]
  }
}

/** The recent list first, then sealed ones. */
function downwards({ recent, previous }: TermLists): (position: number) => readonly number[] | undefined {
  const first = recent[0] ?? Number.POSITIVE_INFINITY
  let before = Number.MAX_SAFE_INTEGER
  return (position) => {
    if (position >= first) return recent
    const row = previous(before, position)
    if (row === undefined) return undefined
    before = row[0]
    return unpackPositions(row[1])
  }
}

/** Where the lists of one term come from. */
interface TermLists {
  readonly recent: readonly number[]
  next(after: number, position: number): readonly [last: number, list: Uint8Array] | undefined
  previous(before: number, position: number): readonly [last: number, list: Uint8Array] | undefined
}
