import { deepEqual, equal } from 'node:assert/strict'
import { it } from 'vitest'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { newTarget, receive, starting, stockOf } from '../../../test/projections/stock.ts'
import { verifyProjection } from './verify.ts'

onEveryEngine((open) => {
  const start = starting()

  it('is equal to a fresh build, while the projection runs', async () => {
    const store = await open()
    const projection = stockOf({ target: newTarget(), partitions: 3 })
    const running = start(store, projection)
    await running.waitFor('stock', await receive(store, 'tea', 'mug', 'tea', 'pot'))
    const verified = await verifyProjection(store, projection)
    deepEqual([verified.differences, verified.entries, verified.generation], [0, 3, 1])
    await running.waitFor('stock', await receive(store, 'tea'))
  })

  it('differs where somebody changed it', async () => {
    const store = await open()
    const target = newTarget()
    const projection = stockOf({ target })
    const running = start(store, projection)
    await running.waitFor('stock', await receive(store, 'tea', 'mug'))
    target.readModel.set('mug', 7)
    target.readModel.set('pot', 1)
    const { differences, listed } = await verifyProjection(store, projection)
    equal(differences, 2)
    deepEqual(
      listed.map(({ expected, actual }) => [expected, actual]),
      [
        ['1', '7'],
        [undefined, '1'],
      ],
    )
  })

  it('leaves out of the fresh build what is parked or was skipped', async () => {
    const store = await open()
    const projection = stockOf({ target: newTarget(), poison: new Set(['bad']), onFailure: () => 'park_event' })
    const running = start(store, projection)
    await running.waitFor('stock', await receive(store, 'tea', 'bad'))
    const { differences, leftOut } = await verifyProjection(store, projection)
    deepEqual([differences, leftOut], [0, 1])
  })
})
