import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { root, run, temporaryFolder } from './packed/pack.ts'
import { writePrograms } from './packed/programs.ts'
import { tourOf } from './packed/tour.ts'

const examples = readdirSync(join(root, 'examples')).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
)

describe('an example', () => {
  // What an example writes lands in the folder it is run in.
  const temporary = temporaryFolder('examples')
  afterAll(temporary.remove)

  it.each(examples)('runs to its end: %s', { timeout: 60_000 }, async (name) => {
    const { code, output } = await run('node', [join(root, 'examples', name)], temporary.path)
    expect(code, output).toBe(0)
  })

  it('exists', () => {
    expect(examples.length).toBeGreaterThanOrEqual(3)
  })
})

describe('the tour of the README', () => {
  const tour = tourOf(readFileSync(join(root, 'README.md'), 'utf8'))
  const programs = writePrograms('tour', new Map([['tour', tour.code]]))
  afterAll(programs.remove)

  it('runs as it is written and says what the README says', async () => {
    expect(await programs.run('tour')).toEqual({ code: 0, output: tour.output })
  })

  it('has at most 30 lines', () => {
    expect(tour.code.trimEnd().split('\n').length).toBeLessThanOrEqual(30)
  })
})
