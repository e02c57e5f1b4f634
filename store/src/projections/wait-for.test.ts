import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { newTarget, receive, starting, stocked, stockOf, untilState } from '../../../test/projections/stock.ts'
import type { Engine } from '../engine/engine.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { openStore } from '../open-store.ts'
import { resumeProjection } from './admin.ts'
import { waitForProjection } from './wait-for.ts'

/** A memory engine whose shelf is listed in another way. */
function listing(list: (inner: Engine['shelf']['list']) => Engine['shelf']['list']): Engine {
  const engine = memory()
  return { ...engine, shelf: { ...engine.shelf, list: list(engine.shelf.list) } }
}

describe('a wait for a read model', () => {
  const start = starting()

  it('ends in time also where the shelf does not answer', async () => {
    await using store = openStore({ engine: listing(() => () => new Promise(() => undefined)) })
    await rejects(waitForProjection(store, 'stock', 1, { timeoutMs: 10 }), { code: 'WAIT_TIMED_OUT', actual: 0 })
  })

  it('ends as soon as a new read model has caught up: nothing on the way is a matter of time', async () => {
    await using store = openStore({ engine: memory() })
    const position = await receive(store, 'tea', 'mug', 'cup', 'pot', 'tea')
    const target = newTarget()
    const running = start(store, stockOf({ target, partitions: 4 }), { clock: { ...systemClock, sleep: stopped } })
    await running.waitFor('stock', position)
    deepEqual(stocked(target), { tea: 2, mug: 1, cup: 1, pot: 1 })
  })

  it('ends with its signal, and leaves those be that wait beside it', async () => {
    await using store = openStore({ engine: memory() })
    await start(store, stockOf({ target: newTarget() })).waitFor('stock', await receive(store, 'tea'))
    const leaving = new AbortController()
    const left = waitForProjection(store, 'stock', 2, { signal: leaving.signal })
    const stays = waitForProjection(store, 'stock', 2)
    leaving.abort(new Error('enough'))
    await rejects(left, /enough/)
    await receive(store, 'mug')
    await stays
  })

  it('says what is wrong with the shelf, to all that wait, and looks anew for the next', async () => {
    let failures = 1
    const engine = listing((list) => (query) => (failures-- > 0 ? Promise.reject(new Error('no disk')) : list(query)))
    await using store = openStore({ engine })
    const waits = [1, 2].map(() => waitForProjection(store, 'stock', 1))
    const reasons = await Promise.allSettled(waits)
    deepEqual(
      reasons.map((settled) => settled.status === 'rejected' && settled.reason.message),
      ['no disk', 'no disk'],
    )
    await rejects(waitForProjection(store, 'stock', 1), { code: 'NO_SUCH_PROJECTION' })
  })

  it('does not end because of a failure that was seen before it began, and is mended since', async () => {
    await using store = openStore({ engine: memory() })
    const poison = new Set(['mug'])
    const position = await receive(store, 'tea', 'mug')
    start(store, stockOf({ target: newTarget(), poison }))
    await untilState(store, 'failed')
    // A look is used again for a while, which only ends when somebody has slept.
    let nowMs = systemClock.now()
    const clock = {
      ...systemClock,
      now: () => nowMs,
      sleep: async (ms: number, signal?: AbortSignal) => {
        await systemClock.sleep(ms, signal)
        if (signal?.aborted !== true) nowMs += ms
      },
    }
    await rejects(waitForProjection(store, 'stock', position, { clock }), { code: 'PROJECTION_STOPPED' })
    poison.clear()
    await resumeProjection(store, 'stock')
    await waitForProjection(store, 'stock', position, { clock })
  })

  it('looks at the shelf together with all others, one look at a time', async () => {
    let [looks, atOnce, most] = [0, 0, 0]
    const engine = listing((list) => async (query) => {
      looks++
      most = Math.max(most, ++atOnce)
      await systemClock.turn()
      atOnce--
      return list(query)
    })
    await using store = openStore({ engine })
    const waits = Array.from({ length: 100 }, () => waitForProjection(store, 'stock', 1))
    for (const { status } of await Promise.allSettled(waits)) equal(status, 'rejected')
    deepEqual([looks, most], [1, 1])
  })
})

/** Nothing is told, looked for or taken over because time has passed; only whoever waits may look again soon. */
function stopped(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms < 100) return systemClock.sleep(ms, signal)
  return new Promise((resolve) => {
    if (signal?.aborted) resolve()
    signal?.addEventListener('abort', () => resolve())
  })
}
