import { deepEqual, ok } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { away, passing } from '../../../test/projections/faulty.ts'
import {
  newTarget,
  receive,
  type Stock,
  starting,
  stocked,
  stockOf,
  until,
  untilState,
} from '../../../test/projections/stock.ts'
import { memory } from '../engines/memory/index.ts'
import type { Target } from '../model/target.ts'
import { openStore } from '../open-store.ts'
import { projectionStatus, replayInProjection } from './admin.ts'
import { runProjections } from './run-projections.ts'

const again = { retryAfterMs: 1 }

describe('a target that is away', () => {
  const start = starting()

  it('is waited for where a generation of it cannot be opened', async () => {
    await using store = openStore({ engine: memory() })
    const [target, use] = [newTarget(), away('open', 2)]
    const running = start(store, stockOf({ target: passing(target, use), onFailure: () => again }))
    await running.waitFor('stock', await receive(store, 'tea'))
    deepEqual([stocked(target), use.left()], [{ tea: 1 }, 0])
  })

  it('holds up the swap of its own projection, says so once, and holds up no other one', async () => {
    await using store = openStore({ engine: memory() })
    const [target, use] = [newTarget(), away('publish', Number.POSITIVE_INFINITY)]
    const stuck = { ...stockOf({ target: passing(newTarget(), use) }), name: 'a' }
    const lines: string[] = []
    const log = ({ level, text }: { level: string; text: string }) => level !== 'info' && lines.push(text)
    await using running = runProjections(store, [stuck, stockOf({ target })], { leaseMs: 40, log })
    await running.waitFor('stock', await receive(store, 'tea'))
    deepEqual(stocked(target), { tea: 1 })
    use.again(0)
    await running.waitFor('a', 1)
    deepEqual([lines.length, lines[0]?.includes('it restarts')], [1, true])
  })

  it('is waited for in the middle of a replay', async () => {
    await using store = openStore({ engine: memory() })
    const [target, use, poison] = [newTarget(), away('write', 0), new Set(['bad'])]
    const onFailure = ({ event }: { event?: unknown }) => (event === undefined ? again : 'park_event')
    const running = start(store, stockOf({ target: passing(target, use), poison, onFailure }))
    await running.waitFor('stock', await receive(store, 'tea', 'bad', 'mug'))
    poison.clear()
    use.again(2)
    await replayInProjection(store, 'stock', { positions: 'all', expectedCount: 1 })
    await until(() => stocked(target).bad === 1)
    await untilState(store, 'live')
  })

  it('stops its projection when it was closed: nobody brings it back', async () => {
    await using store = openStore({ engine: memory() })
    const target = newTarget()
    const running = start(store, stockOf({ target }))
    await running.waitFor('stock', await receive(store, 'tea'))
    await target.close()
    await receive(store, 'mug')
    await untilState(store, 'failed')
    const failure = (await projectionStatus(store, 'stock')).generations[0]?.partitions[0]?.failure
    deepEqual(failure?.code, 'STORE_CLOSED')
    ok(running.lines.some(({ level, text }) => level === 'error' && /The target is closed/.test(text)))
  })
})

it('a partition is taken over although the owner before it still writes', async () => {
  await using store = openStore({ engine: memory() })
  const target = newTarget()
  let late = 3
  // Saves a batch after the new owner has looked at the checkpoint, as one does that is slow to hear that it was replaced.
  const use = async (part: string, build: Target<Stock>): Promise<void> => {
    const found = part === 'write' ? await build.checkpoint('stock') : undefined
    if (found === undefined || late === 0) return
    late--
    const { position } = await store.append('Stock-tea', [{ type: 'Received', data: { sku: 'tea', quantity: 1 } }])
    const apply = (stock: Map<string, number>) => stock.set('tea', (stock.get('tea') ?? 0) + 1)
    await build.write({ projection: 'stock', expected: found, next: { ...found, position }, empty: false, apply })
  }
  const first = runProjections(store, [stockOf({ target })], { leaseMs: 400 })
  await first.waitFor('stock', await receive(store, 'tea'))
  await first.stop()
  await using second = runProjections(store, [stockOf({ target: passing(target, use) })], { leaseMs: 400 })
  await second.waitFor('stock', 4)
  deepEqual([stocked(target), late], [{ tea: 4 }, 0])
})
