import { deepEqual, equal, ok } from 'node:assert/strict'
import { it } from 'vitest'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { newTarget, receive, starting, stocked, stockOf, until, untilState } from '../../../test/projections/stock.ts'
import { projectionStatus, rebuildProjection, retireGeneration, swapProjection } from './admin.ts'

onEveryEngine((open) => {
  const start = starting()

  it('is built beside the old one, which readers see until the new one has caught up', async () => {
    const store = await open()
    const target = newTarget()
    const old = start(store, stockOf({ target }))
    await old.waitFor('stock', await receive(store, 'tea', 'mug'))
    const running = start(store, stockOf({ target, version: 2, factor: 10 }))
    await until(async () => (await projectionStatus(store, 'stock')).published === 2)
    deepEqual(stocked(target), { tea: 10, mug: 10 })
    await running.waitFor('stock', await receive(store, 'tea'))
    deepEqual(stocked(target), { tea: 20, mug: 10 })
    const { generations } = await projectionStatus(store, 'stock')
    deepEqual(
      generations.map(({ version, role }) => [version, role]),
      [
        [1, 'kept'],
        [2, 'published'],
      ],
    )
    await old.stop()
  })

  it('waits for somebody to swap it in, where that is wanted, and is taken back again', async () => {
    const store = await open()
    const target = newTarget()
    const [first, second] = [stockOf({ target }), stockOf({ target, version: 2, factor: 10 })]
    const old = start(store, first, { swap: 'manual' })
    await old.waitFor('stock', await receive(store, 'tea'))
    start(store, second, { swap: 'manual' })
    await until(async () => (await projectionStatus(store, 'stock')).generations[1]?.state === 'live')
    deepEqual(stocked(target), { tea: 1 })
    await swapProjection(store, 'stock', 2)
    await until(() => target.readModel.get('tea') === 10)
    await receive(store, 'tea')
    await swapProjection(store, 'stock', 1)
    await until(() => target.readModel.get('tea') === 2)
    await until(async () => (await projectionStatus(store, 'stock')).published === 1)
    await retireGeneration(store, 'stock', 2)
    await until(async () => {
      const left = target.generations?.entries({ projection: 'stock', generation: 2 })
      return left !== undefined && (await left[Symbol.asyncIterator]().next()).done === true
    })
    await until(async () => (await projectionStatus(store, 'stock')).generations[1]?.state === 'retired')
  })

  it('is one more build of the same one, when a rebuild is asked for', async () => {
    const store = await open()
    const target = newTarget()
    const running = start(store, stockOf({ target }))
    await running.waitFor('stock', await receive(store, 'tea'))
    equal(await rebuildProjection(store, 'stock'), 2)
    await until(async () => (await projectionStatus(store, 'stock')).published === 2)
    await running.waitFor('stock', await receive(store, 'tea'))
    deepEqual(stocked(target), { tea: 2 })
  })

  it('is built no faster than it may be', async () => {
    const store = await open()
    const target = newTarget()
    await receive(store, ...Array.from({ length: 40 }, () => 'tea'))
    start(store, stockOf({ target }), { rebuildEventsPerSecond: 100 })
    await untilState(store, 'live')
    const startedAt = performance.now()
    await rebuildProjection(store, 'stock')
    await until(async () => (await projectionStatus(store, 'stock')).published === 2)
    ok(performance.now() - startedAt > 350)
  })
})
