import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Ended, varve } from '../../../test/cli/varve.ts'

/** What a project of a user's has installed. */
const modules = join(import.meta.dirname, '../../../node_modules')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-schema-'))
  symlinkSync(modules, join(folder, 'node_modules'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What stands for a library in a module, and how it is imported: each takes its time to load. */
const imports: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:aggregate|defineEvents|event|defineDecider)\(/,
    "import { aggregate, defineEvents, event, defineDecider } from 'varve'",
  ],
  [/\bz\./, "import { z } from 'zod'"],
  [/\bv\./, "import * as v from 'valibot'"],
  [/\btype\(/, "import { type } from 'arktype'"],
]

function write(orders: string, file = 'events.ts'): void {
  const used = imports.flatMap(([use, line]) => (use.test(orders) ? line : []))
  writeFileSync(join(folder, file), [...used, orders].join('\n'))
}

const run = (...words: readonly string[]): Promise<Ended> => varve(folder, ['schema', ...words])
const lockText = (): string => readFileSync(join(folder, 'varve.schema.json'), 'utf8')

const three = (total: string): string => `
  export const orders = defineEvents({
    OrderPlaced: z.object({ total: ${total} }),
    OrderPaid: v.object({ by: v.string() }),
  })
  export const cart = defineDecider({
    events: defineEvents({ ItemAdded: type({ sku: 'string' }) }),
    initialState: () => 0, decide: () => [], evolve: (n) => n,
  })
  export const other: number = 7`

describe('varve schema', () => {
  it('locks what a module exports, of zod, valibot and arktype, and finds it compatible', async () => {
    write(three('z.number()'))
    const locked = await run('lock', 'events.ts')
    expect(locked).toMatchObject({ code: 0, stdout: 'varve.schema.json\t3\t3\t3\n', stderr: '' })
    expect(Object.keys(JSON.parse(lockText()).events)).toEqual(['ItemAdded', 'OrderPaid', 'OrderPlaced'])
    expect(await run('check', 'events.ts')).toMatchObject({ code: 0, stdout: '' })
    expect((await run('lock', 'events.ts', '--json')).stdout).toContain('"changed":false')
    expect(readdirSync(folder).sort()).toEqual(['events.ts', 'node_modules', 'varve.schema.json'])
  })

  it('refuses a change that stored events would not survive, explains it, and writes nothing', async () => {
    write(three('z.number()'))
    await run('lock', 'events.ts')
    const before = lockText()
    write(three('z.int()'))
    const checked = await run('check', 'events.ts')
    expect(checked.code).toBe(1)
    expect(checked.stdout).toMatch(
      /^refused\tnarrowed\tOrderPlaced\t1\t\$\.total\ta number became a whole number\t.*raise the version to 2/,
    )
    expect(checked.stderr).toContain('1 refused')
    const [finding] = (await run('check', 'events.ts', '--json')).stdout.trim().split('\n')
    expect(JSON.parse(finding ?? '')).toMatchObject({ kind: 'narrowed', event_type: 'OrderPlaced', schema_version: 1 })
    const locked = await run('lock', 'events.ts')
    expect([locked.code, lockText()]).toEqual([1, before])
    expect(locked.stderr).toContain('a number became a whole number')
  })

  it('refuses a field that is no longer marked as personal, and says so where a new version does without', async () => {
    const customers = (more: string): string => `export const customers = defineEvents({
      Registered: event<{ id: string; name: string }>({ ${more} }),
    })`
    write(customers("personal: { subject: ({ id }) => id, fields: { name: '' } }"))
    await run('lock', 'events.ts')
    write(customers(''))
    const checked = await run('check', 'events.ts')
    expect(checked.code).toBe(1)
    expect(checked.stdout).toMatch(/refused\tpersonal_removed\tRegistered\t1\t\$\.name\t.*stored in the clear/)
    expect((await run('lock', 'events.ts')).code).toBe(1)
    write(customers('version: 2, upcast: { 1: (old) => old }'))
    const locked = await run('lock', 'events.ts')
    expect([locked.code, locked.stdout]).toEqual([0, 'varve.schema.json\t1\t2\t1\n'])
    expect(locked.stderr).toContain('Registered version 2 $.name: the field is not marked as personal any more')
  })

  it('takes the same change as a version of its own', async () => {
    write(three('z.number()'))
    await run('lock', 'events.ts')
    const raised = three('z.number()').replace(
      'z.object({ total: z.number() })',
      '{ schema: z.object({ cents: z.int() }), version: 2, upcast: { 1: ({ total }) => ({ cents: total * 100 }) } }',
    )
    write(raised)
    expect((await run('check', 'events.ts')).stdout).toContain('not_locked')
    expect((await run('lock', 'events.ts')).stdout).toBe('varve.schema.json\t3\t4\t1\n')
    expect((await run('check', 'events.ts')).code).toBe(0)
  })

  it('says of a payload that only the compiler knows that it is not compared, and refuses it when strict', async () => {
    write('export const orders = defineEvents({ OrderPlaced: event<{ total: number }>() })')
    await run('lock', 'events.ts')
    const checked = await run('check', 'events.ts')
    expect([checked.code, checked.stdout.split('\t')[0]]).toEqual([0, 'note'])
    expect((await run('check', 'events.ts', '--strict')).code).toBe(1)
  })

  it('locks one export in a file of its own where two define one type', async () => {
    write(`export const orders = defineEvents({ Closed: z.object({ a: z.string() }) })
      export const accounts = defineEvents({ Closed: z.object({ b: z.string() }) })`)
    const both = await run('lock', 'events.ts')
    expect(both.code).toBe(2)
    expect(both.stderr).toContain('Closed is defined in accounts and, otherwise, in orders')
    expect((await run('lock', 'events.ts', '--export', 'orders', '--file', 'orders.json')).code).toBe(0)
    expect((await run('check', 'events.ts', '--export', 'orders', '--file', 'orders.json')).code).toBe(0)
  })

  it('finds definitions in objects of them and in aggregates', async () => {
    write(`export const all = { orders: defineEvents({ OrderPlaced: z.object({ a: z.string() }) }) }
      export class Seat extends aggregate({
        category: 'Seat', events: defineEvents({ SeatTaken: z.object({ by: z.string() }) }),
        initialState: () => 0, evolve: (n) => n,
      }) {}`)
    expect((await run('lock', 'events.ts')).stdout).toBe('varve.schema.json\t2\t2\t2\n')
    expect(Object.keys(JSON.parse(lockText()).events)).toEqual(['OrderPlaced', 'SeatTaken'])
  })

  it('ends although the module keeps something open', async () => {
    write(`${three('z.number()')}\nsetInterval(() => undefined, 1000)`)
    expect((await run('lock', 'events.ts')).code).toBe(0)
    expect((await run('check', 'events.ts', '--json')).code).toBe(0)
  })

  it('notes what is checked in code, and refuses it when strict', async () => {
    write(three('z.number().refine((n) => n > 1)'))
    await run('lock', 'events.ts')
    expect((await run('check', 'events.ts')).stdout).toMatch(/^note\tcode_only\tOrderPlaced\t1\t\$\.total\t/)
    expect((await run('check', 'events.ts', '--strict')).code).toBe(1)
  })

  it.each<[string, string | undefined, readonly string[], number, RegExp]>([
    ['a module that is not there', undefined, ['check', 'none.ts'], 2, /none\.ts does not exist/],
    ['a module without definitions', 'export const a = 1', ['check', 'events.ts'], 2, /exports no event definitions/],
    [
      'an export that is not there',
      three('z.number()'),
      ['check', 'events.ts', '--export', 'x'],
      2,
      /exports no x. It exports cart, orders, other/,
    ],
    [
      'a module that throws',
      'throw new Error("no database")',
      ['check', 'events.ts'],
      1,
      /cannot be loaded: no database/,
    ],
    ['syntax that is not stripped', 'enum A { a }', ['check', 'events.ts'], 1, /strips types and compiles nothing/],
    ['an import without extension', "import './other'", ['check', 'events.ts'], 1, /file names with their extensions/],
    [
      'a folder that is not there',
      three('z.number()'),
      ['lock', 'events.ts', '--file', 'no/lock.json'],
      2,
      /no folder for no\/lock\.json/,
    ],
    [
      'a lock that is not there',
      three('z.number()'),
      ['check', 'events.ts'],
      1,
      /no lock at varve\.schema\.json.*varve schema lock events\.ts/,
    ],
  ])('refuses %s', async (_, source, words, code, says) => {
    if (source !== undefined) write(source)
    const ended = await run(...words)
    expect(ended.code).toBe(code)
    expect(ended.stderr).toMatch(says)
  })

  it('refuses a lock that is damaged, and leaves it as it is', async () => {
    write(three('z.number()'))
    for (const text of ['', '{"format":9,"events":{}}', '<<<<<<< HEAD']) {
      writeFileSync(join(folder, 'varve.schema.json'), text)
      for (const verb of ['lock', 'check']) expect((await run(verb, 'events.ts')).code).toBe(5)
      expect(lockText()).toBe(text)
    }
  })
})
