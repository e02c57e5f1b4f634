import { describe, expect, it } from 'vitest'
import { type Definition, type Fault, isFault, type Output, type PackedEvent } from './exchange.ts'
import { Sandbox } from './sandbox.ts'

const limits = { memoryBytes: 33_554_432, eventMs: 100, emits: 3, outputChars: 10_000 }

describe('what a query says that it is', () => {
  it.each<[string, Partial<Definition>]>([
    ['fromAll()', { isAll: true, by: 'nothing', isAny: true, folds: false }],
    ['fromAll().when({ A() {}, $init: () => ({}) })', { isAll: true, isAny: false, types: ['A'], folds: true }],
    ["fromStream('a').when({ $any() {} })", { streams: ['a'], isAny: true, types: [] }],
    ["fromStreams('a', 'b').when({})", { streams: ['a', 'b'], isAny: false }],
    ["fromStreams(['a', 'b']).partitionBy((e) => e.body.k).when({})", { streams: ['a', 'b'], by: 'key' }],
    ["fromCategory('a').foreachStream().when({})", { streams: ['$ce-a'], by: 'stream' }],
    ["fromCategories(['a', 'b'])", { streams: ['$ce-a', '$ce-b'] }],
    ["fromCategory('a', 'b')", { streams: ['$ce-a', '$ce-b'] }],
    ['fromAll().when({ $initShared: () => ({}) })', { isBi: true }],
    ['options({ $includeLinks: true, reorderEvents: true, processingLag: 9 }); fromAll()', { includeLinks: true }],
    ["options({ resultStreamName: 'r', biState: true }); fromAll()", { resultStream: 'r', isBi: true }],
    [
      "fromAll().when({}).outputState().outputTo('r', 'r-{0}')",
      { outputs: true, resultStream: 'r', partitionResultPattern: 'r-{0}' },
    ],
    ['fromAll().when({}).transformBy((s) => s).filterBy((s) => true)', { outputs: true }],
    ['fromAll().foreachStream().when({ $deleted() {} })', { by: 'stream', handlesDeleted: true }],
    ["on_event('A', () => {}); fromAll()", { types: ['A'] }],
  ])('%s', async (source, expected) => {
    using sandbox = await Sandbox.open(parts())
    expect(sandbox.load(source)).toMatchObject(expected)
  })

  it.each([
    ['fromAll(\n).when(x y)', 'SyntaxError', /:2:10/],
    ['fromStream(7)', 'TypeError', /projection.js:1/],
    ["options({ colour: 'red' })", 'TypeError', /projection.js:1/],
    ['fromAll().foreachStream().outputState()', 'TypeError', /projection.js:1/],
    ["fromAll();\nemit('a', 'b', {})", 'ReferenceError', /projection.js:2/],
    ['for (;;) {}', 'InternalError', /projection.js:1/],
    ['require("node:fs")', 'ReferenceError', /projection.js:1/],
    ['process.exit(1)', 'ReferenceError', /projection.js:1/],
  ])('and what is no query: %s', async (source, name, stack) => {
    using sandbox = await Sandbox.open(parts())
    const fault = sandbox.load(source) as Fault
    expect({ ...fault, isFault: isFault(fault) }).toMatchObject({ isFault: true, name })
    expect(fault.stack).toMatch(stack)
  })
})

describe('what comes of events', () => {
  it.each<[string, string, unknown]>([
    ['a count', 'fromAll().when({ $init: () => ({ n: 0 }), A(s) { s.n++ } })', { n: 2 }],
    ['what a handler returns', 'fromAll().when({ $any: (s, e) => ({ last: e.eventType }) })', { last: 'C' }],
    ['the last body, without handlers', 'fromAll()', 'raw'],
    ['bytes as text', "fromAll().when({ C: (s, e) => [e.bodyRaw, e.isJson, 'body' in e] })", ['raw', false, false]],
    ['a handler of a type before the one of all', 'fromAll().when({ $any: (s) => s, A: () => 1 })', 1],
    ['the fields of an event', `fromAll().when({ B: (s, e) => Object.keys(e).sort() })`, fields],
    [
      'what stands beside an event',
      'fromAll().when({ B: (s, e) => [e.metadata.m, e.linkMetadata, e.metadataRaw] })',
      [1, null, '{"m":1}'],
    ],
    ['body and data are one', 'fromAll().when({ B: (s, e) => [e.body.n, e.data.n, e.data === e.body] })', [2, 2, true]],
    [
      'numbers of events',
      'fromAll().when({ B: (s, e) => [e.sequenceNumber, e.streamId, e.eventId, e.created] })',
      [1, 'Order-1', 'id-2', 'then'],
    ],
    [
      'large integers, as digits',
      'fromAll().when({ A: () => ({ n: 12345678901234567890n }) })',
      { n: '12345678901234567890' },
    ],
    ['null, where a handler says so', 'fromAll().when({ A: () => null })', null],
    ['an empty object where nothing is said', 'fromAll().when({ X() {} })', {}],
    [
      'nothing of a program that replaces JSON',
      'JSON.stringify = () => "no"; fromAll().when({ A: () => ({ a: 1 }) })',
      { a: 1 },
    ],
  ])('%s', async (_, source, state) => {
    const { states } = await evaluated(source)
    expect(JSON.parse(states[''] ?? '')).toEqual(state)
  })

  it.each<[string, string, unknown[]]>([
    ['emit', "emit('s', 'T', { n: e.body.n }, { m: 2 })", ['emit', 's', 'T', '{"n":2}', '{"m":2}', true]],
    ['linkTo', "linkTo('s', e)", ['emit', 's', '$>', '1@Order-1', null, false]],
    ['linkStreamTo', "linkStreamTo('s', 'other')", ['emit', 's', '$@', 'other', null, false]],
    ['copyTo', "copyTo('s', e)", ['emit', 's', 'B', '{"n":2}', null, true]],
  ])('%s is handed over, with the event it is for', async (_, code, expected) => {
    const { outputs } = await evaluated(`fromAll().when({ B(s, e) { ${code} } })`)
    expect(outputs).toEqual([[2, 1, ...expected]])
  })

  it('results are handed over when they change, as the transformations make them', async () => {
    const source = `fromAll().when({ $init: () => ({ n: 0 }), $any(s) { s.n++ } }).filterBy((s) => s.n > 1).transformBy((s) => ({ big: s.n > 2 }))`
    const { outputs } = await evaluated(source)
    expect(outputs.map(([position, , kind, , type, data]) => [position, kind, type, data])).toEqual([
      [2, 'result', 'Result', '{"big":false}'],
      [3, 'result', 'Result', '{"big":true}'],
    ])
  })

  it('partitions have states of their own and one that they share', async () => {
    const source = `fromAll().partitionBy((e) => e.isJson ? e.body.n % 2 : null).when({
      $initShared: () => ({ all: 0 }), $init: () => ({ n: 0 }),
      $any(s) { s[0].n++; s[1].all++; return s } })`
    const { states, shared } = await evaluated(source)
    expect({ states, shared }).toEqual({ states: { 0: '{"n":1}', 1: '{"n":2}' }, shared: '{"all":3}' })
  })

  it('a partition hears that it was made, and that its stream has ended', async () => {
    const source = `fromAll().foreachStream().when({ $init: () => ({ log: [] }),
      $created(s, e) { s.log.push('made by ' + e.eventType) },
      $deleted(s, e, partition, isSoft) { s.log.push(partition + isSoft) } })`
    const { states } = await evaluated(source, [...events, packed(5, '', { ended: 'soft' })])
    expect(JSON.parse(states['Order-1'] ?? '')).toEqual({ log: ['made by A', 'Order-1true'] })
  })
})

