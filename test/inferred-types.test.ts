import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root, run } from './packed/pack.ts'

const folder = join(root, 'test', 'types')
const assertions = readdirSync(folder).filter((name) => name.endsWith('.test-d.ts'))

it('infers the types that the assertions in test/types claim', { timeout: 60_000 }, async () => {
  const { code, output } = await run('tsc', ['-p', folder, '--listFiles'], root)
  expect(code, output).toBe(0)
  expect(assertions.filter((name) => !output.includes(join(folder, name)))).toEqual([])
})

it('has assertions to check', () => {
  expect(assertions).not.toEqual([])
})
