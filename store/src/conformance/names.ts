import assert from 'node:assert/strict'
import type { EngineCase } from './case.ts'
import { eventFor, eventsFor, eventsOf, expecting, idsOf, land, listStreams, request, statusOf } from './port.ts'

/** Names that some engine somewhere takes for one another, each group under the rule it would break. */
const groups: readonly { readonly rule: string; readonly name: string; readonly ids: readonly string[] }[] = [
  { rule: 'names/prefix', name: 'one that begins like another', ids: ['a:1', 'a:11', 'a:', 'a', 'aa:1'] },
  {
    rule: 'names/case',
    name: 'upper and lower case',
    ids: ['order-1', 'Order-1', 'ORDER-1', 'straße', 'STRASSE', 'ı', 'I', 'i'],
  },
  {
    rule: 'names/spaces',
    name: 'spaces at either end and inside',
    ids: ['a', ' a', 'a ', 'a\t', 'a\n', 'a\u00a0', ' ', '  ', 'a b', 'a  b'],
  },
  { rule: 'names/nul', name: 'a NUL and what follows it', ids: ['a', 'a\0', 'a\0b', 'a\0c', '\0', '\0\0', '\0a'] },
  { rule: 'names/control', name: 'control characters', ids: ['a\x01', 'a\x02', 'a\x1b[31m', 'a\x7f', 'a\r\n', 'a\n'] },
  {
    rule: 'names/quotes',
    name: 'quotes and the ends of statements',
    ids: [
      "'",
      "''",
      '"',
      '""',
      '`',
      "a'; drop table events; --",
      "a'' or 1=1",
      '$1',
      '?',
      ':name',
      '\\',
      "\\'",
      '/* */',
      '--',
    ],
  },
  { rule: 'names/wildcards', name: 'wildcards', ids: ['a%', 'ab', 'a_', 'a\\%', 'a*', 'a?', '%', '_', '.*', '[a-z]'] },
  {
    rule: 'names/separators',
    name: 'what engines use to join things',
    ids: [
      'a',
      'a/b',
      'a/',
      '/',
      'a|b',
      'a#b',
      'a,b',
      'a;b',
      'a&b',
      'a=b',
      '{a}',
      '[a]',
      '../a',
      'a.b',
      'a-b',
      'a-',
      '-a',
      '-',
      '--a',
    ],
  },
  {
    rule: 'names/dollars',
    name: 'leading dollars',
    ids: ['a', '$a', '$', '$all', '$ce-a', '$streams', '$$', 'a$', '$-1'],
  },
  {
    rule: 'names/normalisation',
    name: 'composed and combining forms',
    ids: ['caf\u00e9', 'cafe\u0301', 'cafe', '\u212b', '\u00c5', 'A\u030a', 'ﬁ', 'fi'],
  },
  {
    rule: 'names/unicode',
    name: 'signs from everywhere',
    ids: [
      '日本語',
      '🐘',
      '🐘🐘',
      '👩‍🚀',
      '👩🚀',
      'שלום',
      '\u202eabc',
      'abc\u200b',
      'abc',
      '\u{10ffff}',
      '\uffff',
      '\ufeffabc',
    ],
  },
  {
    rule: 'names/numbers',
    name: 'what looks like a number or a value',
    ids: [
      '1',
      '01',
      '1.0',
      '1e0',
      ' 1',
      'null',
      'undefined',
      'true',
      'NaN',
      '0x1',
      '__proto__',
      'constructor',
      'toString',
    ],
  },
  {
    rule: 'names/long',
    name: 'long ones that differ at their end',
    ids: [
      'x'.repeat(1_000),
      `${'x'.repeat(999)}y`,
      'x'.repeat(999),
      'x'.repeat(256),
      'x'.repeat(255),
      'x'.repeat(64),
      'x'.repeat(63),
    ],
  },
  {
    rule: 'names/long',
    name: 'long ones of four bytes a sign',
    ids: ['🐘'.repeat(500), `${'🐘'.repeat(499)}🐕`, '日'.repeat(1_000), `${'日'.repeat(999)}月`],
  },
]

const streamCases: readonly EngineCase[] = groups.flatMap(({ rule, name, ids }): EngineCase[] => [
  {
    promise: 'names',
    rule,
    name: `streams are told apart, read, checked and listed: ${name}`,
    run: async ({ engine }) => {
      const events = ids.map((id) => eventFor(id))
      for (const event of events) {
        assert.equal(await statusOf(engine, request([event], expecting(event.streamId, 'no_stream'))), 'done')
      }
      for (const event of events) {
        const found = await eventsOf(engine, event.streamId)
        assert.deepEqual(
          found.map(({ id, streamId, version }) => ({ id, streamId, version })),
          [{ id: event.id, streamId: event.streamId, version: 1 }],
        )
      }
      assert.deepEqual((await listStreams(engine)).map((one) => one.streamId).sort(), [...ids].sort())
    },
  },
  {
    promise: 'names',
    rule: 'names/types-and-tags',
    name: `event types and tags come back as they were: ${name}`,
    run: async ({ engine }) => {
      const terms = ids.filter((id) => id.length <= 255)
      const events = terms.map((term) =>
        eventFor('Order-1', { type: term, tags: [term, `${term}`.slice(0, 254).concat('~')] }),
      )
      for (const event of events) await land(engine, event)
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map(({ type, tags }) => ({ type, tags })),
        events.map(({ type, tags }) => ({ type, tags })),
      )
    },
  },
])

/** Names are sequences of characters and nothing else: no engine reads more or less into them. */
export const nameCases: readonly EngineCase[] = [
  ...streamCases,
  {
    promise: 'names',
    rule: 'names/facts',
    name: 'a fact about a stream concerns that stream alone, however alike another one looks',
    run: async ({ engine }) => {
      const others = ['a:11', 'A:1', 'a:1 ', 'a:1\0', '$a:1']
      for (const id of ['a:1', ...others]) await land(engine, ...eventsFor(id, 2))
      await land(engine, eventFor('$$a:1', { type: '$tombstone' }))
      assert.deepEqual(await eventsOf(engine, 'a:1'), [])
      for (const id of others) assert.equal((await eventsOf(engine, id)).length, 2, id)
    },
  },
  {
    promise: 'names',
    rule: 'names/many',
    name: 'thousands of streams are each their own',
    run: async ({ engine }) => {
      const batch = Array.from({ length: 2_000 }, (_, number) => request([eventFor(`Order-${number}`)]))
      for (let begin = 0; begin < batch.length; begin += 250) await engine.append(batch.slice(begin, begin + 250))
      for (const number of [0, 1, 10, 100, 1_000, 1_999]) {
        assert.deepEqual(idsOf(await eventsOf(engine, `Order-${number}`)), idsOf(batch[number]?.events ?? []))
      }
      assert.equal((await listStreams(engine)).length, 2_000)
    },
  },
]
