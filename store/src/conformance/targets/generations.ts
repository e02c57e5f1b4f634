import assert from 'node:assert/strict'
import type { Target } from '../../model/target.ts'
import {
  begin,
  begun,
  begunGeneration,
  countsOf,
  endOf,
  entriesOf,
  generationsOf,
  inTime,
  moments,
  ones,
  pass,
  positionOf,
  projection,
  turn,
  turnsOf,
  write,
} from './scene.ts'
import type { TargetCase, TargetSubject } from './target-case.ts'

/** A generation in which `tea` has this number, and `mug` too. */
async function built(subject: TargetSubject, generation: number, number = generation): Promise<Target<unknown>> {
  const build = await begunGeneration(subject, generation)
  const positions = Array.from({ length: number }, (_, index) => index + 1)
  await write(subject, build, { additions: [...ones('tea', ...positions), ...ones('mug', ...positions)] })
  return build
}

const one = { projection, generation: 1 } as const
const two = { projection, generation: 2 } as const

const verbs: readonly { readonly verb: string; readonly call: (target: Target<unknown>) => Promise<unknown> }[] = [
  { verb: 'open', call: (target) => generationsOf(target).open(one) },
  { verb: 'published', call: (target) => generationsOf(target).published(projection) },
  { verb: 'publish', call: (target) => generationsOf(target).publish(one) },
  { verb: 'drop', call: (target) => generationsOf(target).drop(two) },
  { verb: 'entries', call: (target) => entriesOf(target, 1) },
]

