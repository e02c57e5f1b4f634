import { InvalidArgument, LimitExceeded } from './errors.ts'
import type { StoredEvent } from './event.ts'
import { fieldsOf, refuseUnknownFields } from './known-fields.ts'
import { limits } from './limits.ts'
import { categoryOf } from './stream.ts'

/**
 * Which events are meant. `'everything'`, or one or more items: an event matches when it matches any item.
 * There is no empty query: an item says at least one thing, and a list has at least one item.
 */
export type Query = 'everything' | QueryItem | readonly QueryItem[]

/** One item of a {@link Query}: an event matches when it satisfies every field that is given. */
export interface QueryItem {
  /** The event's type is one of these. */
  readonly types?: readonly string[] | undefined
  /** The event carries all of these tags. */
  readonly tags?: readonly string[] | undefined
  /** The event's stream is in one of these categories. */
  readonly categories?: readonly string[] | undefined
  /** The event's stream id begins with this. */
  readonly streamPrefix?: string | undefined
}

/** A query as engines get it: checked, every field present, an empty field meaning no constraint. */
export type NormalQuery = 'everything' | readonly NormalQueryItem[]

/** One item of a {@link NormalQuery}. */
export interface NormalQueryItem {
  readonly types: readonly string[]
  readonly tags: readonly string[]
  readonly categories: readonly string[]
  readonly streamPrefix: string
}

/**
 * An append is refused when an event matching the query lies above `after`
 * (dynamic consistency boundary, https://dcb.events/specification/).
 */
export interface AppendCondition {
  readonly failIfMatch: Query
  /** The last position the decision has taken into account. Default 0: any match at all refuses. */
  readonly after?: number | undefined
}

/** An append condition as engines get it. */
export interface NormalCondition {
  readonly failIfMatch: NormalQuery
  readonly after: number
}

/** Whether an event matches a query. The reference rule: every engine's own index must agree with it. */
export function matchesQuery(query: NormalQuery, event: Pick<StoredEvent, 'streamId' | 'type' | 'tags'>): boolean {
  return query === 'everything' || query.some((item) => matchesItem(item, event))
}

function matchesItem(item: NormalQueryItem, event: Pick<StoredEvent, 'streamId' | 'type' | 'tags'>): boolean {
  return (
    (item.types.length === 0 || item.types.includes(event.type)) &&
    item.tags.every((tag) => event.tags.includes(tag)) &&
    (item.categories.length === 0 || item.categories.includes(categoryOf(event.streamId))) &&
    event.streamId.startsWith(item.streamPrefix)
  )
}

/**
 * Checks a query and fills in what was left out.
 *
 * @throws INVALID_ARGUMENT for an empty query or item and for terms that are no text; LIMIT_EXCEEDED for too many.
 */
export function normalQuery(query: Query, name = 'filter'): NormalQuery {
  if (query === 'everything') return query
  const items: readonly QueryItem[] = Array.isArray(query) ? query : [query]
  if (items.length === 0) {
    throw new InvalidArgument(name, "is an empty list: give at least one item, or 'everything'")
  }
  if (items.length > limits.queryItems) throw new LimitExceeded('queryItems', items.length)
  return items.map((item, index) => normalItem(item, Array.isArray(query) ? `${name}[${index}]` : name))
}

function normalItem(item: QueryItem, name: string): NormalQueryItem {
  if (typeof item !== 'object' || item === null)
    throw new InvalidArgument(name, "is neither 'everything' nor an object")
  refuseUnknownFields(item, itemFields, name)
  const normal = {
    types: terms(item.types, `${name}.types`),
    tags: terms(item.tags, `${name}.tags`),
    categories: terms(item.categories, `${name}.categories`),
    streamPrefix: item.streamPrefix ?? '',
  }
  const astray = normal.categories.find((category) => category.includes('-'))
  if (astray !== undefined) {
    // A condition that names it would never refuse anything.
    throw new InvalidArgument(
      `${name}.categories`,
      `has ${JSON.stringify(astray)}, which no stream has: a category ends before the first "-". Use streamPrefix`,
    )
  }
  if (typeof normal.streamPrefix !== 'string' || !normal.streamPrefix.isWellFormed()) {
    throw new InvalidArgument(`${name}.streamPrefix`, 'is not a string of whole characters')
  }
  if (normal.types.length + normal.tags.length + normal.categories.length === 0 && normal.streamPrefix === '') {
    throw new InvalidArgument(name, "says nothing: name types, tags, categories or a streamPrefix, or use 'everything'")
  }
  return normal
}

const itemFields = fieldsOf<QueryItem>({ types: true, tags: true, categories: true, streamPrefix: true })

function terms(given: readonly string[] | undefined, name: string): readonly string[] {
  if (given === undefined) return []
  if (!Array.isArray(given)) throw new InvalidArgument(name, 'is not a list')
  if (given.length === 0) throw new InvalidArgument(name, 'is an empty list: leave it out to match any')
  if (given.length > limits.queryItemTerms) throw new LimitExceeded('queryItemTerms', given.length)
  for (const term of given) {
    if (typeof term !== 'string' || term === '')
      throw new InvalidArgument(name, 'has a term that is not a non-empty string')
    // On its way to a database it would become U+FFFD, and find what has that.
    if (!term.isWellFormed()) throw new InvalidArgument(name, 'has a term with a lone surrogate, which no event has')
  }
  return [...new Set(given)]
}
