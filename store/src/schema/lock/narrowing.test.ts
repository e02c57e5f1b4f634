import { deepEqual, ok } from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { admits } from './admits.ts'
import type { JsonSchema, JsonSchemaObject } from './json-schema.ts'
import { narrowings } from './narrowing.ts'

const ajv = new Ajv2020({ strict: false, validateFormats: false })

const text = { type: 'string' }
const number = { type: 'number' }
const object = (
  properties: Record<string, JsonSchema>,
  required: readonly string[] = [],
  more: JsonSchemaObject = {},
) => ({
  type: 'object',
  properties,
  required,
  ...more,
})
const tagged = (tag: string, more: Record<string, JsonSchema> = {}) =>
  object({ kind: { const: tag }, ...more }, ['kind', ...Object.keys(more)])
const recursive = (leaf: JsonSchema) => ({
  $ref: '#/$defs/tree',
  $defs: { tree: object({ leaf, children: { type: 'array', items: { $ref: '#/$defs/tree' } } }) },
})

describe('a schema that accepts all that the one before it did', () => {
  it.each<[string, JsonSchema, JsonSchema]>([
    ['the same', object({ a: text }), { ...object({ a: text }), title: 'A' }],
    ['a new optional field', object({ a: text }), object({ a: text, title: number })],
    ['a field that need not be there any more', object({ a: text }, ['a']), object({ a: text })],
    ['a wider number', { type: 'integer', minimum: 1 }, { type: 'number', exclusiveMinimum: 0 }],
    ['wider lengths', { type: 'string', minLength: 2, maxLength: 3 }, { type: 'string', minLength: 1, maxLength: 9 }],
    ['one value more', { enum: ['a', 'b'] }, { enum: ['a', 'b', 'c'] }],
    ['listed values that became any text', { const: 'a' }, text],
    ['null as well', text, { type: ['string', 'null'] }],
    ['an alternative more', { anyOf: [text, number] }, { anyOf: [number, text, { type: 'null' }] }],
    ['a tagged alternative more', { oneOf: [tagged('a')] }, { oneOf: [tagged('b', { n: number }), tagged('a')] }],
    [
      'what each member of allOf accepts',
      object({ a: text }, ['a']),
      { allOf: [object({ a: text }), { required: ['a'] }] },
    ],
    ['the same tree', recursive(number), recursive({ type: ['number', 'null'] })],
    ['an open map', object({ a: text }), { type: 'object', additionalProperties: text }],
    [
      'a tuple that became a list',
      { type: 'array', prefixItems: [text, text], items: false },
      { type: 'array', items: text },
    ],
    ['anything', object({ a: text }), {}],
    ['true and false spelt out', { type: 'boolean' }, { enum: [true, false] }],
  ])('%s', (_, before, next) => deepEqual(narrowings(before, next), []))
})

describe('what a schema no longer accepts is found at its place', () => {
  it.each<[string, JsonSchema, JsonSchema, readonly [kind: string, path: string][]]>([
    ['a field that is gone', object({ a: text, b: number }), object({ a: text }), [['field_removed', '$.b']]],
    [
      'a field that was renamed',
      object({ name: text }, ['name']),
      object({ title: text }, ['title']),
      [['field_renamed', '$.name']],
    ],
    ['a new field that is required', object({}), object({ a: text }, ['a']), [['field_required', '$.a']]],
    [
      'a field that became required',
      object({ 'a b': text }),
      object({ 'a b': text }, ['a b']),
      [['field_required', '$["a b"]']],
    ],
    [
      'a field of a list of objects',
      { type: 'array', items: object({ a: { type: ['string', 'null'] } }) },
      { type: 'array', items: object({ a: text }) },
      [['narrowed', '$[].a']],
    ],
    ['a number that became whole', object({ n: number }), object({ n: { type: 'integer' } }), [['narrowed', '$.n']]],
    ['a tighter bound', { type: 'number', minimum: 0 }, { type: 'number', exclusiveMinimum: 0 }, [['narrowed', '$']]],
    ['a shorter text', text, { type: 'string', maxLength: 5 }, [['narrowed', '$']]],
    ['a pattern', text, { type: 'string', pattern: '^a' }, [['narrowed', '$']]],
    ['another pattern', { type: 'string', pattern: '^b' }, { type: 'string', pattern: '^a' }, [['narrowed', '$']]],
    ['a format', text, { type: 'string', format: 'date' }, [['narrowed', '$']]],
    ['a value that is gone', { enum: ['a', 'b'] }, { enum: ['a'] }, [['narrowed', '$']]],
    ['a text that became listed', text, { enum: ['a'] }, [['narrowed', '$']]],
    ['null that is gone', { anyOf: [text, { type: 'null' }] }, text, [['narrowed', '$']]],
    [
      'an alternative that is gone',
      { oneOf: [tagged('a'), tagged('b')] },
      { oneOf: [tagged('a'), tagged('c')] },
      [['narrowed', '$']],
    ],
    [
      'a field of one alternative',
      { oneOf: [tagged('a'), tagged('b')] },
      { oneOf: [tagged('a'), tagged('b', { n: number })] },
      [['field_required', '$.n']],
    ],
    [
      'a map of other values',
      { type: 'object', additionalProperties: number },
      { type: 'object', additionalProperties: text },
      [['narrowed', '$.*']],
    ],
    [
      'a map that is closed',
      { type: 'object', additionalProperties: {} },
      { type: 'object', additionalProperties: false },
      [['narrowed', '$.*']],
    ],
    ['a leaf of a tree', recursive({ type: ['number', 'null'] }), recursive(number), [['narrowed', '$.leaf']]],
    [
      'an entry of a tuple',
      { type: 'array', prefixItems: [text] },
      { type: 'array', prefixItems: [number] },
      [['narrowed', '$[0]']],
    ],
    ['a type that became another', object({ a: text }), object({ a: number }), [['narrowed', '$.a']]],
    ['everything', text, false, [['narrowed', '$']]],
  ])('%s', (_, before, next, expected) => {
    deepEqual(
      narrowings(before, next).map(({ kind, path }) => [kind, path]),
      expected,
    )
  })
})