/** Several builds of a read model beside each other, one of them shown. */
export const generationCases: readonly TargetCase[] = [
  ...(
    [
      {
        rule: 'generations/apart',
        name: 'each has a read model and checkpoints of its own, and so has the target itself',
        run: async (subject) => {
          const target = await begun(subject)
          await write(subject, target, { additions: ones('tea', 1, 2, 3) })
          const [first, second] = [await built(subject, 1), await built(subject, 2)]
          await write(subject, first, { additions: ones('cup', 9) })
          for (const [build, counts] of [
            [target, [3, 0, 0]],
            [first, [1, 1, 1]],
            [second, [2, 2, 0]],
          ] as const) {
            assert.deepEqual(await countsOf(subject, build, 'tea', 'mug', 'cup'), counts)
          }
          assert.deepEqual(await Promise.all([target, first, second].map((build) => positionOf(build))), [3, 9, 2])
        },
      },
      {
        rule: 'generations/same',
        name: 'opening one again gives the same one',
        run: async (subject) => {
          await begun(subject)
          const first = await built(subject, 1)
          const again = await generationsOf(subject.target).open(one)
          assert.deepEqual(await countsOf(subject, again, 'tea'), [1])
          await write(subject, again, { additions: ones('tea', 2) })
          assert.deepEqual(await countsOf(subject, first, 'tea'), [2])
          assert.equal(await positionOf(first), 2)
        },
      },
      {
        rule: 'generations/hidden',
        name: 'readers see none before it is published',
        run: async (subject) => {
          const target = await begun(subject)
          await built(subject, 1)
          assert.equal(await generationsOf(target).published(projection), undefined)
          assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [0, 0])
        },
      },
      {
        rule: 'generations/shown',
        name: 'readers see the one that was published last, also an older one, and repeating it is fine',
        run: async (subject) => {
          const { target } = subject
          for (const generation of [1, 2, 10]) await built(subject, generation)
          for (const generation of [1, 10, 2, 2, 1]) {
            await generationsOf(target).publish({ projection, generation })
            assert.equal(await generationsOf(target).published(projection), generation)
            assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [generation, generation])
          }
        },
      },
      {
        rule: 'generations/at-once',
        name: 'while one takes the place of another, readers see the one or the other',
        run: async (subject) => {
          const { target } = subject
          await built(subject, 1)
          await built(subject, 2)
          await generationsOf(target).publish(one)
          for (const [generation, before] of [
            [2, 1],
            [1, 2],
          ] as const) {
            let done = false
            const publishing = generationsOf(target)
              .publish({ projection, generation })
              .finally(() => {
                done = true
              })
            const seen: number[] = []
            for (let last = false; !last; await turn()) {
              last = done
              seen.push(...(await countsOf(subject, target, 'tea')))
            }
            await publishing
            const swapped = seen.indexOf(generation)
            assert.ok(swapped >= 0, 'it is shown once it is published')
            assert.deepEqual(
              seen,
              seen.map((_, index) => (index < swapped ? before : generation)),
            )
          }
        },
      },
      {
        rule: 'generations/goes-on',
        name: 'what is written to the published one is seen at once, and what is written to another is not',
        run: async (subject) => {
          const { target } = subject
          const [first, second] = [await built(subject, 1), await built(subject, 2)]
          await generationsOf(target).publish(two)
          await write(subject, second, { additions: ones('tea', 3) })
          await write(subject, first, { additions: ones('tea', 3, 4, 5) })
          assert.deepEqual(await countsOf(subject, target, 'tea'), [3])
        },
      },
      {
        rule: 'generations/emptied',
        name: 'the published one can be emptied and built anew, which readers see',
        run: async (subject) => {
          const { target } = subject
          const build = await built(subject, 2)
          await generationsOf(target).publish(two)
          await begin(subject, build)
          assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [0, 0])
          await write(subject, build, { additions: ones('tea', 1, 2, 3) })
          assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [3, 0])
        },
      },
      {
        rule: 'generations/publish-missing',
        name: 'publishing one that is not there is refused, and readers see what they saw',
        run: async (subject) => {
          const { target } = subject
          await built(subject, 1)
          await generationsOf(target).publish(one)
          await assert.rejects(generationsOf(target).publish(two), { code: 'INVALID_ARGUMENT', argument: 'generation' })
          assert.equal(await generationsOf(target).published(projection), 1)
          assert.deepEqual(await countsOf(subject, target, 'tea'), [1])
        },
      },
      {
        rule: 'generations/drop',
        name: 'a dropped one leaves nothing, and the others stay',
        run: async (subject) => {
          const target = await begun(subject)
          const first = await built(subject, 1)
          await built(subject, 2)
          await generationsOf(target).drop(two)
          assert.deepEqual(await entriesOf(target, 2), [])
          const again = await generationsOf(target).open(two)
          assert.equal(await again.checkpoint(projection), undefined)
          assert.deepEqual(await entriesOf(target, 2), [])
          assert.deepEqual(await countsOf(subject, first, 'tea'), [1])
          assert.equal((await entriesOf(target, 1)).length, 2)
          await built(subject, 2, 5)
          assert.deepEqual(await countsOf(subject, again, 'tea'), [5])
        },
      },
      {
        rule: 'generations/drop-published',
        name: 'the published one is not dropped',
        run: async (subject) => {
          const { target } = subject
          await built(subject, 1)
          await generationsOf(target).publish(one)
          await assert.rejects(generationsOf(target).drop(one), { code: 'INVALID_ARGUMENT', argument: 'generation' })
          assert.equal(await generationsOf(target).published(projection), 1)
          assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [1, 1])
        },
      },
      {
        rule: 'generations/drop-missing',
        name: 'dropping one that is not there, or twice, is fine',
        run: async (subject) => {
          await begun(subject)
          await generationsOf(subject.target).drop(one)
          await built(subject, 1)
          await generationsOf(subject.target).drop(one)
          await generationsOf(subject.target).drop(one)
        },
      },
      {
        rule: 'generations/drop-fences',
        name: 'whoever still writes to a dropped one is refused, also when there is one of that number again',
        run: async (subject) => {
          const target = await begun(subject)
          const stale = await built(subject, 1)
          const expected = await stale.checkpoint(projection)
          await generationsOf(target).drop(one)
          const late = () => endOf(write(subject, stale, { ...(expected && { expected }), additions: ones('tea', 9) }))
          const anew = (): Promise<unknown> =>
            endOf(write(subject, stale, { expected: 'none', additions: ones('tea', 9) }))
          const refusals = ['CHECKPOINT_CONFLICT', 'STORE_CLOSED']
          for (const end of [await late(), await anew()]) assert.ok(refusals.includes(String(end)), String(end))
          assert.deepEqual(await entriesOf(target, 1), [])
          const again = await generationsOf(target).open(one)
          assert.ok(refusals.includes(String(await anew())))
          assert.equal(await again.checkpoint(projection), undefined)
        },
      },
      {
        rule: 'generations/numbers',
        name: 'a number that is no whole one from 1 on is refused',
        run: async (subject) => {
          await begun(subject)
          for (const generation of [0, -1, 1.5, Number.NaN, 2 ** 53, '1' as unknown as number]) {
            const opening = generationsOf(subject.target).open({ projection, generation })
            await assert.rejects(opening, { code: 'INVALID_ARGUMENT', argument: 'generation' }, String(generation))
          }
        },
      },
      {
        rule: 'generations/close-one',
        name: 'closing one leaves the target and the other ones open',
        run: async (subject) => {
          const target = await begun(subject)
          const [first, second] = [await built(subject, 1), await built(subject, 2)]
          await Promise.all([first.close(), first.close()])
          await assert.rejects(first.checkpoint(projection), { code: 'STORE_CLOSED' })
          await assert.rejects(write(subject, first, { expected: 'any', additions: ones('tea', 3) }), {
            code: 'STORE_CLOSED',
          })
          await write(subject, second, { additions: ones('tea', 3) })
          await write(subject, target, { additions: ones('tea', 1) })
          const again = await generationsOf(target).open(one)
          assert.deepEqual(await countsOf(subject, again, 'tea'), [1])
        },
      },
      {
        rule: 'generations/close-all',
        name: 'closing the target closes them',
        run: async (subject) => {
          const target = await begun(subject)
          const first = await built(subject, 1)
          await target.close()
          await assert.rejects(first.checkpoint(projection), { code: 'STORE_CLOSED' })
          const late = write(subject, first, { expected: 'any', additions: ones('tea', 3) })
          await assert.rejects(late, { code: 'STORE_CLOSED' })
        },
      },
      {
        rule: 'generations/several-projections',
        needs: ['severalProjections'],
        name: 'projections have generations of their own, of the same numbers',
        run: async (subject) => {
          const { target } = subject
          await built(subject, 1)
          const other = await begunGeneration(subject, 1, 'sums')
          await write(subject, other, { name: 'sums', additions: ones('tea', 1, 2, 3) })
          await generationsOf(target).publish(one)
          assert.equal(await generationsOf(target).published('sums'), undefined)
          assert.deepEqual(await countsOf(subject, other, 'tea', 'mug'), [3, 0])
          await generationsOf(target).drop({ projection: 'sums', generation: 1 })
          assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [1, 1])
        },
      },
      {
        rule: 'generations/beside',
        needs: ['openBeside'],
        name: 'readers in another process see another one as soon as it is published',
        run: async (subject) => {
          const { target } = subject
          const beside = await subject.openBeside()
          await built(subject, 1)
          await built(subject, 2)
          for (const generation of [1, 2, 1]) {
            await generationsOf(target).publish({ projection, generation })
            assert.deepEqual(await countsOf(subject, beside, 'tea'), [generation])
            assert.equal(await generationsOf(beside).published(projection), generation)
          }
        },
      },
      {
        rule: 'generations/drop-beside',
        needs: ['openBeside'],
        name: 'one that another process has dropped can no longer be written to',
        run: async (subject) => {
          const target = await begun(subject)
          const stale = await built(subject, 1)
          const expected = await stale.checkpoint(projection)
          const beside = await subject.openBeside()
          await generationsOf(beside).drop(one)
          await generationsOf(beside).open(one)
          const late = endOf(write(subject, stale, { ...(expected && { expected }), additions: ones('tea', 9) }))
          assert.equal(await inTime(subject, 'a late write', late), 'CHECKPOINT_CONFLICT')
          assert.deepEqual(await entriesOf(target, 1), [])
        },
      },
      {
        rule: 'generations/reopen',
        needs: ['reopen'],
        name: 'they are all there when the target is opened again',
        run: async (subject) => {
          await built(subject, 1)
          await built(subject, 2)
          await generationsOf(subject.target).publish(two)
          const again = await subject.reopen()
          assert.equal(await generationsOf(again).published(projection), 2)
          assert.deepEqual(await countsOf(subject, again, 'tea', 'mug'), [2, 2])
          const first = await generationsOf(again).open(one)
          assert.deepEqual(await countsOf(subject, first, 'tea'), [1])
          assert.equal(await positionOf(first), 1)
        },
      },
      {
        rule: 'generations/crash-publish',
        needs: ['afterCrash'],
        name: 'a crash while one is published shows the one or the other, and says which',
        run: async (subject) => {
          let { target } = subject
          await built(subject, 1)
          await built(subject, 2)
          const turns = await turnsOf(() => generationsOf(target).publish(one))
          for (const moment of moments(turns)) {
            const publishing = endOf(generationsOf(target).publish(two))
            await pass(moment)
            target = await subject.afterCrash()
            await inTime(subject, 'a publish that was cut off', publishing)
            const shown = (await generationsOf(target).published(projection)) ?? 0
            assert.ok([1, 2].includes(shown), `${shown} is published`)
            assert.deepEqual(await countsOf(subject, target, 'tea', 'mug'), [shown, shown])
            await generationsOf(target).publish(one)
          }
        },
      },
      {
        rule: 'generations/crash-drop',
        needs: ['afterCrash'],
        name: 'a crash while one is dropped leaves it whole or not at all',
        run: async (subject) => {
          let target = await begun(subject)
          await built(subject, 1)
          for (const moment of moments(await turnsOf(() => generationsOf(target).drop(one)))) {
            await built({ ...subject, target }, 2)
            const dropping = endOf(generationsOf(target).drop(two))
            await pass(moment)
            target = await subject.afterCrash()
            await inTime(subject, 'a drop that was cut off', dropping)
            const left = await entriesOf(target, 2)
            const found = await generationsOf(target).open(two)
            const isWhole = left.length === 2 && (await positionOf(found)) === 2
            const isGone = left.length === 0 && (await positionOf(found)) === undefined
            assert.ok(isWhole || isGone, `${left.length} entries and position ${await positionOf(found)} are left`)
            await generationsOf(target).drop(two)
          }
        },
      },
    ] as const satisfies readonly Omit<TargetCase, 'promise'>[]
  ).map(
    (given): TargetCase => ({
      ...given,
      promise: 'generations',
      needs: ['generations', ...('needs' in given ? given.needs : [])],
    }),
  ),
  ...verbs.map(
    ({ verb, call }): TargetCase => ({
      promise: 'closing',
      rule: 'closing/generations',
      needs: ['generations'],
      name: `generations.${verb} on a closed target rejects with STORE_CLOSED`,
      run: async (subject) => {
        const target = await begun(subject)
        await target.close()
        await assert.rejects(call(target), { code: 'STORE_CLOSED' })
      },
    }),
  ),
]
