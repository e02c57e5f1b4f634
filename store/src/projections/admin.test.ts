import { rejects, throws } from 'node:assert/strict'
import { it } from 'vitest'
import { newTarget, receive, starting, stockOf } from '../../../test/projections/stock.ts'
import { memory } from '../engines/memory/index.ts'
import { openStore } from '../open-store.ts'
import { projectionStatus, replayInProjection, retireGeneration, skipEvent, swapProjection } from './admin.ts'
import { runProjections } from './run-projections.ts'

const start = starting()

it.each([
  ['name', (store) => projectionStatus(store, undefined as never)],
  ['position', (store) => skipEvent(store, 'stock', {} as never)],
  ['position', (store) => skipEvent(store, 'stock', undefined as never)],
  ['generation', (store) => skipEvent(store, 'stock', { position: 1, generation: 'new' as never })],
  ['generation', (store) => swapProjection(store, 'stock', undefined as never)],
  ['generation', (store) => retireGeneration(store, 'stock', 0.5)],
  ['positions', (store) => replayInProjection(store, 'stock', undefined as never)],
  ['positions', (store) => replayInProjection(store, 'stock', { positions: [1, '2'] as never, expectedCount: 0 })],
  ['expectedCount', (store) => replayInProjection(store, 'stock', { positions: 'all' } as never)],
] satisfies [string, (store: ReturnType<typeof openStore>) => Promise<unknown>][])(
  'what is asked of a projection without a right %s is refused',
  async (argument, ask) => {
    await using store = openStore({ engine: memory() })
    await start(store, stockOf({ target: newTarget() })).waitFor('stock', await receive(store, 'tea'))
    await rejects(ask(store), { code: 'INVALID_ARGUMENT', argument })
  },
)

it.each([[[]], [[{}]], [[undefined]], [7]])('%j are no projections to run', async (given) => {
  await using store = openStore({ engine: memory() })
  throws(() => runProjections(store, given as never), { code: 'INVALID_ARGUMENT', argument: 'projections' })
})
