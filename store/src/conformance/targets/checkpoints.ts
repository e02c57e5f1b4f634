import assert from 'node:assert/strict'
import { limits } from '../../model/limits.ts'
import { firstCheckpoint, type ParkedPlace, type Target, type TargetCheckpoint } from '../../model/target.ts'
import { begin, begun, countsOf, ones, positionOf, projection, turn, type Write, write } from './scene.ts'
import type { TargetCase, TargetSubject } from './target-case.ts'

const largest: TargetCheckpoint = {
  position: Number.MAX_SAFE_INTEGER,
  version: 2 ** 31 - 1,
  epoch: 2 ** 40,
  parked: [],
}

const parked: readonly ParkedPlace[] = [
  { position: 1 },
  { position: 3, key: 'Order-b' },
  { position: 4, key: 'Order-a' },
  { position: 5, key: '' },
  { position: 6, key: 'a\'; drop table counts; -- \0 \x01\x01 \\ " \ud83d \u2028 🐘' },
  { position: Number.MAX_SAFE_INTEGER },
]

/** Moves a checkpoint without changing anything. */
function moved(subject: TargetSubject, target: Target<unknown>, next: TargetCheckpoint, name?: string): Promise<void> {
  return write(subject, target, { next, ...(name !== undefined && { name }) })
}

/** Asserts that a write that expects something else is refused, and changes nothing. */
async function refusesOther(
  subject: TargetSubject,
  { actual, expected }: { readonly actual: TargetCheckpoint; readonly expected: Write['expected'] },
): Promise<void> {
  const target = await begun(subject)
  await write(subject, target, { additions: ones('tea', 1), next: actual })
  // The same event as before, which is no change where writing it again is none.
  const next = { ...actual, position: actual.position + 1 }
  const late = write(subject, target, { additions: ones('tea', 1), next, ...(expected && { expected }) })
  await assert.rejects(late, { code: 'CHECKPOINT_CONFLICT', checkpoint: projection })
  assert.deepEqual(await countsOf(subject, target, 'tea'), [1])
  assert.deepEqual(await target.checkpoint(projection), actual)
}

const actual: TargetCheckpoint = { position: 7, version: 2, epoch: 3, parked: [{ position: 5, key: 'a' }] }

const others: readonly { readonly rule: string; readonly name: string; readonly expected: Write['expected'] }[] = [
  { rule: 'checkpoints/replay', name: 'at the position before', expected: { ...actual, position: 0 } },
  { rule: 'checkpoints/replay', name: 'at a position beyond', expected: { ...actual, position: 8 } },
  { rule: 'checkpoints/version', name: 'of another version', expected: { ...actual, version: 1 } },
  { rule: 'fencing/epoch', name: 'of an older epoch', expected: { ...actual, epoch: 2 } },
  { rule: 'fencing/epoch', name: 'of a newer epoch', expected: { ...actual, epoch: 4 } },
  { rule: 'checkpoints/parked-differs', name: 'with nothing parked', expected: { ...actual, parked: [] } },
  {
    rule: 'checkpoints/parked-differs',
    name: 'with another key parked',
    expected: { ...actual, parked: [{ position: 5, key: 'b' }] },
  },
  { rule: 'checkpoints/none', name: 'that is none', expected: 'none' },
]

