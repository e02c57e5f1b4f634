import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, it } from 'vitest'
import { z } from 'zod'
import type { StandardSchema } from '../../model/standard-schema.ts'
import { defineEvents, event, retired } from '../events.ts'
import type { JsonSchema } from './json-schema.ts'
import { checkSchemas, lockSchemas, schemaLockFrom, schemaLockText } from './schema-lock.ts'
import { standardJsonSchema } from './standard-json-schema.ts'

const upcast = { 1: (data: unknown) => data }

/** As the command line does it: valibot needs a package of its own. */
function toJsonSchema(schema: StandardSchema): JsonSchema {
  const isValibot = schema['~standard'].vendor === 'valibot'
  return standardJsonSchema(isValibot ? toStandardJsonSchema(schema as v.GenericSchema) : schema)
}

/** The same event in each library's words: as it is, and after each kind of change. */
const libraries: Record<string, Record<string, StandardSchema>> = {
  zod: {
    now: z.object({ total: z.number(), status: z.enum(['new', 'paid']), note: z.string().nullable() }),
    removed: z.object({ total: z.number(), status: z.enum(['new', 'paid']) }),
    renamed: z.object({ sum: z.number(), status: z.enum(['new', 'paid']), note: z.string().nullable() }),
    narrowed: z.object({ total: z.int(), status: z.enum(['new', 'paid']), note: z.string().nullable() }),
    valueGone: z.object({ total: z.number(), status: z.enum(['new']), note: z.string().nullable() }),
    notNull: z.object({ total: z.number(), status: z.enum(['new', 'paid']), note: z.string() }),
    required: z.object({
      total: z.number(),
      status: z.enum(['new', 'paid']),
      note: z.string().nullable(),
      by: z.string(),
    }),
    optional: z.object({
      total: z.number(),
      status: z.enum(['new', 'paid']),
      note: z.string().nullable(),
      by: z.string().optional(),
    }),
  },
  valibot: {
    now: v.object({ total: v.number(), status: v.picklist(['new', 'paid']), note: v.nullable(v.string()) }),
    removed: v.object({ total: v.number(), status: v.picklist(['new', 'paid']) }),
    renamed: v.object({ sum: v.number(), status: v.picklist(['new', 'paid']), note: v.nullable(v.string()) }),
    narrowed: v.object({
      total: v.pipe(v.number(), v.integer()),
      status: v.picklist(['new', 'paid']),
      note: v.nullable(v.string()),
    }),
    valueGone: v.object({ total: v.number(), status: v.picklist(['new']), note: v.nullable(v.string()) }),
    notNull: v.object({ total: v.number(), status: v.picklist(['new', 'paid']), note: v.string() }),
    required: v.object({
      total: v.number(),
      status: v.picklist(['new', 'paid']),
      note: v.nullable(v.string()),
      by: v.string(),
    }),
    optional: v.object({
      total: v.number(),
      status: v.picklist(['new', 'paid']),
      note: v.nullable(v.string()),
      by: v.optional(v.string()),
    }),
  },
  arktype: {
    now: type({ total: 'number', status: "'new'|'paid'", note: 'string|null' }),
    removed: type({ total: 'number', status: "'new'|'paid'" }),
    renamed: type({ sum: 'number', status: "'new'|'paid'", note: 'string|null' }),
    narrowed: type({ total: 'number.integer', status: "'new'|'paid'", note: 'string|null' }),
    valueGone: type({ total: 'number', status: "'new'", note: 'string|null' }),
    notNull: type({ total: 'number', status: "'new'|'paid'", note: 'string' }),
    required: type({ total: 'number', status: "'new'|'paid'", note: 'string|null', by: 'string' }),
    optional: type({ total: 'number', status: "'new'|'paid'", note: 'string|null', 'by?': 'string' }),
  },
}

const expected: readonly (readonly [change: string, findings: readonly string[]])[] = [
  ['now', []],
  ['removed', ['field_removed $.note']],
  ['renamed', ['field_renamed $.total']],
  ['narrowed', ['narrowed $.total']],
  ['valueGone', ['narrowed $.status']],
  ['notNull', ['narrowed $.note']],
  ['required', ['field_required $.by']],
  ['optional', ['outdated_lock $']],
]

describe.each(Object.entries(libraries))('the rules, with %s', (_, schemas) => {
  it.each(expected)('%s', (change, findings) => {
    const [now, next] = [schemas.now as StandardSchema, schemas[change] as StandardSchema]
    const lock = lockSchemas(defineEvents({ OrderPlaced: now }), undefined, toJsonSchema)
    const same = checkSchemas(defineEvents({ OrderPlaced: next }), lock, toJsonSchema)
    deepEqual(
      same.map(({ kind, path }) => `${kind} ${path}`),
      findings,
    )
    // As a version of its own every change is right, once it is locked.
    const raised = defineEvents({ OrderPlaced: { schema: next, version: 2, upcast } })
    const both = lockSchemas(raised, lock, toJsonSchema)
    deepEqual(checkSchemas(raised, both, toJsonSchema), [])
    deepEqual(both.events.OrderPlaced?.['1'], lock.events.OrderPlaced?.['1'])
  })
})

