import assert from 'node:assert/strict'
import type { EventToStore } from '../model/event.ts'
import type { NormalQuery } from '../model/query.ts'
import type { EngineCase } from './case.ts'
import { eventFor, idsOf, item, land, logOf, read, request, statusOf, unless } from './port.ts'

/**
 * What a query means, as a table written out by hand: the events of a small store, and for each query which of them
 * match. Every row is asked three times: reading forward, reading backward, and as an append condition.
 */
interface Row {
  readonly rule: string
  readonly name: string
  readonly events: readonly EventToStore[]
  readonly query: NormalQuery
  /** Places in `events` of those that match. */
  readonly matching: readonly number[]
}

function tagged(...tags: string[]): EventToStore {
  return eventFor('Course-1', { tags })
}

function typed(type: string, ...tags: string[]): EventToStore {
  return eventFor('Course-1', { type, tags })
}

/** An event that no row asks for. */
function unasked(): EventToStore {
  return eventFor('~unasked-1', { type: '~Unasked' })
}

function near(rule: string, name: string, terms: readonly string[], asked: string): readonly Row[] {
  const matching = terms.flatMap((term, place) => (term === asked ? [place] : []))
  return [
    {
      rule,
      name: `a tag matches only itself: ${name}`,
      events: terms.map((term) => tagged(term)),
      query: [item({ tags: [asked] })],
      matching,
    },
    {
      rule: rule.replace('tag', 'type'),
      name: `an event type matches only itself: ${name}`,
      events: terms.map((term) => typed(term)),
      query: [item({ types: [asked] })],
      matching,
    },
  ]
}

