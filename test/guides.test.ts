import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from './packed/pack.ts'
import { writePrograms } from './packed/programs.ts'

const docs = join(root, 'docs')
const guides = [
  ...readdirSync(join(docs, 'guides')).map((guide) => join('guides', guide)),
  'for-engine-authors.md',
  'for-target-authors.md',
]

/** Every `ts` block is a program of its own, named after its guide and the line it begins in. */
function blocksOf(guide: string): readonly (readonly [string, string])[] {
  const text = readFileSync(join(docs, guide), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((block) => {
    const line = text.slice(0, block.index).split('\n').length
    return [`${basename(guide, '.md')}-${line}`, block[1] ?? '']
  })
}

const blocks = new Map(guides.flatMap(blocksOf))
const programs = writePrograms('guides', blocks)
afterAll(programs.remove)

describe('a program in a guide', () => {
  it('compiles', { timeout: 60_000 }, async () => {
    const { code, output } = await programs.compile()
    expect(code, output).toBe(0)
  })

  it.each([...blocks.keys()])('runs to its end: %s', async (name) => {
    const { code, output } = await programs.run(name)
    expect(code, output).toBe(0)
  })

  it('exists', () => {
    expect(blocks.size).toBeGreaterThanOrEqual(10)
  })
})
