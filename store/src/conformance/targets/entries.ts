import assert from 'node:assert/strict'
import type { TargetEntry } from '../../model/target.ts'
import { begunGeneration, entriesOf, generationsOf, ones, projection, write } from './scene.ts'
import type { Addition, TargetCase } from './target-case.ts'

const keys = ['b', 'a', 'a\0b', 'A', "'", '"', '10', '9', '', ' ', 'é', 'e\u0301', '\uffff', '🐘', '日本', '__proto__']

/** One event for each key, and the second half of them once more. */
const events: readonly Addition[] = [...keys, ...keys.slice(8)].map((key, index) => ({
  key,
  by: index + 1,
  position: index + 1,
}))

function inUtf8(left: TargetEntry, right: TargetEntry): number {
  return Buffer.compare(Buffer.from(left.key), Buffer.from(right.key))
}

/** What a generation holds, so that two of them can be compared. */
export const entryCases: readonly TargetCase[] = (
  [
    {
      rule: 'entries/all',
      name: 'there is one for each key, however many',
      run: async (subject) => {
        const build = await begunGeneration(subject, 1)
        for (let batch = 0; batch < 3; batch++) {
          const additions = Array.from({ length: 900 }, (_, index) =>
            ones(`key ${batch * 900 + index}`, batch + 1),
          ).flat()
          await write(subject, build, { additions })
        }
        const entries = await entriesOf(subject.target, 1)
        assert.equal(new Set(entries.map(({ key }) => key)).size, 2_700)
        assert.equal(entries.length, 2_700)
      },
    },
    {
      rule: 'entries/order',
      name: 'they come by rising key, in the order of the UTF-8 bytes',
      run: async (subject) => {
        await write(subject, await begunGeneration(subject, 1), { additions: events })
        const entries = await entriesOf(subject.target, 1)
        assert.equal(entries.length, keys.length)
        assert.deepEqual(entries, entries.toSorted(inUtf8))
        assert.equal(new Set(entries.map(({ key }) => key)).size, keys.length)
      },
    },
    {
      rule: 'entries/equal',
      name: 'builds from the same events have equal ones, whatever batches and detours made them',
      run: async (subject) => {
        const [first, second, third] = [
          await begunGeneration(subject, 1),
          await begunGeneration(subject, 2),
          await begunGeneration(subject, 3),
        ]
        await write(subject, first, { additions: events })
        for (const event of events) await write(subject, second, { additions: [event] })
        const detours = events.toReversed().map((event, index) => ({ ...event, position: index + 1 }))
        await write(subject, third, { additions: detours })
        const wanted = await entriesOf(subject.target, 1)
        assert.ok(wanted.length > 0)
        assert.deepEqual(await entriesOf(subject.target, 2), wanted)
        assert.deepEqual(await entriesOf(subject.target, 3), wanted)
      },
    },
    {
      rule: 'entries/differ',
      name: 'where two builds differ, the entry of that key does',
      run: async (subject) => {
        await write(subject, await begunGeneration(subject, 1), { additions: events })
        const second = await begunGeneration(subject, 2)
        const changed = events.map((event, index) => (index === 3 ? { ...event, by: event.by + 1 } : event))
        await write(subject, second, { additions: changed })
        const [left, right] = [await entriesOf(subject.target, 1), await entriesOf(subject.target, 2)]
        const differing = left.filter((entry, index) => entry.value !== right[index]?.value)
        assert.deepEqual(
          right.map(({ key }) => key),
          left.map(({ key }) => key),
        )
        assert.equal(differing.length, 1)
      },
    },
    {
      rule: 'entries/missing',
      name: 'a generation that is not there has none, and is not made by asking',
      run: async (subject) => {
        await begunGeneration(subject, 1)
        assert.deepEqual(await entriesOf(subject.target, 2), [])
        await assert.rejects(generationsOf(subject.target).publish({ projection, generation: 2 }), {
          code: 'INVALID_ARGUMENT',
        })
      },
    },
  ] as const satisfies readonly Omit<TargetCase, 'promise' | 'needs'>[]
).map((given): TargetCase => ({ ...given, promise: 'entries', needs: ['generations'] }))