const rows: readonly Row[] = [
  {
    rule: 'matching/everything',
    name: "'everything' matches every event, tagged or not, the facts about streams included",
    events: [tagged(), tagged('a'), eventFor('$$Course-1', { type: '$metadata' }), eventFor('plain')],
    query: 'everything',
    matching: [0, 1, 2, 3],
  },
  {
    rule: 'matching/one-term',
    name: 'one tag matches the events that carry it, among other tags too',
    events: [tagged('course:1'), tagged(), tagged('student:1', 'course:1'), tagged('student:1')],
    query: [item({ tags: ['course:1'] })],
    matching: [0, 2],
  },
  {
    rule: 'matching/one-term',
    name: 'one type matches the events of that type',
    events: [typed('Opened'), typed('Closed'), typed('Opened', 'a')],
    query: [item({ types: ['Opened'] })],
    matching: [0, 2],
  },
  {
    rule: 'matching/one-term',
    name: 'a query that matches nothing matches nothing',
    events: [typed('Opened', 'a'), typed('Closed', 'b')],
    query: [item({ types: ['Opened'], tags: ['b'] }), item({ tags: ['c'] }), item({ types: ['Nothing'] })],
    matching: [],
  },
  {
    rule: 'matching/tags-and',
    name: 'tags of one item are AND-ed',
    events: [tagged('a'), tagged('b', 'a'), tagged('b'), tagged('a', 'b', 'c')],
    query: [item({ tags: ['a', 'b'] })],
    matching: [1, 3],
  },
  {
    rule: 'matching/types-or',
    name: 'types of one item are OR-ed',
    events: [typed('Opened'), typed('Renamed'), typed('Closed')],
    query: [item({ types: ['Opened', 'Closed'] })],
    matching: [0, 2],
  },
  {
    rule: 'matching/types-with-tags',
    name: 'types and tags of one item must both match',
    events: [typed('Opened', 'a'), typed('Opened', 'b'), typed('Closed', 'a'), typed('Renamed', 'a')],
    query: [item({ types: ['Opened', 'Closed'], tags: ['a'] })],
    matching: [0, 2],
  },
  {
    rule: 'matching/items-or',
    name: 'items are OR-ed, and an event that matches several is there once',
    events: [typed('Opened', 'a'), typed('Opened', 'b'), typed('Closed', 'b'), typed('Closed', 'c')],
    query: [item({ types: ['Opened'] }), item({ tags: ['b'] }), item({ types: ['Opened'], tags: ['a'] })],
    matching: [0, 1, 2],
  },
  {
    rule: 'matching/items-or',
    name: 'each item keeps its own types to its own tags',
    events: [typed('Opened', 'a'), typed('Closed', 'a'), typed('Opened', 'b'), typed('Closed', 'b')],
    query: [item({ types: ['Opened'], tags: ['a'] }), item({ types: ['Closed'], tags: ['b'] })],
    matching: [0, 3],
  },
  {
    rule: 'matching/category',
    name: 'a category matches its streams only, not those of a category with a longer name',
    events: ['Order-1', 'OrderLine-1', 'Order', 'Order-1-2', 'order-1', 'Orders-1', '-Order'].map((id) => eventFor(id)),
    query: [item({ categories: ['Order'] })],
    matching: [0, 2, 3],
  },
  {
    rule: 'matching/category',
    name: 'categories of one item are OR-ed, and AND-ed with its types and tags',
    events: [
      eventFor('Order-1', { type: 'Opened', tags: ['a'] }),
      eventFor('Cart-1', { type: 'Opened', tags: ['a'] }),
      eventFor('Bill-1', { type: 'Opened', tags: ['a'] }),
      eventFor('Order-1', { type: 'Closed', tags: ['a'] }),
      eventFor('Cart-1', { type: 'Opened' }),
    ],
    query: [item({ categories: ['Order', 'Cart'], types: ['Opened'], tags: ['a'] })],
    matching: [0, 1],
  },
  {
    rule: 'matching/stream-prefix',
    name: 'a stream prefix matches the streams that begin with it',
    events: ['Order-1', 'Order-12', 'Order-2', 'xOrder-1', 'Order'].map((id) => eventFor(id)),
    query: [item({ streamPrefix: 'Order-1' })],
    matching: [0, 1],
  },
  {
    rule: 'matching/stream-prefix-literal',
    name: 'a stream prefix means itself, also where a pattern language would read more into it',
    events: ['a%b-1', 'aXXb-1', 'a_b-1', 'aXb-1', 'a\\b-1', 'a%', 'a*b-1', 'a?b-1'].map((id) => eventFor(id)),
    query: [item({ streamPrefix: 'a%b' }), item({ streamPrefix: 'a_b' }), item({ streamPrefix: 'a\\' })],
    matching: [0, 2, 4],
  },
  {
    rule: 'matching/stream-prefix-case',
    name: 'a stream prefix tells upper case from lower case, and one accent from another',
    events: ['Order-1', 'order-1', 'ORDER-1', 'Órder-1'].map((id) => eventFor(id)),
    query: [item({ streamPrefix: 'Order' })],
    matching: [0],
  },
  {
    rule: 'matching/stream-prefix',
    name: 'a stream prefix finds what lies beyond the last letter of an alphabet',
    events: ['A-\u{10ffff}', 'A-\uffff', 'A-z', 'A.z', 'A-🐘', 'B'].map((id) => eventFor(id)),
    query: [item({ streamPrefix: 'A-' })],
    matching: [0, 1, 2, 4],
  },
  ...near('matching/tag-whole', 'a:1 is not a:11', ['a:1', 'a:11', 'a:', 'a', 'aa:1', 'a:1 '], 'a:1'),
  ...near('matching/tag-case', 'upper case is not lower case', ['City:Ulm', 'city:ulm', 'CITY:ULM'], 'city:ulm'),
  ...near(
    'matching/tag-bytes',
    'é is not é composed otherwise, nor e',
    ['caf\u00e9', 'cafe\u0301', 'cafe'],
    'caf\u00e9',
  ),
  ...near(
    'matching/tag-punctuation',
    'commas, quotes and colons are letters',
    ['a,b', 'a', 'b', '"a,b"', "a','b", '{a,b}'],
    'a,b',
  ),
  ...near('matching/tag-punctuation', 'no pattern is read into it', ['a%', 'ab', 'a_', 'a*', '%', 'a\\%'], 'a%'),
  ...near('matching/tag-nul', 'what follows a NUL counts', ['a\0b', 'a', 'a\0', 'a\0c'], 'a\0b'),
  ...near('matching/tag-unicode', 'signs beyond the basic plane', ['🐘', '🐘🐘', '🐕', '\ud83d\udc00'], '🐘'),
  ...near(
    'matching/tag-whole',
    'the longest one is not its beginning',
    ['x'.repeat(255), 'x'.repeat(254), `${'x'.repeat(254)}y`],
    'x'.repeat(255),
  ),
]

/** What queries mean, to readers and to conditions alike. */
export const matchingCases: readonly EngineCase[] = rows.flatMap(({ rule, name, events, query, matching }) => [
  {
    promise: 'conditions',
    rule,
    name: `filter: ${name}`,
    run: async ({ engine }) => {
      for (const event of events) await land(engine, event)
      const matched = new Set(idsOf(matching.map((place) => events[place] as EventToStore)))
      // In the order of the log, which is that of the appends where there is one order.
      const expected = idsOf(await logOf(engine)).filter((id) => matched.has(id))
      assert.equal(expected.length, matched.size)
      assert.deepEqual(idsOf(await logOf(engine, query)), expected)
      assert.deepEqual(idsOf(await read(engine, { query }, { direction: 'backward' })), expected.reverse())
    },
  },
  {
    promise: 'conditions',
    rule,
    name: `condition: ${name}`,
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const before: number[] = []
      for (const event of events) {
        before.push((await land(engine, unasked())).lastPosition)
        await land(engine, event)
      }
      for (const [place, after] of before.entries()) {
        // Only the events from `place` on count, so that every event decides once.
        const expected = matching.some((one) => one >= place) ? 'condition_failed' : 'done'
        const probe = request([unasked()], unless(query, after))
        assert.equal(await statusOf(engine, probe), expected, `condition above position ${after}`)
      }
    },
  },
])
