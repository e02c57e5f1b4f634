import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import {
  callingFor,
  generationToPublish,
  type ProjectionControl,
  withDropped,
  withGenerationFor,
  withPublished,
  withRebuild,
  withRetired,
} from './control.ts'

const beginning = (version: number, partitions = 1) => ({ name: 'stock', version, partitions, nowMs: 5, head: 9 })
const at = { nowMs: 7, head: 20 }
const begun = (version: number, control?: ProjectionControl): ProjectionControl =>
  withGenerationFor(control, beginning(version))?.control as ProjectionControl
const roles = ({ generations }: ProjectionControl) => generations.map(({ role }) => role)
const shown = () => withPublished(begun(1), 1, true)

describe('the generations of a projection', () => {
  it('begin with the first, which is shown at once', () => {
    const control = begun(1)
    deepEqual(control.generations, [
      { generation: 1, version: 1, partitions: 1, role: 'building', beganAtMs: 5, headAtStart: 9 },
    ])
    equal(
      generationToPublish(control, () => false, 'manual'),
      1,
    )
  })

  it('are found again by the version that built them', () => {
    const control = shown()
    deepEqual(withGenerationFor(control, beginning(1)), { control, generation: 1 })
  })

  it('are built beside each other, and swapped when the new one has caught up', () => {
    const control = begun(2, shown())
    deepEqual(roles(control), ['published', 'building'])
    equal(
      generationToPublish(control, () => false, 'when_caught_up'),
      undefined,
    )
    equal(
      generationToPublish(control, () => true, 'manual'),
      undefined,
    )
    equal(
      generationToPublish(control, () => true, 'when_caught_up'),
      2,
    )
    const swapped = withPublished(control, 2, true)
    deepEqual([roles(swapped), swapped.published], [['kept', 'published'], 2])
  })

  it('are taken back to the one that was kept, at once', () => {
    const swapped = withPublished(begun(2, shown()), 2, true)
    const called = callingFor(swapped, 1)
    equal(
      generationToPublish(called, () => false, 'when_caught_up'),
      1,
    )
    deepEqual(roles(withPublished(called, 1, true)), ['published', 'kept'])
  })

  it('keep one to go back to, or none', () => {
    const third = begun(3, withPublished(begun(2, shown()), 2, true))
    deepEqual(roles(withPublished(third, 3, true)), ['retired', 'kept', 'published'])
    deepEqual(roles(withPublished(third, 3, false)), ['retired', 'retired', 'published'])
  })

  it('leave an older version with nothing to run, once a newer one is there and its own is retired', () => {
    const swapped = withPublished(begun(2, shown()), 2, false)
    equal(withGenerationFor(swapped, beginning(1)), undefined)
  })

  it('drop what an older version was still building for a newer one', () => {
    deepEqual(roles(begun(3, begun(2, shown()))), ['published', 'retired', 'building'])
  })

  it('are rebuilt with the version there is, one at a time', () => {
    const { control, generation } = withRebuild(shown(), at)
    deepEqual([generation, control.generations.at(-1)?.version], [2, 1])
    throws(() => withRebuild(control, at), { code: 'PROJECTION_BUSY' })
  })

  it('are not retired while readers see them', () => {
    throws(() => withRetired(shown(), 1), { code: 'PROJECTION_BUSY' })
    throws(() => withRetired(shown(), 4), { code: 'NO_SUCH_PROJECTION' })
    throws(() => callingFor(withRetired(begun(2, shown()), 2), 2), { code: 'PROJECTION_BUSY' })
  })

  it('never get a number twice, and the last retired ones are remembered', () => {
    let control = shown()
    for (let generation = 2; generation <= 20; generation++) {
      control = withDropped(withRetired(withRebuild(control, at).control, generation), generation)
    }
    deepEqual([control.lastGeneration, control.generations.length], [20, 11])
  })

  it('have as many partitions as they began with', () => {
    throws(() => withGenerationFor(shown(), beginning(1, 4)), { code: 'INVALID_ARGUMENT', argument: 'partitions' })
  })
})
