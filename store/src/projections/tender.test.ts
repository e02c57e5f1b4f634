import { deepEqual, equal } from 'node:assert/strict'
import { it } from 'vitest'
import { newTarget, stocked, stockOf } from '../../../test/projections/stock.ts'
import { memory } from '../engines/memory/index.ts'
import { firstCheckpoint } from '../model/target.ts'
import { openStore } from '../open-store.ts'
import { callingFor, type ProjectionControl, withGenerationFor, withPublished } from './control.ts'
import { createGenerationTargets } from './generation-targets.ts'
import { createProblems } from './problems.ts'
import { controlKey, noCounts, type PartitionEntry, partitionKey, projectionShelf } from './projection-shelf.ts'
import { createTender } from './tender.ts'

const beginning = (version: number) => ({ name: 'stock', version, partitions: 1, nowMs: 5, head: 0 })
const madeBy = (version: number, control?: ProjectionControl): ProjectionControl =>
  withGenerationFor(control, beginning(version))?.control as ProjectionControl

/** Two generations, of which readers see the first and somebody calls for the second. */
async function twoGenerations() {
  const shelf = projectionShelf(openStore({ engine: memory() }).shelf)
  const control = callingFor(madeBy(2, withPublished(madeBy(1), 1, true)), 2)
  await shelf.put({ key: controlKey('stock'), value: control, entryVersion: 0 })
  const target = newTarget()
  const saved = async (generation: number, position: number): Promise<void> => {
    const build = await target.generations?.open({ projection: 'stock', generation })
    await build?.write({ ...change(position), expected: await build.checkpoint('stock') })
  }
  await saved(1, 7)
  await target.generations?.publish({ projection: 'stock', generation: 1 })
  const tend = createTender({
    ...{
      shelf,
      projections: new Map([['stock', stockOf({ target, version: 2 })]]),
      targets: createGenerationTargets(),
    },
    ...{ problems: createProblems(() => undefined), swap: 'manual', keepsPrevious: true, log: () => undefined },
  })
  const look = async (...told: readonly number[]): Promise<number | undefined> => {
    const partitions = told.map((position, index) => entryOf(index + 1, position))
    const view = { ...(await shelf.view()), partitions }
    return (await tend(view, { me: 'a', living: [{ id: 'a', stillMs: 0, versions: { stock: 2 } }] }))[0]?.published
  }
  return { target, saved, look }
}

const change = (position: number) => ({
  ...{ projection: 'stock', next: { ...firstCheckpoint(1, 1), position }, empty: false },
  apply: (stock: Map<string, number>) => stock.set('tea', position),
})

function entryOf(generation: number, position: number) {
  const place = { projection: 'stock', generation, partition: 1, position, epoch: 1, state: 'live' } as const
  const value: PartitionEntry = { ...place, parked: 0, counts: noCounts, skipped: [], requests: [] }
  return { key: partitionKey('stock', generation, 1), value, entryVersion: 1 }
}

it('readers are not given a generation that is behind what they have seen, whatever was told of it a moment ago', async () => {
  const { target, saved, look } = await twoGenerations()
  await saved(2, 6)
  // Told before the last batch of the first one.
  equal(await look(6, 6), 1)
  await saved(2, 7)
  equal(await look(6, 7), 2)
  deepEqual(stocked(target), { tea: 7 })
})

it('readers are given one at last of two that are written to without a rest', async () => {
  const { saved, look } = await twoGenerations()
  await saved(2, 6)
  let looks = 1
  while ((await look(6, 6)) === 1) looks++
  equal(looks, 21)
})
