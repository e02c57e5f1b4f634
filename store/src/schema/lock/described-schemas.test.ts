import { deepEqual, equal, throws } from 'node:assert/strict'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { scope, type } from 'arktype'
import * as v from 'valibot'
import { describe, it } from 'vitest'
import { z } from 'zod'
import type { StandardSchema } from '../../model/standard-schema.ts'
import { defineEvents, event } from '../events.ts'
import { checkSchemas, lockSchemas, schemaLockText } from './schema-lock.ts'
import { standardJsonSchema } from './standard-json-schema.ts'

const described = (schema: v.GenericSchema): StandardSchema => toStandardJsonSchema(schema) as unknown as StandardSchema
const lockOf = (schema: StandardSchema) => lockSchemas(defineEvents({ Told: schema }))
const change = (before: StandardSchema, next: StandardSchema): readonly string[] =>
  checkSchemas(defineEvents({ Told: next }), lockOf(before)).map(
    ({ kind, severity, path }) => `${severity} ${kind} ${path}`,
  )
const plain: Readonly<Record<string, StandardSchema>> = {
  zod: z.object({ a: z.string() }),
  valibot: described(v.object({ a: v.string() })),
  arktype: type({ a: 'string' }),
}

describe('what a validator says of itself', () => {
  it.each<[string, StandardSchema]>([
    ['zod', z.object({ a: z.date() })],
    ['valibot', described(v.object({ a: v.date() }))],
    ['arktype', type({ a: 'Date' })],
  ])('has dates as the text that is stored, in %s', (vendor, dates) => {
    deepEqual(change(dates, dates), [])
    deepEqual(change(plain[vendor] as StandardSchema, dates), ['refused narrowed $.a'])
    deepEqual(change(dates, plain[vendor] as StandardSchema), ['refused outdated_lock $'])
  })

  it.each<[string, StandardSchema]>([
    ['zod', z.object({ a: z.string().refine((a) => a !== '') })],
    [
      'valibot',
      described(
        v.object({
          a: v.pipe(
            v.string(),
            v.check((a) => a !== ''),
          ),
        }),
      ),
    ],
    ['arktype', type({ a: type('string').narrow((a) => a !== '') })],
  ])('tells where a check in code is not compared, in %s', (vendor, refined) => {
    deepEqual(change(plain[vendor] as StandardSchema, refined), ['note code_only $.a'])
    equal(schemaLockText(lockOf(refined)).includes('a check in code'), true)
  })

  it.each<[string, StandardSchema]>([
    ['zod', z.object({ a: z.string(), b: z.string().default('') })],
    ['valibot', described(v.object({ a: v.string(), b: v.optional(v.string(), '') }))],
    ['arktype', type({ a: 'string', b: 'string = ""' })],
  ])('has a field with a default as one that is always there, in %s', (vendor, filled) => {
    deepEqual(change(plain[vendor] as StandardSchema, filled), ['refused field_required $.b'])
  })

  it.each<[string, StandardSchema, RegExp]>([
    ['a transform of zod', z.object({ a: z.string().transform(Number) }), /z\.transform.*at properties\.a/],
    ['a bigint of zod', z.object({ a: z.bigint() }), /z\.bigint/],
    ['a literal of zod', z.object({ a: z.literal(1n) }), /z\.literal/],
    ['a bigint of arktype', type({ a: 'bigint' }), /a bigint/],
    ['a class of arktype', type({ a: 'Set' }), /instance of a class/],
    ['undefined of arktype', type({ a: 'string|undefined' }), /undefined/],
    ['a transform of valibot', described(v.object({ a: v.pipe(v.string(), v.transform(Number)) })), /transform/],
    ['what valibot has not described', v.object({ a: v.string() }), /toStandardJsonSchema/],
  ])('is refused where it leaves out %s', (_, schema, message) => {
    throws(() => standardJsonSchema(schema), message)
  })

  it('is known to be text after it was trimmed', () => {
    const trimmed = described(v.object({ a: v.pipe(v.string(), v.trim(), v.toLowerCase()) }))
    deepEqual(change(plain.valibot as StandardSchema, trimmed), [])
    deepEqual(change(plain.zod as StandardSchema, z.object({ a: z.string().trim() })), [])
  })

  it('is no change where it only lists or numbers otherwise', () => {
    deepEqual(change(z.enum(['a', 'b']), z.enum(['b', 'a'])), [])
    deepEqual(change(z.union([z.string(), z.number()]), z.union([z.number(), z.string()])), [])
    deepEqual(change(z.object({ a: z.string() }), z.object({ a: z.string().meta({ owner: 'sales', id: 'Name' }) })), [])
    const tree = () => scope({ Tree: { leaf: 'string', 'kids?': 'Tree[]' } }).export().Tree as unknown as StandardSchema
    equal(schemaLockText(lockOf(tree())), schemaLockText(lockOf(tree())))
    deepEqual(change(tree(), plain.arktype as StandardSchema).length > 0, true)
  })

  it('is kept of an event type that is named as what objects inherit', () => {
    const odd = defineEvents({ ['__proto__']: event<object>(), constructor: event<object>() })
    deepEqual(Object.keys(lockSchemas(odd).events).sort(), ['__proto__', 'constructor'])
  })
})
