import { equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'vitest'
import { errorsPage } from '../tools/errors-doc.ts'

describe('docs/errors.md', () => {
  it('is what the code says (otherwise run: node tools/errors-doc.ts)', () => {
    equal(readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8'), errorsPage())
  })

  it('has every code', () => {
    const source = readFileSync(new URL('../store/src/model/varve-error.ts', import.meta.url), 'utf8')
    const union = /export type ErrorCode =([^/]*?)\n\n/.exec(source)?.[1] ?? ''
    const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code)
    ok(codes.length >= 20, `saw only ${codes.length} codes`)
    for (const code of codes) ok(errorsPage().includes(`| \`${code}\` |`), `${code} is missing`)
  })
})
