import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { EngineCase } from './case.ts'
import { engineCases } from './engine-cases.ts'
import { runEngineCase } from './run.ts'
import { wrongAppends } from './wrong-engines/appends.ts'
import { wrongIds } from './wrong-engines/ids.ts'
import { rightEngines, wrongKeeping } from './wrong-engines/keeping.ts'
import { wrongNames } from './wrong-engines/naming.ts'
import { wrongQueries } from './wrong-engines/queries.ts'
import { wrongReads } from './wrong-engines/reading.ts'
import { wrongShards } from './wrong-engines/sharding.ts'
import type { WrongEngine } from './wrong-engines/wrong.ts'

const wrongEngines = [
  ...wrongAppends,
  ...wrongIds,
  ...wrongQueries,
  ...wrongReads,
  ...wrongNames,
  ...wrongKeeping,
  ...wrongShards,
]
const cases = engineCases(0)
const randomRuns = engineCases(12).filter((one) => one.promise === 'model')
const sizes = { seed: 1, bulkEvents: 2_000 }

describe('a wrong engine fails exactly the rules it breaks', () => {
  for (const engine of wrongEngines) {
    it(engine.name, async () => {
      const broken = await rulesBroken(engine, cases)
      assert.deepEqual(broken, [...engine.breaks].sort())
    })
  }
})

describe('a right engine, however different, passes', () => {
  for (const engine of rightEngines) {
    it(engine.name, async () => {
      assert.deepEqual(await rulesBroken(engine, [...cases, ...randomRuns]), [])
    })
  }
})

it('every rule can be broken: for each there is a wrong engine that fails it', () => {
  const provable = new Set(wrongEngines.flatMap((engine) => engine.breaks))
  const rules = new Set(cases.map((one) => one.rule))
  assert.deepEqual(
    [...rules].filter((rule) => !provable.has(rule)),
    [],
  )
})

it('the random runs alone find most wrong engines', async () => {
  const found: string[] = []
  for (const engine of wrongEngines) {
    if ((await rulesBroken(engine, randomRuns)).length > 0) found.push(engine.name)
  }
  // Names that no small pool has, bounds, closing and wake-ups are what the other cases are for.
  assert.ok(found.length > wrongEngines.length / 2, `${found.length} of ${wrongEngines.length}`)
})

/** The rules that an engine breaks. A rule that is broken once needs no second proof. */
async function rulesBroken(engine: WrongEngine, asked: readonly EngineCase[]): Promise<string[]> {
  const broken = new Set<string>()
  for (const one of asked) {
    if (broken.has(one.rule)) continue
    await runEngineCase(one, engine.open, sizes).catch(() => broken.add(one.rule))
  }
  return [...broken].sort()
}
