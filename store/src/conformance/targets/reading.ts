import assert from 'node:assert/strict'
import { firstCheckpoint } from '../../model/target.ts'
import { begun, countsOf, endOf, gate, inTime, ones, positionOf, projection, write } from './scene.ts'
import type { TargetCase } from './target-case.ts'

/** What readers see, and beginning anew. */
export const readingCases: readonly TargetCase[] = [
  {
    promise: 'readers',
    rule: 'readers/whole-writes',
    needs: ['isolated'],
    name: 'readers see nothing of a write whose handlers are still at work',
    run: async (subject) => {
      const target = await begun(subject)
      const handling = gate()
      const goOn = gate()
      const writing = write(subject, target, {
        additions: ones('tea', 1, 2),
        meanwhile: () => {
          handling.open()
          return goOn.opened
        },
      })
      try {
        await inTime(subject, 'a handler', handling.opened)
        assert.deepEqual(await inTime(subject, 'a reader', countsOf(subject, target, 'tea')), [0])
      } finally {
        goOn.open()
        await endOf(writing)
      }
      assert.deepEqual(await countsOf(subject, target, 'tea'), [2])
    },
  },
  {
    promise: 'readers',
    rule: 'readers/beside',
    needs: ['openBeside'],
    name: 'readers in another process see a write as soon as it is done',
    run: async (subject) => {
      const target = await begun(subject)
      const beside = await subject.openBeside()
      for (let position = 1; position <= 5; position++) {
        await write(subject, target, { additions: ones('tea', position) })
        assert.deepEqual(await countsOf(subject, beside, 'tea'), [position])
        assert.equal(await positionOf(beside), position)
      }
    },
  },
  {
    promise: 'readers',
    rule: 'readers/after-reopen',
    needs: ['reopen'],
    name: 'a target that is opened again holds all that was written, and goes on',
    run: async (subject) => {
      const target = await begun(subject)
      await write(subject, target, { additions: ones('tea', 1, 2, 3) })
      await write(subject, target, { name: 'counts#1', expected: 'none', additions: ones('mug', 9) })
      const again = await subject.reopen()
      assert.deepEqual(await countsOf(subject, again, 'tea', 'mug'), [3, 1])
      assert.deepEqual([await positionOf(again), await positionOf(again, 'counts#1')], [3, 9])
      await write(subject, again, { additions: ones('tea', 4) })
      assert.deepEqual(await countsOf(subject, again, 'tea'), [4])
    },
  },
  {
    promise: 'emptying',
    rule: 'emptying/anew',
    name: 'an emptying write brings back the state before the first event',
    run: async (subject) => {
      const { target, counting } = { ...subject, target: await begun(subject) }
      await write(subject, target, { additions: [...ones('tea', 1, 2), ...ones('mug', 3)] })
      const next = firstCheckpoint(2, 1)
      const expected = await target.checkpoint(projection)
      await target.write({ projection, expected, next, empty: true, apply: counting.empty })
      assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [0, 0])
      assert.deepEqual(await target.checkpoint(projection), next)
      await write(subject, target, { additions: ones('tea', 1) })
      assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [1, 0])
    },
  },
  {
    promise: 'emptying',
    rule: 'emptying/fails',
    needs: ['transactional'],
    name: 'an emptying write that fails leaves everything as it was',
    run: async (subject) => {
      const { target, counting } = { ...subject, target: await begun(subject) }
      await write(subject, target, { additions: ones('tea', 1, 2) })
      const expected = await target.checkpoint(projection)
      const apply = async (readModel: unknown): Promise<void> => {
        await counting.empty(readModel)
        throw new RangeError('no such shelf')
      }
      await assert.rejects(target.write({ projection, expected, next: firstCheckpoint(2), empty: true, apply }))
      assert.deepEqual(await countsOf(subject, target, 'tea'), [2])
      assert.deepEqual(await target.checkpoint(projection), expected)
    },
  },
  {
    promise: 'emptying',
    rule: 'emptying/refused',
    name: 'an emptying write after another checkpoint than the one that is there empties nothing',
    run: async (subject) => {
      const { target, counting } = { ...subject, target: await begun(subject) }
      await write(subject, target, { additions: ones('tea', 1, 2) })
      const late = { projection, expected: firstCheckpoint(1), next: firstCheckpoint(2), empty: true } as const
      await assert.rejects(target.write({ ...late, apply: counting.empty }), { code: 'CHECKPOINT_CONFLICT' })
      assert.deepEqual(await countsOf(subject, target, 'tea'), [2])
      assert.equal(await positionOf(target), 2)
    },
  },
]
