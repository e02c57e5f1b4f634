import type { AppendRequest, Engine } from '../../engine/engine.ts'
import { matchesQuery, type NormalCondition, type NormalQuery, type NormalQueryItem } from '../../model/query.ts'
import { matchingCases } from '../matching.ts'
import { judging, stateOf, type Twist, type WrongEngine, wholeLog, wrong } from './wrong.ts'

type Items = readonly NormalQueryItem[]

/** What an engine was shown so far: the terms that a query may be mistaken for. */
interface Seen {
  readonly tags: Set<string>
  readonly types: Set<string>
  readonly streamIds: Set<string>
}

const nothing: NormalQueryItem = { types: ['\0nothing'], tags: [], categories: [], streamPrefix: '' }

/** Understands every query in another way, in filters and conditions alike. */
function misreading(change: (items: Items, seen: Seen) => Items): () => Twist {
  return () => {
    const seen: Seen = { tags: new Set(), types: new Set(), streamIds: new Set() }
    const misread = (query: NormalQuery): NormalQuery => {
      if (query === 'everything') return query
      const changed = change(query, seen)
      return changed.length > 0 ? changed : [nothing]
    }
    return (engine) => ({
      append: (batch, signal) => {
        for (const { streamId, type, tags } of batch.flatMap((one) => one.events)) {
          seen.streamIds.add(streamId)
          seen.types.add(type)
          for (const tag of tags) seen.tags.add(tag)
        }
        return engine.append(
          batch.map((one) => withQuery(one, misread)),
          signal,
        )
      },
      read: (query, signal) =>
        engine.read(
          'query' in query.source ? { ...query, source: { query: misread(query.source.query) } } : query,
          signal,
        ),
    })
  }
}

function withQuery(one: AppendRequest, change: (query: NormalQuery) => NormalQuery): AppendRequest {
  if (one.condition === undefined) return one
  return { ...one, condition: { ...one.condition, failIfMatch: change(one.condition.failIfMatch) } }
}

/** One item for each way to replace every tag by one that is taken for it. */
function withTagsLike(item: NormalQueryItem, seen: Seen, alike: (asked: string, stored: string) => boolean): Items {
  return item.tags.reduce<Items>(
    (items, tag) =>
      [...seen.tags]
        .filter((one) => alike(tag, one))
        .flatMap((one) => items.map((made) => ({ ...made, tags: [...made.tags, one] }))),
    [{ ...item, tags: [] }],
  )
}

function allAtOnce(items: Items): Items {
  const [first, ...rest] = items as readonly [NormalQueryItem, ...NormalQueryItem[]]
  return rest.reduce<Items>(
    ([made], item) => {
      if (made === undefined) return []
      const types =
        made.types.length === 0
          ? item.types
          : item.types.length === 0
            ? made.types
            : made.types.filter((type) => item.types.includes(type))
      if (types.length === 0 && made.types.length + item.types.length > 0) return []
      return [{ ...made, types, tags: [...made.tags, ...item.tags] }]
    },
    [first],
  )
}

/** Judges conditions in another way; undefined takes the condition away, so that it holds. */
function misjudging(
  change: (
    condition: NormalCondition,
    engine: Engine,
    one: AppendRequest,
    headBefore: number,
  ) => Promise<NormalCondition | undefined>,
): () => Twist {
  return () => (engine, lock) =>
    judging(engine, lock, async (one, send, { headBefore }) => {
      if (one.condition === undefined) return send(one)
      const { condition, ...rest } = one
      const changed = await change(condition, engine, one, headBefore)
      return send(changed === undefined ? rest : { ...rest, condition: changed })
    })
}

async function matchesUpTo(engine: Engine, { failIfMatch, after }: NormalCondition, last: number): Promise<boolean> {
  return (await wholeLog(engine)).some(
    (event) => event.position > after && event.position <= last && matchesQuery(failIfMatch, event),
  )
}

/** The rules about what queries mean, nearly all of which a condition that is judged at a wrong place breaks. */
function matchingExcept(...spared: readonly string[]): readonly string[] {
  const rules = new Set(matchingCases.map((one) => one.rule))
  return [...rules].filter((rule) => !spared.includes(rule))
}

function caseless(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase()
}

