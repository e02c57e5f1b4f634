import assert from 'node:assert/strict'
import type { Target } from '../../model/target.ts'
import { begun, countsOf, endOf, gate, inTime, ones, pass, positionOf, projection, turn, write } from './scene.ts'
import type { TargetCase, TargetSubject } from './target-case.ts'

/**
 * An owner begins to write; while its handler waits, another one takes over and writes the same event. The target may let
 * the one or the other go first, but one of the two writes is refused, and the first owner never writes again.
 */
async function takesOver(subject: TargetSubject, second: Target<unknown>): Promise<void> {
  const first = await begun(subject)
  const expected = await first.checkpoint(projection)
  assert.ok(expected)
  const handling = gate()
  const goOn = gate()
  const waits = (): Promise<void> => {
    handling.open()
    return goOn.opened
  }
  const events = [...ones('tea', 1), ...ones('mug', 2)]
  const old = endOf(write(subject, first, { expected, additions: events, meanwhile: waits }))
  await inTime(subject, 'the first owner', Promise.race([handling.opened, old]))
  const taken = { ...expected, epoch: expected.epoch + 1 }
  const takingOver = endOf(write(subject, second, { expected, next: taken }))
  await pass(20)
  goOn.open()
  const ends = await inTime(subject, 'one of two owners', Promise.all([old, takingOver]))
  assert.deepEqual(ends.toSorted(), ['CHECKPOINT_CONFLICT', 'done'], 'one of two owners is refused')

  const found = await second.checkpoint(projection)
  assert.ok(found)
  const owned = { ...found, epoch: expected.epoch + 1 }
  if (found.epoch === expected.epoch) await write(subject, second, { expected: found, next: owned })
  // Not in vain for a target that has no transactions: the events are the same.
  if (owned.position === 0) await write(subject, second, { expected: owned, additions: events })
  const late = write(subject, first, { expected: { ...owned, position: 2, epoch: 0 }, additions: ones('tea', 1) })
  await assert.rejects(late, { code: 'CHECKPOINT_CONFLICT' })
  for (const target of [first, second]) {
    assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [1, 1])
    assert.deepEqual(await target.checkpoint(projection), { ...owned, position: 2 })
  }
}

/** Of many who write the same batch at once, one does. */
async function oneWins(subject: TargetSubject, beside: Target<unknown>): Promise<void> {
  const target = await begun(subject)
  for (let position = 1; position <= 5; position++) {
    const expected = await target.checkpoint(projection)
    const writers = Array.from({ length: 8 }, (_, who) =>
      endOf(
        write(subject, who % 2 === 0 ? target : beside, {
          ...(expected && { expected }),
          additions: [...ones('tea', position), ...ones('mug', position)],
          ...(who > 2 && { meanwhile: turn }),
        }),
      ),
    )
    const ends = await inTime(subject, 'eight writers', Promise.all(writers))
    assert.equal(ends.filter((end) => end === 'done').length, 1, `of ${ends} one is done`)
    assert.equal(ends.filter((end) => end === 'CHECKPOINT_CONFLICT').length, 7)
    assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [position, position])
  }
}

/** Of two owners one writes; names are independent of each other. */
export const fencingCases: readonly TargetCase[] = [
  {
    promise: 'fencing',
    rule: 'fencing/take-over',
    name: 'who is overtaken while its handler runs writes nothing, or has written before',
    run: (subject) => takesOver(subject, subject.target),
  },
  {
    promise: 'fencing',
    rule: 'fencing/take-over-beside',
    needs: ['openBeside'],
    name: 'the same holds when another process takes over',
    run: async (subject) => takesOver(subject, await subject.openBeside()),
  },
  {
    promise: 'fencing',
    rule: 'fencing/one-winner',
    name: 'of many who write after the same checkpoint exactly one does',
    run: (subject) => oneWins(subject, subject.target),
  },
  {
    promise: 'fencing',
    rule: 'fencing/one-winner-beside',
    needs: ['openBeside'],
    name: 'of many in several processes exactly one does',
    run: async (subject) => oneWins(subject, await subject.openBeside()),
  },
  {
    promise: 'partitions',
    rule: 'partitions/apart',
    name: 'each name has its own checkpoint, and is refused for its own sake only',
    run: async (subject) => {
      const target = await begun(subject)
      const names = ['counts#1', 'counts#2', 'counts#10']
      for (const [index, name] of names.entries()) {
        await write(subject, target, { name, expected: 'none', additions: ones(`key ${index}`, index + 1) })
      }
      const late = write(subject, target, { name: 'counts#1', expected: 'none', additions: ones('key 0', 1) })
      await assert.rejects(late, { code: 'CHECKPOINT_CONFLICT', checkpoint: 'counts#1' })
      await write(subject, target, { name: 'counts#2', additions: ones('key 1', 9) })
      assert.deepEqual(await Promise.all([projection, ...names].map((name) => positionOf(target, name))), [0, 1, 9, 3])
      assert.deepEqual(await countsOf(subject, target, 'key 0', 'key 1', 'key 2'), [1, 2, 1])
    },
  },
  {
    promise: 'partitions',
    rule: 'partitions/together',
    name: 'writes of several names at the same time are all done',
    run: async (subject) => {
      const target = await begun(subject)
      const names = Array.from({ length: 8 }, (_, partition) => `counts#${partition}`)
      const runs = names.map(async (name) => {
        for (let batch = 0; batch < 5; batch++) {
          const first = batch === 0 && { expected: 'none' as const }
          const additions = [...ones(name, 2 * batch + 1), ...ones(`${name}!`, 2 * batch + 2)]
          await write(subject, target, { name, ...first, additions, ...(batch % 2 === 0 && { meanwhile: turn }) })
        }
      })
      await inTime(subject, 'eight partitions', Promise.all(runs))
      for (const name of names) {
        assert.deepEqual(await countsOf(subject, target, name, `${name}!`), [5, 5])
        assert.equal(await positionOf(target, name), 10)
      }
    },
  },
  {
    promise: 'partitions',
    rule: 'partitions/concurrent',
    needs: ['concurrent'],
    name: 'a write does not wait for that of another name',
    run: async (subject) => {
      const target = await begun(subject)
      const handling = gate()
      const goOn = gate()
      const slow = write(subject, target, {
        name: 'counts#1',
        expected: 'none',
        additions: ones('tea', 1),
        meanwhile: () => {
          handling.open()
          return goOn.opened
        },
      })
      try {
        await inTime(subject, 'a handler', handling.opened)
        const quick = write(subject, target, { name: 'counts#2', expected: 'none', additions: ones('mug', 2) })
        await inTime(subject, 'the write of another name', quick)
        assert.deepEqual(await countsOf(subject, target, 'mug'), [1])
      } finally {
        goOn.open()
        await endOf(slow)
      }
      assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [1, 1])
    },
  },
]
