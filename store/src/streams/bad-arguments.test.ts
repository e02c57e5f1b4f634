import { deepEqual, equal, fail, ok, rejects, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { AppendOptions } from '../model/call.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import { correlate } from './causation.ts'

const good = { type: 'T', data: 1 }
const id = '0198c6e2-0000-7000-8000-000000000001'

/** One row: what is wrong, the arguments of `append`, and the code (with the argument or limit named). */
type Row = readonly [string, readonly unknown[], string, string?]

const appends: readonly Row[] = [
  ['no stream id', [undefined, [good]], 'INVALID_ARGUMENT', 'streamId'],
  ['an empty stream id', ['', [good]], 'INVALID_ARGUMENT', 'streamId'],
  ['a stream id that is no text', [7, [good]], 'INVALID_ARGUMENT', 'streamId'],
  ['a stream id too long', ['x'.repeat(limits.streamIdChars + 1), [good]], 'LIMIT_EXCEEDED', 'streamIdChars'],
  ['a stream id with half a character', ['a\ud800', [good]], 'INVALID_ARGUMENT', 'streamId'],
  ['no events', ['S', []], 'INVALID_ARGUMENT', 'events'],
  ['events that are no list', ['S', good], 'INVALID_ARGUMENT', 'events'],
  ['an event that is null', ['S', [null]], 'INVALID_ARGUMENT', 'events[0]'],
  ['an event without a type', ['S', [{ data: 1 }]], 'INVALID_ARGUMENT', 'events[0].type'],
  ['a second event without a type', ['S', [good, { data: 1 }]], 'INVALID_ARGUMENT', 'events[1].type'],
  ['a type too long', ['S', [{ type: 'x'.repeat(256), data: 1 }]], 'LIMIT_EXCEEDED', 'eventTypeChars'],
  ['no data', ['S', [{ type: 'T' }]], 'INVALID_ARGUMENT', 'events[0].data'],
  ['a function as data', ['S', [{ type: 'T', data: () => 1 }]], 'INVALID_ARGUMENT', 'events[0].data'],
  ['a bigint as data', ['S', [{ type: 'T', data: 1n }]], 'INVALID_ARGUMENT', 'events[0].data'],
  [
    'text under a binary content type',
    ['S', [{ ...good, contentType: 'text/xml' }]],
    'INVALID_ARGUMENT',
    'events[0].data',
  ],
  ['an empty content type', ['S', [{ ...good, contentType: '' }]], 'INVALID_ARGUMENT', 'events[0].contentType'],
  ['an id that is no UUID', ['S', [{ ...good, id: '7' }]], 'INVALID_ARGUMENT', 'events[0].id'],
  [
    'one id twice',
    [
      'S',
      [
        { ...good, id },
        { ...good, id },
      ],
    ],
    'INVALID_ARGUMENT',
    'events',
  ],
  ['metadata that is a list', ['S', [{ ...good, metadata: [] }]], 'INVALID_ARGUMENT', 'events[0].metadata'],
  [
    'a timestamp in metadata',
    ['S', [{ ...good, metadata: { timestamp: 'x' } }]],
    'INVALID_ARGUMENT',
    'events[0].metadata.timestamp',
  ],
  ['a timestamp that is no time', ['S', [{ ...good, timestamp: 'soon' }]], 'INVALID_ARGUMENT', 'events[0].timestamp'],
  ['tags that are no list', ['S', [{ ...good, tags: 'a' }]], 'INVALID_ARGUMENT', 'events[0].tags'],
  ['an empty tag', ['S', [{ ...good, tags: [''] }]], 'INVALID_ARGUMENT', 'events[0].tags[0]'],
  ['a tag too long', ['S', [{ ...good, tags: ['x'.repeat(256)] }]], 'LIMIT_EXCEEDED', 'tagChars'],
  ['too many tags', ['S', [{ ...good, tags: Array.from({ length: 65 }, String) }]], 'LIMIT_EXCEEDED', 'eventTags'],
  ['schema version 0', ['S', [{ ...good, schemaVersion: 0 }]], 'INVALID_ARGUMENT', 'events[0].schemaVersion'],
  ['a payload too large', ['S', [{ type: 'T', data: 'x'.repeat(limits.eventBytes) }]], 'PAYLOAD_TOO_LARGE'],
  [
    'a payload too large in UTF-8 alone',
    ['S', [{ type: 'T', data: '€'.repeat(limits.eventBytes / 3) }]],
    'PAYLOAD_TOO_LARGE',
  ],
  [
    'too many events',
    ['S', Array.from({ length: limits.appendEvents + 1 }, () => good)],
    'LIMIT_EXCEEDED',
    'appendEvents',
  ],
  [
    'too many bytes in UTF-8 alone',
    ['S', Array.from({ length: 17 }, () => ({ type: 'T', data: '€'.repeat(limits.eventBytes / 3 - 2) }))],
    'LIMIT_EXCEEDED',
    'appendBytes',
  ],
  ['a negative version', ['S', [good], { expectedVersion: -1 }], 'INVALID_ARGUMENT', 'expectedVersion'],
  ['half a version', ['S', [good], { expectedVersion: 1.5 }], 'INVALID_ARGUMENT', 'expectedVersion'],
  ['null for a version', ['S', [good], { expectedVersion: null }], 'INVALID_ARGUMENT', 'expectedVersion'],
  ['an unknown expectation', ['S', [good], { expectedVersion: 'none' }], 'INVALID_ARGUMENT', 'expectedVersion'],
  ['an empty idempotency key', ['S', [good], { idempotencyKey: '' }], 'INVALID_ARGUMENT', 'idempotencyKey'],
  ['a condition without a query', ['S', [good], { condition: {} }], 'INVALID_ARGUMENT', 'condition.failIfMatch'],
  [
    'a condition that says nothing',
    ['S', [good], { condition: { failIfMatch: {} } }],
    'INVALID_ARGUMENT',
    'condition.failIfMatch',
  ],
  [
    'a condition without items',
    ['S', [good], { condition: { failIfMatch: [] } }],
    'INVALID_ARGUMENT',
    'condition.failIfMatch',
  ],
  [
    'a condition with a typo',
    ['S', [good], { condition: { failIfMatch: { type: ['T'] } } }],
    'INVALID_ARGUMENT',
    'condition.failIfMatch',
  ],
  [
    'a condition over what is no category, which would refuse nothing',
    ['S', [good], { condition: { failIfMatch: { categories: ['Order-7'] } } }],
    'INVALID_ARGUMENT',
    'condition.failIfMatch.categories',
  ],
  [
    'a condition after nowhere',
    ['S', [good], { condition: { failIfMatch: 'everything', after: -1 } }],
    'INVALID_ARGUMENT',
    'condition.after',
  ],
  ['a fact Varve does not know', ['$$S', [good]], 'INVALID_ARGUMENT', 'events[0]'],
  [
    'a fact that hides from version 0',
    ['$$S', [{ type: '$metadata', data: { truncate_before: 0 } }]],
    'INVALID_ARGUMENT',
    'events[0]',
  ],
]

function namedIn(error: unknown): string | undefined {
  const { argument, limit } = error as { argument?: string; limit?: string }
  return argument ?? limit
}

describe('an append with a bad argument is refused and changes nothing', () => {
  it.each(appends)('%s', async (_, args, code, named) => {
    const store = openStore({ engine: memory() })
    const [streamId, events, options] = args as [string, never[], AppendOptions?]
    await rejects(store.append(streamId, events, options), (error: { code: string }) => {
      equal(error.code, code)
      if (named !== undefined) equal(namedIn(error), named)
      return true
    })
    equal(await store.head(), 0)
    deepEqual(await store.streams().toArray(), [])
  })
})

describe('a read with a bad argument is refused before anything is read', () => {
  const reads: readonly (readonly [string, (store: EventStore) => unknown, string])[] = [
    ['an empty stream id', (store) => store.readStream(''), 'streamId'],
    ['a negative place', (store) => store.readStream('S', { from: -1 }), 'from'],
    ['half a place', (store) => store.readAll({ from: 0.5 }), 'from'],
    ['a limit below zero', (store) => store.readAll({ limit: -1 }), 'limit'],
    ['an unknown direction', (store) => store.readAll({ direction: 'up' as 'forward' }), 'direction'],
    ['an empty filter', (store) => store.readAll({ filter: {} }), 'filter'],
    ['a filter item of the wrong kind', (store) => store.readAll({ filter: ['T'] as never }), 'filter[0]'],
    ['a filter with an empty list', (store) => store.readAll({ filter: { types: [] } }), 'filter.types'],
    ['a filter with a number', (store) => store.readAll({ filter: { tags: [1] as never } }), 'filter.tags'],
    ['a filter with half a character', (store) => store.readAll({ filter: { types: ['\ud800'] } }), 'filter.types'],
    ['a prefix with half a character', (store) => store.streams({ prefix: '\ud800' }), 'prefix'],
    ['a shelf from half a character on', (store) => store.shelf.list({ after: '\ud800' }), 'after'],
    ['a prefix that is no text', (store) => store.streams({ prefix: 1 as never }), 'prefix'],
    ['a subscription from nowhere', (store) => store.subscribe({ from: 'now' as 'end' }), 'from'],
    ['a stream and a filter at once', (store) => store.subscribe({ stream: 'S', filter: 'everything' }), 'filter'],
    ['a checkpoint without a name', (store) => store.subscribe({ checkpoint: '' }), 'checkpoint'],
    [
      'a checkpoint that saves never',
      (store) => store.subscribe({ checkpoint: { name: 'c', everyEvents: 0 } }),
      'checkpoint.everyEvents',
    ],
  ]
  it.each(reads)('%s', (_, read, argument) => {
    throws(() => read(openStore({ engine: memory() })), { code: 'INVALID_ARGUMENT', argument })
  })
})

it('an append that is far too large is refused before all of it was encoded', async () => {
  const store = openStore({ engine: memory() })
  let encoded = 0
  const large = 'x'.repeat(1_000_000)
  const data = {
    toJSON: () => {
      encoded++
      return large
    },
  }
  await rejects(store.append('S', Array(10_000).fill({ type: 'T', data })), {
    code: 'LIMIT_EXCEEDED',
    limit: 'appendBytes',
  })
  ok(encoded < 60, `${encoded} were encoded`)
  await rejects(store.append('S', Array(10_001).fill({ type: 'T', data })), {
    code: 'LIMIT_EXCEEDED',
    limit: 'appendEvents',
  })
  ok(encoded < 60, `${encoded} were encoded`)
})

it('a store without an engine is refused when it is opened', () => {
  for (const options of [undefined, {}, memory()]) {
    throws(() => openStore(options as never), { code: 'INVALID_ARGUMENT', argument: 'engine' })
  }
})

it('a correlation id that is given in the place of an object of ids is refused, and nothing runs', () => {
  const refused = (): never => correlate('req-1' as never, () => fail('ran'))
  throws(refused, { code: 'INVALID_ARGUMENT', argument: 'causation' })
})

describe('writes to several streams with a bad argument are refused and change nothing', () => {
  const writes: readonly (readonly [string, unknown, string])[] = [
    ['no list', {}, 'INVALID_ARGUMENT'],
    ['nothing to write', [], 'INVALID_ARGUMENT'],
    ['a write that is null', [null], 'INVALID_ARGUMENT'],
    ['only checks', [{ streamId: 'S', events: [], expectedVersion: 0 }], 'INVALID_ARGUMENT'],
    [
      'a write that neither writes nor checks',
      [
        { streamId: 'S', events: [good] },
        { streamId: 'R', events: [] },
      ],
      'INVALID_ARGUMENT',
    ],
    [
      'one stream twice',
      [
        { streamId: 'S', events: [good] },
        { streamId: 'S', events: [good] },
      ],
      'INVALID_ARGUMENT',
    ],
    [
      'too many streams',
      Array.from({ length: 1_001 }, (_, i) => ({ streamId: `S-${i}`, events: [good] })),
      'LIMIT_EXCEEDED',
    ],
  ]
  it.each(writes)('%s', async (_, given, code) => {
    const store = openStore({ engine: memory() })
    await rejects(store.appendAll(given as never), { code })
    equal(await store.head(), 0)
  })
})