/** What a checkpoint is, and what it guards. */
export const checkpointCases: readonly TargetCase[] = [
  {
    promise: 'checkpoints',
    rule: 'checkpoints/absent',
    name: 'there is none before a projection begins',
    run: async (subject) => {
      assert.equal(await subject.target.checkpoint(projection), undefined)
      await begin(subject, subject.target)
      assert.deepEqual(await subject.target.checkpoint(projection), firstCheckpoint(1))
      assert.equal(await subject.target.checkpoint('another'), undefined)
    },
  },
  {
    promise: 'checkpoints',
    rule: 'checkpoints/exact',
    name: 'it comes back as it was saved, however large its numbers',
    run: async (subject) => {
      const target = await begun(subject)
      await moved(subject, target, largest)
      assert.deepEqual(await target.checkpoint(projection), largest)
      await moved(subject, target, { ...largest, epoch: Number.MAX_SAFE_INTEGER })
      assert.equal((await target.checkpoint(projection))?.epoch, Number.MAX_SAFE_INTEGER)
    },
  },
  {
    promise: 'checkpoints',
    rule: 'checkpoints/parked',
    name: 'what is parked comes back exactly, and is gone when it is no longer said',
    run: async (subject) => {
      const target = await begun(subject)
      const next = { ...firstCheckpoint(1), position: 6, parked }
      await moved(subject, target, next)
      assert.deepEqual(await target.checkpoint(projection), next)
      await moved(subject, target, { ...next, parked: parked.slice(1, 2) })
      assert.deepEqual((await target.checkpoint(projection))?.parked, parked.slice(1, 2))
    },
  },
  {
    promise: 'checkpoints',
    rule: 'checkpoints/parked-many',
    name: `as many as ${limits.parkedEvents} events can be parked`,
    run: async (subject) => {
      const target = await begun(subject)
      const many = Array.from({ length: limits.parkedEvents }, (_, at) => ({
        position: at + 1,
        key: `Order-${'x'.repeat(limits.streamIdChars - 10)}${at}`,
      }))
      const next = { ...firstCheckpoint(1), position: limits.parkedEvents, parked: many }
      await moved(subject, target, next)
      assert.deepEqual(await target.checkpoint(projection), next)
      await write(subject, target, { expected: next, additions: ones('tea', limits.parkedEvents + 1) })
      assert.deepEqual(await countsOf(subject, target, 'tea'), [1])
    },
  },
  {
    promise: 'checkpoints',
    rule: 'checkpoints/own',
    name: 'who changes a list of what is parked after saving or reading it changes no checkpoint',
    run: async (subject) => {
      const target = await begun(subject)
      const list: ParkedPlace[] = [{ position: 1 }]
      await moved(subject, target, { ...firstCheckpoint(1), position: 1, parked: list })
      list.push({ position: 2 })
      const found = (await target.checkpoint(projection))?.parked as ParkedPlace[]
      found.push({ position: 3 })
      assert.deepEqual((await target.checkpoint(projection))?.parked, [{ position: 1 }])
    },
  },
  ...others.map(
    ({ rule, name, expected }): TargetCase => ({
      promise: rule.startsWith('fencing') ? 'fencing' : 'checkpoints',
      rule,
      name: `a write that expects a checkpoint ${name} is refused and changes nothing`,
      run: (subject) => refusesOther(subject, { actual, expected }),
    }),
  ),
  {
    promise: 'checkpoints',
    rule: 'checkpoints/missing',
    name: 'a write that expects a checkpoint where there is none is refused',
    run: async (subject) => {
      const target = await begun(subject)
      const late = write(subject, target, {
        name: 'another',
        expected: firstCheckpoint(1),
        additions: ones('tea', 1),
      })
      await assert.rejects(late, { code: 'CHECKPOINT_CONFLICT', checkpoint: 'another' })
      assert.equal(await target.checkpoint('another'), undefined)
      assert.deepEqual(await countsOf(subject, target, 'tea'), [0])
    },
  },
  {
    promise: 'checkpoints',
    rule: 'checkpoints/any',
    name: "a write that expects 'any' goes through over every checkpoint, and over none",
    run: async (subject) => {
      const target = await begun(subject)
      await moved(subject, target, largest)
      const next = { ...firstCheckpoint(2, 9), position: 3 }
      await write(subject, target, { expected: 'any', next, additions: ones('tea', 1) })
      await write(subject, target, { name: 'another', expected: 'any', next })
      assert.deepEqual(await target.checkpoint(projection), next)
      assert.deepEqual(await target.checkpoint('another'), next)
    },
  },
  {
    promise: 'checkpoints',
    rule: 'checkpoints/last',
    name: 'whoever sees a checkpoint sees what it stands for',
    run: async (subject) => {
      const target = await begun(subject)
      let done = false
      const writing = write(subject, target, { additions: ones('tea', 1, 2, 3), meanwhile: turn }).finally(() => {
        done = true
      })
      for (let last = false; !last; await turn()) {
        last = done
        // In this order: what is written in between may be seen, what the checkpoint says must be.
        const position = await positionOf(target)
        const counts = await countsOf(subject, target, 'tea')
        if (position !== 0) assert.deepEqual(counts, [3])
      }
      await writing
    },
  },
]