/** Wrong about what a query means, or when a condition holds. */
export const wrongQueries: readonly WrongEngine[] = [
  wrong(
    'takes any tag of an item for all of them',
    ['bounded/matchless-condition', 'bounded/matchless-filter', 'matching/tags-and'],
    misreading((items) =>
      items.flatMap((item) => (item.tags.length < 2 ? [item] : item.tags.map((tag) => ({ ...item, tags: [tag] })))),
    ),
  ),
  wrong(
    'wants an event to have all types of an item',
    ['bounded/longest-query', 'matching/types-or', 'matching/types-with-tags'],
    misreading((items) => items.filter((item) => item.types.length < 2)),
  ),
  wrong(
    'wants all items of a query to match',
    ['bounded/longest-query', 'matching/items-or', 'matching/stream-prefix-literal'],
    misreading(allAtOnce),
  ),
  wrong(
    'looks at the first item of a query only',
    ['bounded/longest-query', 'matching/items-or', 'matching/stream-prefix-literal'],
    misreading((items) => items.slice(0, 1)),
  ),
  wrong(
    'mixes the types of one item with the tags of another',
    ['matching/items-or', 'matching/one-term'],
    misreading((items) => items.flatMap((left) => items.map((right) => ({ ...left, tags: right.tags })))),
  ),
  wrong(
    'forgets the types of an item that has tags',
    ['matching/category', 'matching/items-or', 'matching/one-term', 'matching/types-with-tags'],
    misreading((items) => items.map((item) => (item.tags.length > 0 ? { ...item, types: [] } : item))),
  ),
  wrong(
    'takes a tag for every tag that begins with it',
    ['conditions/no-false-conflicts', 'matching/tag-unicode', 'matching/tag-whole'],
    misreading((items, seen) =>
      items.flatMap((item) => withTagsLike(item, seen, (asked, stored) => stored.startsWith(asked))),
    ),
  ),
  wrong(
    'takes upper case for lower case in tags',
    ['matching/tag-case'],
    misreading((items, seen) => items.flatMap((item) => withTagsLike(item, seen, caseless))),
  ),
  wrong(
    'takes upper case for lower case in types',
    ['matching/type-case'],
    misreading((items, seen) =>
      items.map((item) => ({
        ...item,
        types: [...item.types, ...[...seen.types].filter((one) => item.types.some((type) => caseless(type, one)))],
      })),
    ),
  ),
  wrong(
    'joins tags with commas',
    ['matching/tag-punctuation'],
    misreading((items, seen) =>
      items.flatMap((item) =>
        withTagsLike(item, seen, (asked, stored) => asked === stored || asked.split(',').includes(stored)),
      ),
    ),
  ),
  wrong(
    'takes a category for every category that begins with it',
    ['matching/category'],
    misreading((items) =>
      items.flatMap((item) =>
        item.categories.length === 0
          ? [item]
          : item.categories.map((category) => ({ ...item, categories: [], streamPrefix: category })),
      ),
    ),
  ),
  wrong(
    'reads a pattern into a stream prefix',
    ['bounded/matchless-condition', 'bounded/matchless-filter', 'matching/stream-prefix-literal'],
    misreading((items, seen) =>
      items.flatMap((item) => {
        if (!/[%_]/.test(item.streamPrefix)) return [item]
        const pattern = new RegExp(`^${item.streamPrefix.replaceAll('%', '.*').replaceAll('_', '.')}`)
        return [...seen.streamIds]
          .filter((id) => pattern.test(id))
          .slice(0, 5)
          .map((streamPrefix) => ({ ...item, streamPrefix }))
      }),
    ),
  ),
  wrong(
    'takes upper case for lower case in a stream prefix',
    ['matching/stream-prefix-case'],
    misreading((items, seen) =>
      items.flatMap((item) =>
        item.streamPrefix === ''
          ? [item]
          : [...seen.streamIds]
              .filter((id) => caseless(id.slice(0, item.streamPrefix.length), item.streamPrefix))
              .map((streamPrefix) => ({ ...item, streamPrefix })),
      ),
    ),
  ),
  wrong(
    "leaves the facts about streams out of 'everything'",
    ['append-only/log-keeps-all', 'batches/neighbours-unharmed', 'matching/everything'],
    () => (engine) => ({
      read: async (query, signal) => {
        const page = await engine.read(query, signal)
        const whole = 'query' in query.source && query.source.query === 'everything'
        return whole ? { ...page, events: page.events.filter((event) => !event.streamId.startsWith('$$')) } : page
      },
    }),
  ),
  wrong(
    'judges a condition against what was there before the batch',
    ['batches/condition-seen', 'conditions/oracle'],
    misjudging(async (condition, engine, _one, headBefore) =>
      (await matchesUpTo(engine, condition, headBefore)) ? condition : undefined,
    ),
  ),
  wrong(
    'takes the position of a condition for one that counts',
    [
      'bounded/matchless-condition',
      'conditions/after-is-exclusive',
      'conditions/newer-match',
      'conditions/no-false-conflicts',
      'conditions/oracle',
      'conditions/unrelated',
      'conditions/whole-store',
      'conditions/with-version',
      'durable/conditions',
    ],
    misjudging(async (condition) => ({ ...condition, after: Math.max(0, condition.after - 1) })),
  ),
  wrong(
    'takes the next position after that of a condition for one that does not count',
    ['conditions/newer-match', 'conditions/oracle', 'conditions/whole-store', ...matchingExcept()],
    misjudging(async (condition) => ({ ...condition, after: condition.after === 0 ? 0 : condition.after + 1 })),
  ),
  wrong(
    'does not look at conditions that name a position',
    ['conditions/newer-match', 'conditions/oracle', 'conditions/whole-store', ...matchingExcept()],
    misjudging(async (condition) => (condition.after > 0 ? undefined : condition)),
  ),
  wrong(
    'looks for a match among the last events only',
    ['bounded/matchless-condition', 'conditions/newer-match'],
    misjudging(async (condition, engine) => ({
      ...condition,
      after: Math.max(condition.after, (await engine.head()) - 400),
    })),
  ),
  wrong(
    'wants a condition to name the last match exactly',
    ['conditions/after-beyond', ...matchingExcept('matching/everything', 'matching/tags-and', 'matching/types-or')],
    () => (engine, lock) =>
      judging(engine, lock, async (one, send) => {
        const after = one.condition?.after ?? 0
        const last = (await wholeLog(engine)).findLast(
          (event) => one.condition && matchesQuery(one.condition.failIfMatch, event),
        )?.position
        if (last === undefined || after <= last) return send(one)
        const repeated = await send({ ...one, condition: { failIfMatch: 'everything', after: 0 } })
        return repeated.status === 'repeated' ? repeated : { status: 'condition_failed', after, position: last }
      }),
  ),
  wrong(
    'fails a condition on any newer event',
    [
      'bounded/matchless-condition',
      'conditions/newer-match',
      'conditions/no-false-conflicts',
      'conditions/unrelated',
      'durable/conditions',
      ...matchingExcept('matching/everything', 'matching/tags-and', 'matching/types-or'),
    ],
    misjudging(async (condition) => (condition.after > 0 ? { ...condition, failIfMatch: 'everything' } : condition)),
  ),
  wrong(
    "fails a condition on the append's own events",
    [
      'batches/condition-seen',
      'batches/refused-unseen',
      'conditions/across-instances',
      'conditions/no-false-conflicts',
      'conditions/own-events',
      'conditions/whole-store',
      'idempotent/repeat-before-checks',
    ],
    () => (engine, lock) =>
      judging(engine, lock, async (one, send) => {
        const { condition } = one
        const stored = new Set((await wholeLog(engine)).map((event) => event.id))
        const own =
          condition && one.events.some((event) => !stored.has(event.id) && matchesQuery(condition.failIfMatch, event))
        const position = (await engine.head()) + 1
        return own && position > condition.after
          ? { status: 'condition_failed', after: condition.after, position }
          : send(one)
      }),
  ),
  wrong(
    'does not count hidden events against a condition',
    ['conditions/hidden-events-count'],
    misjudging(async (condition, engine) => {
      const states = new Map<string, boolean>()
      for (const event of await wholeLog(engine)) {
        if (event.position <= condition.after || !matchesQuery(condition.failIfMatch, event)) continue
        const state = await stateOf(engine, event.streamId)
        states.set(event.id, !state.tombstoned && event.version >= state.truncateBefore)
      }
      return states.size > 0 && ![...states.values()].includes(true) ? undefined : condition
    }),
  ),
  wrong(
    'judges a condition before the expected version',
    ['conditions/with-version'],
    () => (engine, lock) =>
      judging(engine, lock, async (one, send) => {
        const { condition, events, checks } = one
        if (condition === undefined || checks.length === 0) return send(one)
        const match = (await wholeLog(engine)).find(
          (event) => event.position > condition.after && matchesQuery(condition.failIfMatch, event),
        )
        if (match === undefined || events.some((event) => event.id === match.id)) return send(one)
        return { status: 'condition_failed', after: condition.after, position: match.position }
      }),
  ),
  wrong(
    'reports the head as the place of a match',
    ['conditions/newer-match', 'conditions/without-after'],
    () => (engine, lock) =>
      judging(engine, lock, async (one, send) => {
        const outcome = await send(one)
        return outcome.status === 'condition_failed' ? { ...outcome, position: await engine.head() } : outcome
      }),
  ),
]