describe('what user code may not', () => {
  it.each([
    ['take longer than it may', 'for (;;) { try { for (;;) {} } catch {} }', 'interrupted'],
    ['hide in a regular expression', "/(a+)+$/.test('a'.repeat(50) + 'b')", 'interrupted'],
    [
      'use more memory than it has',
      "s.list = []; for (;;) s.list.push('x'.repeat(1e6) + s.list.length)",
      'out of memory',
    ],
    ['call itself for ever', 'const f = () => f() + 1; f()', 'stack overflow'],
    ['emit more than it may', "for (;;) emit('s', 'T', {})", 'more than 3 events are emitted for one event'],
    ['emit texts that are too large', "emit('s', 'T', { x: 'x'.repeat(20000) })", 'more than 10000 characters'],
    ['emit into a stream without a name', "emit('', 'T', {})", 'The stream is no text that is not empty'],
    ['read a body that is no JSON', 'JSON.parse(e.bodyRaw + "}")', 'unexpected data at the end'],
    ['keep what has no end', 's.self = s', 'circular reference'],
  ])('%s', async (_, code, message) => {
    const { fault } = await evaluated(`fromAll().when({\n  B(s, e) { ${code} } })`)
    expect(fault).toMatchObject({ at: 2, message: expect.stringContaining(message) })
  })
})

/** Of an event of JSON. */
const fields = [
  'body',
  'bodyRaw',
  'category',
  'created',
  'data',
  'eventId',
  'eventType',
  'isJson',
  'linkMetadata',
  'linkMetadataRaw',
  'metadata',
  'metadataRaw',
  'partition',
  'sequenceNumber',
  'streamId',
]

const events = [
  packed(1, 'A', { n: 1 }),
  packed(2, 'B', { n: 2, metadata: '{"m":1}' }),
  packed(3, 'A', { n: 3 }),
  packed(4, 'C', {}),
]

interface Given {
  readonly n?: number
  readonly metadata?: string
  readonly ended?: 'soft'
}

function packed(position: number, type: string, { n, metadata = '{}', ended }: Given): PackedEvent {
  const body = n === undefined ? 'raw' : JSON.stringify({ n })
  const isJson = n !== undefined
  return [
    position,
    '',
    'Order-1',
    type,
    position - 1,
    `id-${position}`,
    isJson,
    'then',
    body,
    metadata,
    null,
    null,
    ended ?? null,
  ]
}

/** Time passes by looks at the clock, so that a slow machine allows as much as a fast one. */
function parts() {
  let nowMs = 0
  return { limits, nowMs: () => nowMs++, moves: () => undefined }
}

/** What comes of the four events, as the server would have it. */
async function evaluated(source: string, given: readonly PackedEvent[] = events) {
  using sandbox = await Sandbox.open(parts())
  const definition = sandbox.load(source)
  if (isFault(definition)) throw new Error(definition.message)
  expect(sandbox.initialize()).toBeUndefined()
  const keys =
    definition.by === 'key'
      ? sandbox.partitions(given).names
      : given.map(() => (definition.by === 'stream' ? 'Order-1' : ''))
  const named = given.flatMap(([position, , ...rest], at) => {
    const key = keys[at]
    return key === null || key === undefined ? [] : [[position, key, ...rest] as PackedEvent]
  })
  const { outputs, fault } = sandbox.evaluate(named)
  const none: Record<string, string> = {}
  if (fault !== undefined) return { outputs, fault, states: none, shared: null }
  const collected = sandbox.collect({ partitions: 10, chars: 1_000 })
  if (isFault(collected)) return { outputs: [] as Output[], fault: collected, states: none, shared: null }
  const states: Record<string, string> = Object.fromEntries(collected.changed.map(([name, state]) => [name, state]))
  return { outputs, fault: undefined, states, shared: collected.shared }
}
