import assert from 'node:assert/strict'
import { limits } from '../../model/limits.ts'
import { firstCheckpoint } from '../../model/target.ts'
import { type AlikeNames, alikeNames } from '../alike-names.ts'
import { begun, begunGeneration, countsOf, entriesOf, generationsOf, ones, positionOf, write } from './scene.ts'
import type { TargetCase } from './target-case.ts'

const chars = limits.checkpointNameChars

/** Projections are named within a limit that stream ids go far beyond. */
const groups: readonly AlikeNames[] = [
  ...alikeNames.filter(({ rule }) => rule !== 'names/long'),
  {
    rule: 'names/long',
    name: 'long ones that differ at their end',
    ids: ['x'.repeat(chars), `${'x'.repeat(chars - 1)}y`, 'x'.repeat(64), 'x'.repeat(63), '🐘'.repeat(chars / 2)],
  },
]

/** Projections whose names would meet in one file, schema or key if they were put there as they are. */
const projections = ['a/b', 'a_b', '../a', 'A/B', '"', "'; drop table counts; --", 'a\0', 'a\0b', 'x'.repeat(chars)]

/** Names are sequences of characters and nothing else. */
export const namingCases: readonly TargetCase[] = [
  ...groups.map(
    ({ rule, name, ids }): TargetCase => ({
      promise: 'names',
      rule,
      name: `checkpoints are told apart: ${name}`,
      run: async (subject) => {
        const target = await begun(subject)
        const positions = ids.map((_, index) => index + 1)
        for (const [index, id] of ids.entries()) {
          const next = { ...firstCheckpoint(1), position: index + 1 }
          await write(subject, target, { name: id, expected: 'none', next })
        }
        assert.deepEqual(await Promise.all(ids.map((id) => positionOf(target, id))), positions)
      },
    }),
  ),
  {
    promise: 'names',
    rule: 'names/generations',
    needs: ['generations', 'severalProjections'],
    name: 'generations of projections with names that look alike are told apart',
    run: async (subject) => {
      for (const [index, of] of projections.entries()) {
        const build = await begunGeneration(subject, 1, of)
        const positions = Array.from({ length: index + 1 }, (_, event) => event + 1)
        await write(subject, build, { name: of, additions: ones('tea', ...positions) })
      }
      const { target } = subject
      for (const [index, of] of projections.entries()) {
        const build = await generationsOf(target).open({ projection: of, generation: 1 })
        assert.deepEqual(await countsOf(subject, build, 'tea'), [index + 1])
        assert.equal((await entriesOf(target, 1, of)).length, 1)
        await generationsOf(target).drop({ projection: of, generation: 1 })
        assert.deepEqual(await entriesOf(target, 1, of), [])
      }
    },
  },
]
