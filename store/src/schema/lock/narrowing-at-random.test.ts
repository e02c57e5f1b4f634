import { deepEqual, ok } from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { admits } from './admits.ts'
import type { JsonSchema, JsonSchemaObject } from './json-schema.ts'
import { narrowings } from './narrowing.ts'

// One for all: each compiles the schema of schemas first.
const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false, logger: false })

/** Another validator's word, where it has one: of `patternProperties` in `anyOf` it makes code that fails. */
function judge(schema: JsonSchema): (value: unknown) => boolean | undefined {
  const validate = ajv.compile(schema)
  ajv.removeSchema(schema)
  return (value) => {
    try {
      return validate(value)
    } catch {
      return undefined
    }
  }
}

const names = ['a', 'b', 's1']
const scalars = ['a', 'ab', 1, 1.5, null, true]
const couples = scalars.flatMap((one) => scalars.map((two) => [one, two] as const))
/** Few values, all of them tried: the schemas below speak of no others, so that each keyword tells some of them apart. */
const values: readonly unknown[] = [
  ...['', 'b', 0, 2, -1, false, [], {}, [['a']], { a: { a: 1 } }, { a: { b: 'a' } }, { a: ['a'] }, { s1: { a: 'a' } }],
  ...scalars.flatMap((one) => [one, [one], ...names.map((name) => ({ [name]: one }))]),
  ...couples.flatMap(([one, two]) => [
    [one, two],
    { a: one, b: two },
    { a: one, s1: two },
    { b: one, s1: two },
    ['a', one, two],
  ]),
]

const leaf = fc.constantFrom<JsonSchemaObject>(
  {},
  { type: 'null' },
  { type: 'integer' },
  { type: 'number' },
  { type: 'string' },
  { type: ['string', 'null'] },
  { type: ['string', 'number'] },
  { const: 'a' },
  { enum: ['a', 1, null] },
  { $ref: '#/$defs/x' },
)
const of = <T>(names: readonly string[], given: fc.Arbitrary<T>): fc.Arbitrary<JsonSchemaObject> =>
  fc.tuple(fc.constantFrom(...names), given).map(([name, one]) => ({ [name]: one }))
type Schemas = fc.Arbitrary<JsonSchemaObject>

/** One keyword, by the type of which it speaks: those that hang on each other above all. */
const keywords: Readonly<Record<string, (schema: Schemas) => Schemas>> = {
  number: () =>
    fc.oneof(
      of(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'], fc.integer({ min: -1, max: 2 })),
      of(['multipleOf'], fc.constantFrom(1, 2, 0.5)),
    ),
  string: () => fc.oneof(of(['minLength', 'maxLength'], fc.nat(2)), of(['pattern'], fc.constantFrom('^a', 'b$'))),
  array: (schema) =>
    fc.oneof(
      of(['minItems', 'maxItems', 'minContains'], fc.nat(2)),
      of(['prefixItems'], fc.array(schema, { minLength: 1, maxLength: 2 })),
      of(['items', 'items', 'contains'], schema),
      of(['items'], fc.boolean()),
    ),
  object: (schema) =>
    fc.oneof(
      of(['minProperties', 'maxProperties'], fc.nat(2)),
      of(['additionalProperties'], fc.oneof(fc.constant(false), schema)),
      of(['propertyNames'], fc.constantFrom({ enum: ['a'] }, { pattern: '^[a-k]' }, { maxLength: 1 })),
      of(['patternProperties'], plain(['^s', 'a'], schema)),
      of(['properties'], plain(names, schema)),
      of(['properties'], plain(names, schema)),
      of(['required'], fc.subarray(names, { maxLength: 2 })),
    ),
  any: (schema) =>
    fc.oneof(
      of(['anyOf', 'oneOf', 'allOf', 'allOf'], fc.array(schema, { minLength: 1, maxLength: 3 })),
      of(['not', 'if', 'then', 'else'], schema),
    ),
}
function plain(keys: readonly string[], schema: Schemas): Schemas {
  return fc.dictionary(fc.constantFrom(...keys), schema, { minKeys: 1, maxKeys: 2, noNullPrototype: true })
}

const typeOf = fc.constantFrom('number', 'string', 'array', 'array', 'object', 'object', 'object', 'any')
function partsOf(schema: Schemas): Schemas {
  return typeOf.chain((type) => {
    const named = fc.constantFrom<JsonSchemaObject>(...(type === 'any' ? [{}] : [{ type }, { type }, { type }, {}]))
    const words = fc.array(keywords[type]?.(schema) ?? leaf, { minLength: 1, maxLength: 3 })
    return fc.tuple(named, words).map(([one, more]): JsonSchemaObject => Object.assign({}, one, ...more))
  })
}
const part = partsOf(fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 1, arbitrary: partsOf(leaf) }))
const keyword = typeOf.chain((type) => keywords[type]?.(leaf) ?? leaf)
const definition = fc.constantFrom<JsonSchemaObject>({ type: 'string' }, { type: ['string', 'number'] }, { const: 'a' })
const rooted = (schema: JsonSchemaObject, x: JsonSchemaObject): JsonSchemaObject => ({ ...schema, $defs: { x } })

