import { type TInteger, type TOptional, type TSchema, type TUnsafe, Type } from 'typebox'
import { LimitExceeded, limits, type Query } from 'varve'
import { queryFrom } from './wire.ts'

/** Items of one page unless the request says otherwise. */
const pageDefault = 100

type Direction = 'forward' | 'backward'

/** The fields of a range, in a query string or a body. */
export const rangeFields: {
  from: TOptional<TInteger>
  limit: TOptional<TInteger>
  direction: TOptional<TUnsafe<Direction>>
} = {
  from: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Where to begin, inclusive: a version for a stream, else a position' }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 0, description: `Default ${pageDefault}, at most ${limits.pageEvents}` }),
  ),
  direction: Type.Optional(
    Type.Unsafe<Direction>(Type.Enum(['forward', 'backward'], { description: '"forward" or "backward"' })),
  ),
}

/** Which log shard to read. */
export const shardField: { shard: TOptional<TInteger> } = {
  shard: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'The log shard to read, of a store that has several; from is a position of it',
    }),
  ),
}

/** A range as it was asked for. */
export interface WireRange {
  readonly from?: number
  readonly limit?: number
  readonly direction?: Direction
}

/** The range alone, of a request that may ask for more than that. */
export function rangeIn({ from, limit, direction }: WireRange): WireRange {
  return {
    ...(from !== undefined && { from }),
    ...(limit !== undefined && { limit }),
    ...(direction !== undefined && { direction }),
  }
}

/** A range of a page, complete but for `from`, which has its default in the store. */
export interface PageRange {
  readonly from?: number
  readonly limit: number
  readonly direction: Direction
}

/**
 * The range of one page.
 *
 * @throws LIMIT_EXCEEDED for more than a page holds.
 */
export function pageRange({ from, limit = pageDefault, direction = 'forward' }: WireRange): PageRange {
  if (limit > limits.pageEvents) throw new LimitExceeded('pageEvents', limit)
  return { ...(from !== undefined && { from }), limit, direction }
}

type Terms = TOptional<TUnsafe<string[]>>

const terms = (description: string): Terms =>
  Type.Optional(Type.Unsafe<string[]>(Type.Array(Type.String(), { description })))

/** The fields of a filter in a query string; a list is the field repeated. */
export const filterFields: { types: Terms; tags: Terms; categories: Terms; stream_prefix: TOptional<TUnsafe<string>> } =
  {
    types: terms('Repeat for several: any of them'),
    tags: terms('Repeat for several: all of them'),
    categories: terms('Repeat for several: any of them'),
    stream_prefix: Type.Optional(Type.Unsafe<string>(Type.String())),
  }

/** The filter a query string names: one item, or everything. */
export function filterFrom(fields: {
  readonly types?: string[]
  readonly tags?: string[]
  readonly categories?: string[]
  readonly stream_prefix?: string
}): Query {
  const { types, tags, categories, stream_prefix } = fields
  const given = [types, tags, categories, stream_prefix].some((field) => field !== undefined)
  return given ? queryFrom(fields) : 'everything'
}

/** The parameters of a path that names a stream. */
export const streamParams: TUnsafe<{ stream_id: string }> = Type.Unsafe<{ stream_id: string }>(
  Type.Object({ stream_id: Type.String({ description: 'Percent-encoded' }) }),
)

/** A query string that takes nothing. */
export const noQuery: TSchema = Type.Object({}, { additionalProperties: false })
