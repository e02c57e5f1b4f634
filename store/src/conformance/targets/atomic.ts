import assert from 'node:assert/strict'
import { firstCheckpoint, type Target } from '../../model/target.ts'
import {
  begun,
  countsOf,
  endOf,
  inTime,
  moments,
  ones,
  pass,
  positionOf,
  turn,
  turnsOf,
  type Write,
  write,
} from './scene.ts'
import type { TargetCase, TargetSubject } from './target-case.ts'

const failure = new RangeError('no such shelf')

function fails(): never {
  throw failure
}

async function failsLater(): Promise<never> {
  await turn()
  throw failure
}

/** Asserts that a write failed with what its handler threw and that nothing of it is there. */
async function leavesNothing(subject: TargetSubject, given: Write): Promise<void> {
  const target = await begun(subject)
  await write(subject, target, { additions: ones('tea', 1) })
  await assert.rejects(write(subject, target, given))
  assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [1, 0])
  assert.equal(await positionOf(target), 1)
}

/** The write that is cut off: three events, with time between them. */
const batch: Write = { additions: [...ones('tea', 2), ...ones('mug', 3), ...ones('tea', 4)], meanwhile: turn }

/** What was found after a crash. */
interface Crash {
  readonly found: Target<unknown>
  /** The position before the write that was cut off, and after it. */
  readonly before: number
  readonly after: number
}

/** Cuts writes off at moments all over them, one in each crash; after each it is written again unless it is there. */
async function* crashes(subject: TargetSubject): AsyncGenerator<Crash> {
  let target = await begun(subject)
  const first = { additions: ones('tea', 1), meanwhile: turn }
  for (const moment of moments(await turnsOf(() => write(subject, target, first)))) {
    const before = (await positionOf(target)) ?? 0
    const additions = (batch.additions ?? []).map((one) => ({ ...one, position: one.position + before }))
    const writing = endOf(write(subject, target, { ...batch, additions }))
    await pass(moment)
    target = await subject.afterCrash()
    await inTime(subject, 'a write that was cut off', writing)
    yield { found: target, before, after: before + 4 }
    if ((await positionOf(target)) === before) await write(subject, target, { ...batch, additions })
  }
}

/** A change and its checkpoint are one transaction. */
export const atomicCases: readonly TargetCase[] = [
  {
    promise: 'atomic',
    rule: 'atomic/whole',
    name: 'all changes of a write are there with its checkpoint',
    run: async (subject) => {
      const target = await begun(subject)
      const keys = Array.from({ length: 20 }, (_, key) => `key ${key}`)
      const additions = Array.from({ length: 40 }, (_, index) => ({
        key: `key ${index % 20}`,
        by: index,
        position: index + 1,
      }))
      await write(subject, target, { additions })
      assert.deepEqual(
        await countsOf(subject, target, ...keys),
        keys.map((_, key) => key + key + 20),
      )
      assert.deepEqual(await target.checkpoint('counts'), { ...firstCheckpoint(1), position: 40 })
    },
  },
  {
    promise: 'atomic',
    rule: 'atomic/waits',
    name: 'what is changed after waiting is part of the write',
    run: async (subject) => {
      const target = await begun(subject)
      await write(subject, target, { additions: ones('tea', 1, 2), meanwhile: async () => turn().then(turn) })
      assert.deepEqual(await countsOf(subject, target, 'tea'), [2])
      assert.equal(await positionOf(target), 2)
    },
  },
  {
    promise: 'atomic',
    rule: 'atomic/throws',
    needs: ['transactional'],
    name: 'a handler that throws leaves neither changes nor a checkpoint',
    run: (subject) => leavesNothing(subject, { additions: [...ones('tea', 2), ...ones('mug', 3)], finally: fails }),
  },
  {
    promise: 'atomic',
    rule: 'atomic/rejects',
    needs: ['transactional'],
    name: 'a handler that rejects after waiting leaves neither changes nor a checkpoint',
    run: (subject) =>
      leavesNothing(subject, { additions: [...ones('tea', 2), ...ones('mug', 3)], finally: failsLater }),
  },
  ...[fails, failsLater].map(
    (failing): TargetCase => ({
      promise: 'atomic',
      rule: 'atomic/error',
      name: `the write rejects with the very error that ${failing === fails ? 'was thrown' : 'a handler rejected with'}`,
      run: async (subject) => {
        const target = await begun(subject)
        const writing = write(subject, target, { additions: ones('tea', 1), finally: failing })
        await assert.rejects(writing, (error) => error === failure)
      },
    }),
  ),
  {
    promise: 'atomic',
    rule: 'atomic/goes-on',
    name: 'after a write that failed the next one goes through',
    run: async (subject) => {
      const target = await begun(subject)
      await assert.rejects(write(subject, target, { additions: ones('tea', 1), finally: fails }))
      await assert.rejects(write(subject, target, { additions: ones('tea', 1), finally: failsLater }))
      await inTime(subject, 'the next write', write(subject, target, { additions: ones('tea', 1) }))
      assert.deepEqual(await countsOf(subject, target, 'tea'), [1])
      assert.equal(await positionOf(target), 1)
    },
  },
  {
    promise: 'atomic',
    rule: 'atomic/crash',
    needs: ['afterCrash', 'transactional'],
    name: 'a crash at any moment of a write leaves all of it or nothing',
    run: async (subject) => {
      let tea = 1
      let mug = 0
      for await (const { found, before, after } of crashes(subject)) {
        const position = await positionOf(found)
        const counts = await countsOf(subject, found, 'tea', 'mug')
        const whole = position === after
        assert.equal(position, whole ? after : before)
        assert.deepEqual(counts, whole ? [tea + 2, mug + 1] : [tea, mug], `the checkpoint says ${position}`)
        tea += 2
        mug += 1
      }
    },
  },
  {
    promise: 'replays',
    rule: 'replays/after-crash',
    needs: ['afterCrash'],
    name: 'whatever a crash left, the same events written again count once',
    run: async (subject) => {
      let last = subject.target
      let crashed = 0
      for await (const { found, before, after } of crashes(subject)) {
        assert.ok([before, after].includes((await positionOf(found)) ?? -1), 'the checkpoint is one of the two')
        last = found
        crashed++
      }
      assert.deepEqual(await countsOf(subject, last, 'tea', 'mug'), [1 + 2 * crashed, crashed])
    },
  },
]
