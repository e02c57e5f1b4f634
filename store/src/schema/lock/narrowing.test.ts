import { deepEqual, ok } from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { JsonSchema, JsonSchemaObject } from './json-schema.ts'
import { narrowings } from './narrowing.ts'

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

const kept = (given: JsonSchema) => ({ type: 'string', not: { $ref: '#/$defs/x' }, $defs: { x: given } })
const pair = (prefixItems: readonly JsonSchema[]) => ({ type: 'array', prefixItems, unevaluatedItems: false })
const some = { type: 'array', contains: text }
const untyped = (tag: string) => ({ properties: { kind: { const: tag } }, required: ['kind'] })
const growing = (field: string) => object({ [field]: { type: 'array', items: { $ref: '#' } } }, [field])
const numbers = { additionalProperties: number }
const patterned = (schema: JsonSchema, more: JsonSchemaObject = {}) => ({
  type: 'object',
  patternProperties: { '^s': schema },
  ...more,
})
const named = (schema: JsonSchema) => ({ properties: { a: { $ref: '#/$defs/x' } }, $defs: { x: schema } })
/** Types that contain each other, as those of a document do. */
const mutual = (count: number, leaf: JsonSchema) => ({
  $ref: '#/$defs/t0',
  $defs: Object.fromEntries(
    Array.from({ length: count }, (_, type) => [
      `t${type}`,
      object({
        [`own${type}`]: leaf,
        ...Object.fromEntries(Array.from({ length: count }, (_, to) => [`f${to}`, { $ref: `#/$defs/t${to}` }])),
      }),
    ]),
  ),
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
    ['types that contain each other', mutual(12, number), mutual(12, { type: ['number', 'null'] })],
    [
      'a bound of whole numbers in other words',
      { type: 'integer', exclusiveMinimum: 0 },
      { type: 'integer', minimum: 1 },
    ],
    ['null in other words', { type: 'null' }, { const: null }],
    ['words for programs that forbid nothing', text, { ...text, id: 'Name', owner: 'sales' }],
    ['names by a pattern that became any', patterned(text), { type: 'object', additionalProperties: text }],
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
    [
      'names that are no longer allowed',
      object({ a: number, b: number }, [], { additionalProperties: false }),
      { type: 'object', propertyNames: { enum: ['a'] }, ...numbers },
      [['field_removed', '$.b']],
    ],
    ['names by a pattern', patterned(text), patterned(number), [['narrowed', '$[/^s/]']]],
    [
      'names by a pattern that is gone',
      patterned(text, numbers),
      { type: 'object', ...numbers },
      [['narrowed', '$[/^s/]']],
    ],
    [
      'names by a pattern where nothing else may be',
      patterned(text, { additionalProperties: false }),
      object({}, [], { additionalProperties: false }),
      [['field_removed', '$[/^s/]']],
    ],
    [
      'a name of a pattern that has a schema now',
      patterned(text),
      patterned(text, { properties: { sum: number } }),
      [['narrowed', '$.sum']],
    ],
    [
      'a field of one member of allOf that another member does not allow',
      object({ b: text }, [], numbers),
      { allOf: [{ type: 'object', ...numbers }, object({ b: text })] },
      [['narrowed', '$.b']],
    ],
    ['what a reference leads to', named({ type: ['string', 'number'] }), named(text), [['narrowed', '$.a']]],
    ['texts among values of any type', {}, { minLength: 2 }, [['narrowed', '$']]],
    ['a field that contains its object', growing('children'), growing('kids'), [['field_renamed', '$.children']]],
    [
      'entries that may not repeat any more',
      { type: 'array', items: text },
      { type: 'array', items: text, uniqueItems: true },
      [['narrowed', '$']],
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

it('tells of types that contain each other in a moment, and of each of their fields', () => {
  const findings = narrowings(mutual(12, number), mutual(12, text))
  const fields = new Set(findings.map(({ path }) => path.split('.').at(-1)))
  deepEqual(fields.size, 12)
})

describe('what cannot be compared is never passed over', () => {
  it.each<[string, JsonSchema, JsonSchema]>([
    ['a keyword that is not compared', text, { type: 'string', contentEncoding: 'base64' }],
    [
      'what a reference beside a keyword that is not compared leads to',
      kept({ const: 'a' }),
      kept({ enum: ['a', 'b'] }),
    ],
    ['the end of what is evaluated', pair([text, text]), pair([text])],
    ['how many are contained', { ...some, minContains: 0 }, some],
    ['a name that is an anchor', text, { $ref: '#a', $defs: { a: { $anchor: 'a', type: 'number' } } }],
    ['a reference that is no text', text, { $ref: '#/$defs/%zz' }],
    ['a new pattern of names', object({ a: text }), object({ a: text }, [], { patternProperties: { '^a': number } })],
    ['tags of what may be no object', text, { oneOf: [untyped('a'), untyped('b')] }],
    ['what must not be', text, { type: 'string', not: { const: 'a' } }],
    ['alternatives that overlap', number, { oneOf: [number, { type: 'integer' }] }],
    ['a reference to nowhere', text, { $ref: '#/$defs/none' }],
    ['a format of a listed value', { const: 'a' }, { type: 'string', format: 'email' }],
  ])('%s', (_, before, next) => {
    const kinds = narrowings(before, next).map(({ kind }) => kind)
    ok(kinds.length > 0 && kinds.every((kind) => kind === 'cannot_tell'), String(kinds))
  })
})