describe('what cannot be compared is never passed over', () => {
  it.each<[string, JsonSchema, JsonSchema]>([
    ['a keyword that is not known', text, { type: 'string', contentEncoding: 'base64' }],
    ['what must not be', text, { type: 'string', not: { const: 'a' } }],
    ['alternatives that overlap', number, { oneOf: [number, { type: 'integer' }] }],
    ['a reference to nowhere', text, { $ref: '#/$defs/none' }],
    ['a format of a listed value', { const: 'a' }, { type: 'string', format: 'email' }],
    ['any type', {}, { minLength: 2 }],
  ])('%s', (_, before, next) => {
    const kinds = narrowings(before, next).map(({ kind }) => kind)
    ok(kinds.length > 0 && kinds.every((kind) => kind === 'cannot_tell'), String(kinds))
  })
})

const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('', 'a', 'ab', 'b', 'abc', null, true, false, 0, 1, -1, 2, 1.5, 10),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'kind'), tie('value'), { maxKeys: 3 }),
  ),
})).value
const bounds = (low: string, high: string) =>
  fc.record({ [low]: fc.integer({ min: -1, max: 2 }), [high]: fc.integer({ min: 0, max: 4 }) }, { requiredKeys: [] })
const sizes = (low: string, high: string) => fc.record({ [low]: fc.nat(2), [high]: fc.nat(3) }, { requiredKeys: [] })
const schema = fc.letrec<{ schema: JsonSchemaObject }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<JsonSchemaObject>(
      {},
      { type: 'null' },
      { type: 'boolean' },
      { type: ['string', 'null'] },
      { const: 'a' },
    ),
    fc
      .tuple(fc.constantFrom('number', 'integer'), bounds('minimum', 'maximum'))
      .map(([type, more]) => ({ type, ...more })),
    fc
      .tuple(fc.constant('number'), bounds('exclusiveMinimum', 'exclusiveMaximum'))
      .map(([type, more]) => ({ type, ...more })),
    sizes('minLength', 'maxLength').map((more) => ({ type: 'string', ...more })),
    fc.uniqueArray(fc.constantFrom<unknown>('a', 'b', 1, null), { minLength: 1 }).map((all) => ({ enum: all })),
    fc.tuple(tie('schema'), sizes('minItems', 'maxItems')).map(([items, more]) => ({ type: 'array', items, ...more })),
    fc
      .record({
        properties: fc.dictionary(fc.constantFrom('a', 'b', 'kind'), tie('schema'), { maxKeys: 3 }),
        required: fc.subarray(['a', 'b', 'kind']),
        additionalProperties: fc.constantFrom(undefined, false, { type: 'number' }),
      })
      .map(({ additionalProperties, ...more }) => ({
        type: 'object',
        ...more,
        ...(additionalProperties !== undefined && { additionalProperties }),
      })),
    fc
      .tuple(fc.constantFrom('anyOf', 'oneOf', 'allOf'), fc.array(tie('schema'), { minLength: 1, maxLength: 3 }))
      .map(([keyword, all]) => ({ [keyword]: all })),
  ),
})).schema

describe('compared at random', () => {
  it('nothing is called compatible that another validator refuses', { timeout: 90_000 }, () => {
    let compatible = 0
    const property = fc.property(
      schema,
      schema,
      fc.array(value, { minLength: 20, maxLength: 20 }),
      (before, next, values) => {
        for (const [left, right] of [
          [before, next],
          [before, { anyOf: [before, next] }],
          [next, { anyOf: [before, next] }],
          [before, before],
        ] as const) {
          if (narrowings(left, right).length > 0) continue
          compatible++
          const [had, has] = [ajv.compile(left), ajv.compile(right)]
          for (const one of values)
            if (had(one) && namesOnlyWhatIsKnown(left, one)) ok(has(one), JSON.stringify([left, right, one]))
        }
      },
    )
    fc.assert(property, { numRuns: 500 })
    ok(compatible > 300, `only ${compatible} pairs were compatible`)
  })

  it('a value is admitted exactly when another validator admits it', () => {
    fc.assert(
      fc.property(schema, value, (one, given) => {
        const verdict = admits(one, given, one)
        if (verdict !== 'unknown') deepEqual(verdict, ajv.compile(one)(given))
      }),
      { numRuns: 2_000 },
    )
  })
})

/** Fields that no schema names are taken not to be there, as validators for TypeScript do. */
function namesOnlyWhatIsKnown(schema: JsonSchemaObject, value: unknown): boolean {
  const names = new Set<string>()
  const collect = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    if ('properties' in part) for (const name of Object.keys(part.properties as object)) names.add(name)
    for (const inner of Object.values(part)) collect(inner)
  }
  collect(schema)
  const isKnown = (part: unknown): boolean => {
    if (typeof part !== 'object' || part === null) return true
    return Object.entries(part).every(([name, inner]) => (Array.isArray(part) || names.has(name)) && isKnown(inner))
  }
  return isKnown(value) || JSON.stringify(schema).includes('additionalProperties')
}
