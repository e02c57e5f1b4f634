import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { Client } from 'pg'
import { describe, it } from 'vitest'
import { onNewestPostgres } from '../../../../test/postgres/on-postgres.ts'
import { fieldsOfRecord } from './record.ts'

describe('the fields of a record', () => {
  it.each<[string, readonly (string | null)[]]>([
    ['(12,"{1,2}",t)', ['12', '{1,2}', 't']],
    ['(,7,,)', [null, '7', null, null]],
    ['("",a)', ['', 'a']],
    ['()', [null]],
    [String.raw`("{""a"": ""b\\\\c"", ""d"": """"}",{3})`, [String.raw`{"a": "b\\c", "d": ""}`, '{3}']],
  ])('%s', (record, fields) => deepEqual(fieldsOfRecord(record), fields))
})

onNewestPostgres(({ cluster }) => {
  it('are what PostgreSQL has written', async () => {
    const client = new Client({ connectionString: (await cluster()).url })
    await client.connect()
    const field = fc.option(fc.oneof(fc.string(), fc.stringMatching(/^[(),"'\\{} a]*$/)))
    await fc.assert(
      fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 6 }), async (fields) => {
        const texts = fields.map((text) => text?.replaceAll('\0', '') ?? null)
        const row = texts.map((_, place) => `$${place + 1}::text`).join(', ')
        const { rows } = await client.query({ text: `select row(${row})::text`, values: texts, rowMode: 'array' })
        deepEqual(fieldsOfRecord(rows[0]?.[0]), texts)
      }),
    )
    await client.end()
  })
})