describe('a lock', () => {
  const placed = z.object({ total: z.number() })
  const lock = lockSchemas(defineEvents({ OrderPlaced: placed, OrderPaid: event<{ by: string }>() }))
  const kindsOf = (events: Parameters<typeof checkSchemas>[0]) =>
    checkSchemas(events, lock)
      .filter(({ severity }) => severity === 'refused')
      .map(({ kind }) => kind)
  const paid = event<{ by: string }>()

  it.each([
    ['a type that is gone', defineEvents({ OrderPaid: paid }), ['missing_type']],
    ['a type that is new', defineEvents({ OrderPlaced: placed, OrderPaid: paid, OrderSent: paid }), ['not_locked']],
    [
      'a version without an upcaster',
      defineEvents({ OrderPlaced: { schema: placed, version: 2 }, OrderPaid: paid }),
      ['missing_upcaster', 'not_locked'],
    ],
    ['a validator that is gone', defineEvents({ OrderPlaced: event<object>(), OrderPaid: paid }), ['schema_removed']],
    ['a validator that came', defineEvents({ OrderPlaced: placed, OrderPaid: placed }), ['outdated_lock']],
    [
      'what no JSON Schema can say',
      defineEvents({ OrderPlaced: z.object({ total: z.string().transform(Number) }), OrderPaid: paid }),
      ['not_described'],
    ],
    [
      'a type that is retired',
      defineEvents({ OrderPlaced: retired({ into: ['OrderPaid'], upcast: () => [] }), OrderPaid: paid }),
      [],
    ],
    [
      'other words for people',
      defineEvents({ OrderPlaced: z.object({ total: z.number().describe('in cents') }), OrderPaid: paid }),
      [],
    ],
  ])('meets %s', (_, events, kinds) => deepEqual(kindsOf(events), kinds))

  it('refuses to be lowered, and says what to do in every refusal', () => {
    const second = lockSchemas(
      defineEvents({ OrderPlaced: { schema: placed, version: 2, upcast }, OrderPaid: paid }),
      lock,
    )
    const [lowered] = checkSchemas(defineEvents({ OrderPlaced: placed, OrderPaid: paid }), second)
    equal(lowered?.kind, 'version_lowered')
    const [finding] = checkSchemas(defineEvents({ OrderPlaced: z.object({ total: z.int() }), OrderPaid: paid }), lock)
    match(finding?.says ?? '', /a number became a whole number/)
    match(finding?.advice ?? '', /raise the version to 2 and add upcast: \{ 1:/)
  })

  it('is not overwritten by a change that is refused', () => {
    const narrowed = defineEvents({ OrderPlaced: z.object({ total: z.int() }), OrderPaid: paid })
    throws(() => lockSchemas(narrowed, lock), { code: 'INVALID_ARGUMENT', argument: 'events.OrderPlaced' })
    const wider = lockSchemas(
      defineEvents({ OrderPlaced: z.object({ total: z.number().nullable() }), OrderPaid: paid }),
      lock,
    )
    deepEqual(kindsOf(defineEvents({ OrderPlaced: placed, OrderPaid: paid })), [])
    ok(JSON.stringify(wider).includes('"null"'))
  })

  it('is the same text however fields are listed, and fields named as keywords are fields', () => {
    const odd = z.object({ title: z.string(), required: z.boolean(), $schema: z.string(), description: z.string() })
    const turned = z.object({ description: z.string(), $schema: z.string(), required: z.boolean(), title: z.string() })
    const text = schemaLockText(lockSchemas(defineEvents({ Odd: odd })))
    equal(schemaLockText(lockSchemas(defineEvents({ Odd: turned }))), text)
    deepEqual(schemaLockFrom(text), lockSchemas(defineEvents({ Odd: odd })))
    const without = defineEvents({ Odd: z.object({ title: z.string(), required: z.boolean(), $schema: z.string() }) })
    deepEqual(
      checkSchemas(without, schemaLockFrom(text)).map(({ path }) => path),
      ['$.description'],
    )
  })

  it.each([
    ['{', /no JSON/],
    ['null', /form undefined/],
    ['{"format":2,"events":{}}', /form 2; known is 1/],
    ['{"format":1}', /no events/],
    ['{"format":1,"events":[]}', /no events/],
    ['{"format":1,"events":{"A":null}}', /schemas by version for "A"/],
    ['{"format":1,"events":{"A":{"01":{}}}}', /schemas by version for "A"/],
    ['{"format":1,"events":{"A":{"one":{}}}}', /schemas by version for "A"/],
    ['{"format":1,"events":{"A":{"1":"text"}}}', /schemas by version for "A"/],
    ['{"format":1,"events":{},"personal":[]}', /fields by version for what is personal/],
    ['{"format":1,"events":{},"personal":{"A":{"1":"name"}}}', /fields by version for what is personal/],
    ['{"format":1,"events":{},"personal":{"A":{"one":["name"]}}}', /fields by version for what is personal/],
  ])('is refused as %s', (text, message) => {
    throws(
      () => schemaLockFrom(text),
      (error: Error & { code?: string }) => error.code === 'INVALID_ARGUMENT' && message.test(error.message),
    )
  })
})
