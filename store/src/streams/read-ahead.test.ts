import { deepEqual, equal, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import type { Engine } from '../engine/engine.ts'
import type { PageSource } from '../engine/read-ahead.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { EngineUnavailable } from '../model/errors.ts'
import { openStore } from '../open-store.ts'
import { readAll } from './read.ts'

/** Ten events in pages of two, over what says to be a connection, and where each page began that was sent for. */
async function tenEvents(failsFrom = Number.POSITIVE_INFINITY): Promise<{ pages: PageSource; asked: number[] }> {
  const engine = memory()
  await openStore({ engine }).append('Order-1', Array(10).fill({ type: 'Placed', data: {} }))
  const asked: number[] = []
  const capabilities = { ...engine.capabilities, readsOverNetwork: true }
  const read: Engine['read'] = async (query) => {
    // As drivers do: what is asked for is sent a little later.
    await new Promise(process.nextTick)
    asked.push(query.from)
    if (query.from >= failsFrom) throw new EngineUnavailable('test', 'is away')
    return engine.read({ ...query, limit: Math.min(query.limit, 2) })
  }
  return { pages: { engine: { ...engine, capabilities, read }, clock: systemClock }, asked }
}

it('has sent for the page after the second one before the second one is taken', async () => {
  const { pages, asked } = await tenEvents()
  const seen: [number, number[]][] = []
  for await (const { position } of readAll(pages)) seen.push([position, [...asked]])
  deepEqual(seen.slice(0, 4), [
    [1, [1]],
    [2, [1]],
    [3, [1, 3, 5]],
    [4, [1, 3, 5]],
  ])
  deepEqual(asked, [1, 3, 5, 7, 9])
})

it('asks for one page when the first event is wanted, and for none beyond a limit', async () => {
  const { pages, asked } = await tenEvents()
  equal((await readAll(pages).first())?.position, 1)
  equal((await readAll(pages, { limit: 4 }).toArray()).length, 4)
  deepEqual(asked, [1, 1, 3])
})

it('fails with a page that was asked for ahead when the reader comes to it, and not before', async () => {
  const { pages } = await tenEvents(5)
  const seen: number[] = []
  await rejects(
    async () => {
      for await (const { position } of readAll(pages)) seen.push(position)
    },
    { code: 'ENGINE_UNAVAILABLE' },
  )
  deepEqual(seen, [1, 2, 3, 4])
})

it('leaves a page that nobody takes alone, also when it fails', async () => {
  const { pages, asked } = await tenEvents(5)
  for await (const { position } of readAll(pages)) if (position === 3) break
  deepEqual(asked, [1, 3, 5])
})
