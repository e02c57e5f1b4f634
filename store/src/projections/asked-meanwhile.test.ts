import { deepEqual, equal } from 'node:assert/strict'
import { it } from 'vitest'
import { newTarget, receive, starting, stocked, stockOf, until } from '../../../test/projections/stock.ts'
import type { Engine } from '../engine/engine.ts'
import { memory } from '../engines/memory/index.ts'
import { toText } from '../model/payload.ts'
import { openStore } from '../open-store.ts'
import { listProjections, replayInProjection } from './admin.ts'

const start = starting()

it('a replay is carried out that is asked for while the answer to another one is being written', async () => {
  const engine = memory()
  const asking = openStore({ engine })
  let asked = 0
  const put: Engine['shelf']['put'] = async (key, value, options) => {
    const before = await engine.shelf.get(key)
    const answers = before !== undefined && isAsked(before.value) && !isAsked(value)
    if (answers && asked === 0) asked = await replayInProjection(asking, 'stock', { positions: [2], expectedCount: 1 })
    return engine.shelf.put(key, value, options)
  }
  const store = openStore({ engine: { ...engine, shelf: { ...engine.shelf, put } } })
  const [target, poison] = [newTarget(), new Set(['bad'])]
  await receive(store, 'tea', 'bad', 'mug', 'bad')
  const running = start(store, stockOf({ target, poison, onFailure: () => 'park_event' }))
  await running.waitFor('stock', 4)
  poison.clear()
  await replayInProjection(asking, 'stock', { positions: [4], expectedCount: 1 })
  // That it was live before an event was parked may be what was told last.
  await until(async () => stocked(target).bad === 2 && (await listProjections(asking))[0]?.state === 'live')
  equal(asked, 1)
  deepEqual(stocked(target), { tea: 1, mug: 1, bad: 2 })
})

const isAsked = (value: Parameters<Engine['shelf']['put']>[1]): boolean => toText(value).includes('"kind":"replay"')
