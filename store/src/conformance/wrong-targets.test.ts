import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { runTargetCase } from './run-target.ts'
import { targetCases } from './target-cases.ts'
import { rightTargets, wrongGenerations } from './wrong-targets/generations.ts'
import { wrongKeeping } from './wrong-targets/keeping.ts'
import { wrongWrites } from './wrong-targets/writes.ts'
import type { WrongTarget } from './wrong-targets/wrong.ts'

const wrongTargets = [...wrongWrites, ...wrongKeeping, ...wrongGenerations]

describe('a wrong target fails exactly the rules it breaks', () => {
  for (const target of wrongTargets) {
    it(target.name, async () => {
      assert.deepEqual(await rulesBroken(target), [...target.breaks].sort())
    })
  }
})

describe('a right target, however different, passes', () => {
  for (const target of rightTargets) {
    it(target.name, async () => {
      assert.deepEqual(await rulesBroken(target), [])
    })
  }
})

it('every rule can be broken: for each there is a wrong target that fails it', () => {
  const provable = new Set(wrongTargets.flatMap(({ breaks }) => breaks))
  const rules = new Set(targetCases.map(({ rule }) => rule))
  assert.deepEqual(
    [...rules].filter((rule) => !provable.has(rule)),
    [],
  )
})

/** The rules that a target breaks. A rule that is broken once needs no second proof. */
async function rulesBroken({ open }: WrongTarget): Promise<string[]> {
  const broken = new Set<string>()
  for (const one of targetCases) {
    if (broken.has(one.rule)) continue
    await runTargetCase(one, open, { patienceMs: 3_000 }).catch(() => broken.add(one.rule))
  }
  return [...broken].sort()
}