/** A schema and a change of it, as people make them: a keyword more, less or otherwise, here or further in. */
const change = fc.record({
  drop: fc.option(fc.nat(9)),
  add: fc.option(keyword),
  within: fc.boolean(),
  x: definition,
})
type Change = typeof change extends fc.Arbitrary<infer One> ? One : never

function changed(schema: JsonSchemaObject, { drop, add, within }: Change): JsonSchemaObject {
  const words = Object.entries(schema)
  const inner = words.findIndex(([word]) =>
    ['properties', 'patternProperties', 'items', 'anyOf', 'allOf'].includes(word),
  )
  if (within && inner >= 0) {
    const deeper = (one: unknown): unknown => changed(one as JsonSchemaObject, { drop, add, within: false, x: {} })
    const [word, given] = words[inner] ?? ['', {}]
    const list = Object.entries(given as object).map(([at, one]) => [at, deeper(one)] as const)
    const next = Array.isArray(given) ? list.map(([, one]) => one) : Object.fromEntries(list)
    return { ...schema, [word]: word === 'items' ? deeper(given) : next }
  }
  return { ...Object.fromEntries(words.filter((_, at) => at !== drop)), ...add }
}

const pairs = fc
  .tuple(part, definition, change, part)
  .map(([schema, x, one, other]): readonly [JsonSchema, JsonSchema][] => {
    const [before, next] = [rooted(schema, x), rooted(changed(schema, one), one.x)]
    return [
      [before, next],
      [next, before],
      [before, rooted(changed(schema, { ...one, drop: null }), x)],
      [before, rooted({ anyOf: [schema, other] }, x)],
      [rooted({ allOf: [schema, other] }, x), before],
      [before, before],
    ]
  })

describe('compared at random', () => {
  it('nothing is called compatible that another validator refuses', { timeout: 90_000 }, () => {
    let compatible = 0
    const property = fc.property(pairs, (all) => {
      for (const [before, next] of all) {
        if (narrowings(before, next).length > 0) continue
        compatible++
        const [had, hadClosed, has] = [judge(before), judge(closed(before)), judge(next)]
        for (const one of values)
          if (had(one) && hadClosed(one)) ok(has(one) !== false, JSON.stringify([before, next, one]))
      }
    })
    fc.assert(property, { numRuns: Number(process.env.VARVE_RANDOM_RUNS ?? 100) })
    ok(compatible > 150, `only ${compatible} pairs were compatible`)
  })

  it('a value is admitted exactly when another validator admits it', () => {
    const property = fc.property(part, definition, (schema, x) => {
      const whole = rooted(schema, x)
      const other = judge(whole)
      for (const one of values) {
        const verdict = admits(whole, one, whole)
        const expected = other(one)
        if (verdict !== 'unknown' && expected !== undefined) deepEqual(verdict, expected, JSON.stringify([whole, one]))
      }
    })
    fc.assert(property, { numRuns: Number(process.env.VARVE_RANDOM_RUNS ?? 200) })
  })
})

/** A schema without the fields that no schema names: they are taken not to be there, as validators for TypeScript do. */
function closed(schema: JsonSchema): JsonSchema {
  if (typeof schema === 'boolean') return schema
  const words = Object.entries(schema).map(([word, given]) => {
    // What must not be stays: of less that must not be, more would be admitted.
    if (['not', 'if', 'const', 'enum', 'required', 'type', 'propertyNames'].includes(word)) return [word, given]
    if (Array.isArray(given)) return [word, given.map((one) => closed(one))]
    if (typeof given !== 'object') return [word, given]
    const isByName = ['properties', 'patternProperties', '$defs'].includes(word)
    return [word, isByName ? mapped(given as Readonly<Record<string, JsonSchema>>) : closed(given as JsonSchema)]
  })
  return { additionalProperties: false, ...Object.fromEntries(words) }
}

function mapped(schemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return Object.fromEntries(Object.entries(schemas).map(([name, one]) => [name, closed(one)]))
}
