import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { withShelf } from '../../../test/projections/faulty.ts'
import {
  allParked,
  newTarget,
  receive,
  starting,
  stocked,
  stockOf,
  until,
  untilState,
} from '../../../test/projections/stock.ts'
import type { Engine } from '../engine/engine.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { EngineUnavailable } from '../model/errors.ts'
import { EventsArchived } from '../model/event-errors.ts'
import { toText } from '../model/payload.ts'
import { openStore } from '../open-store.ts'
import { listProjections, replayInProjection, resumeProjection, skipEvent } from './admin.ts'
import { runProjections } from './run-projections.ts'

const all = { positions: 'all', expectedCount: 1 } as const
const parking = ({ event }: { event?: unknown }) => (event === undefined ? { retryAfterMs: 1 } : 'park_event')

describe('a read model that is gone with its process', () => {
  const start = starting()

  it('is waited for until it is built anew, without what was skipped', async () => {
    await using store = openStore({ engine: memory() })
    const poison = new Set(['bad'])
    const before = start(store, stockOf({ target: newTarget(), poison }), { leaseMs: 100 })
    const position = await receive(store, 'tea', 'bad', 'mug')
    await untilState(store, 'failed')
    await skipEvent(store, 'stock', { position: 2 })
    await before.waitFor('stock', position)
    await before.stop()
    const target = newTarget()
    const running = start(store, stockOf({ target, poison }), { leaseMs: 100 })
    await running.waitFor('stock', position)
    deepEqual(stocked(target), { tea: 1, mug: 1 })
  })
})

it('a read model that is further than the log is told of: nothing would be added to it in silence', async () => {
  const target = newTarget()
  for (const skus of [['tea', 'tea', 'tea'], ['mug']]) {
    await using store = openStore({ engine: memory() })
    await receive(store, ...skus)
    const lines: string[] = []
    const log = ({ level, text }: { level: string; text: string }) => level === 'warn' && lines.push(text)
    await using running = runProjections(store, [stockOf({ target })], { leaseMs: 400, log })
    await running.waitFor('stock', skus.length)
    if (skus.length === 3) deepEqual(lines, [])
    else
      ok(lines[0]?.startsWith('The read model is at position 3, and the log ends at 1: it was built from another log'))
  }
})

describe('a replay', () => {
  const start = starting()

  it('is written down once the store is back, and applied once', async () => {
    let isAway = false
    const { store, faulty } = withShelf(({ put }) => ({
      put: async (key, value, options) => {
        const isDone = key.includes('/partition/') && toText(value).includes('"requests":[]')
        if (!isAway || !isDone) return put(key, value, options)
        isAway = false
        throw new EngineUnavailable('memory', 'it restarts')
      },
    }))
    const [target, poison] = [newTarget(), new Set(['bad'])]
    const running = start(faulty, stockOf({ target, poison, onFailure: parking }))
    await running.waitFor('stock', await receive(store, 'tea', 'bad'))
    await untilState(store, 'parked')
    poison.clear()
    isAway = true
    await replayInProjection(store, 'stock', all)
    await untilState(store, 'live')
    deepEqual([stocked(target), isAway], [{ tea: 1, bad: 1 }, false])
  })

  it('of an event that is archived leaves it parked, says why, and stops nothing', async () => {
    const engine = memory()
    let archivedUntil = 0
    const read: Engine['read'] = async (query, signal) => {
      if (query.from <= archivedUntil && 'query' in query.source) throw new EventsArchived(archivedUntil)
      return engine.read(query, signal)
    }
    await using store = openStore({ engine: { ...engine, read } })
    const [target, poison] = [newTarget(), new Set(['bad'])]
    const onFailure = ({ event }: { event?: unknown }) => (event === undefined ? 'stop' : 'park_event')
    const running = start(store, stockOf({ target, poison, onFailure }))
    await running.waitFor('stock', await receive(store, 'tea', 'bad', 'mug'))
    archivedUntil = 2
    await replayInProjection(store, 'stock', all)
    await until(async () => (await allParked(store))[0]?.code === 'EVENTS_ARCHIVED')
    await running.waitFor('stock', await receive(store, 'cup'))
    deepEqual(stocked(target), { tea: 1, mug: 1, cup: 1 })
  })

  it('leaves nothing behind where its process is killed after the event was applied', async () => {
    let isKilled = false
    const gone = new Promise<never>(() => undefined)
    const { store, faulty } = withShelf((shelf) => ({
      put: (...given) => (isKilled ? gone : shelf.put(...given)),
      list: (...given) => (isKilled ? gone : shelf.list(...given)),
      delete: (...given) => {
        isKilled ||= given[0].includes('projection-parked')
        return isKilled ? gone : shelf.delete(...given)
      },
    }))
    const [target, poison] = [newTarget(), new Set(['bad'])]
    // Never stopped: it hangs for good.
    const killed = runProjections(faulty, [stockOf({ target, poison, onFailure: parking })], {
      leaseMs: 100,
      log: () => undefined,
    })
    await killed.waitFor('stock', await receive(store, 'tea', 'bad'))
    await until(async () => (await allParked(store)).length === 1)
    poison.clear()
    await replayInProjection(store, 'stock', all)
    await until(() => stocked(target).bad === 1 && isKilled)
    start(store, stockOf({ target }), { leaseMs: 100 })
    await until(async () => (await allParked(store)).length === 0)
    equal(stocked(target).bad, 1)
  })
})

it('an owner that hung before it looked for strays leaves what its successor has parked', async () => {
  const hanging = Promise.withResolvers<void>()
  let isHung = false
  const awake = async (): Promise<void> => (isHung ? hanging.promise : undefined)
  const { store, faulty } = withShelf((shelf) => ({
    put: async (...given) => awake().then(() => shelf.put(...given)),
    delete: async (...given) => awake().then(() => shelf.delete(...given)),
    list: async (...given) => {
      isHung ||= JSON.stringify(given[0]).includes('projection-parked')
      await awake()
      return shelf.list(...given)
    },
  }))
  const projection = stockOf({ target: newTarget(), poison: new Set(['bad']), onFailure: parking })
  const options = { leaseMs: 100, log: () => undefined }
  const hung = runProjections(faulty, [projection], options)
  await until(() => isHung)
  await using successor = runProjections(store, [projection], options)
  await successor.waitFor('stock', await receive(store, 'tea', 'bad'))
  hanging.resolve()
  await hung.stop()
  equal((await allParked(store)).length, 1)
})

it('a store that is gone keeps nobody who ends, and the next one goes on from there', async () => {
  let isGone = false
  const orGone = async <Given extends readonly unknown[], Result>(
    call: (...given: Given) => Promise<Result>,
    ...given: Given
  ) => (isGone ? untilAborted(given.at(-1)) : call(...given))
  const { store, faulty } = withShelf((shelf) => ({
    get: (...given) => orGone(shelf.get, ...given),
    put: (...given) => orGone(shelf.put, ...given),
    delete: (...given) => orGone(shelf.delete, ...given),
    list: (...given) => orGone(shelf.list, ...given),
  }))
  const projection = stockOf({ target: newTarget() })
  const options = { leaseMs: 100, log: () => undefined }
  const first = runProjections(faulty, [projection], options)
  await first.waitFor('stock', await receive(store, 'tea'))
  isGone = true
  const askedMs = performance.now()
  await first.stop()
  ok(performance.now() - askedMs < 6_000)
  await using next = runProjections(store, [projection], options)
  await next.waitFor('stock', await receive(store, 'milk'))
})

it('a store that is slow is waited for by who ends, and everything is given back', async () => {
  let isSlow = false
  const { store, faulty } = withShelf((shelf) => ({
    put: async (...given) => systemClock.sleep(isSlow ? 300 : 0).then(() => shelf.put(...given)),
    delete: async (...given) => systemClock.sleep(isSlow ? 300 : 0).then(() => shelf.delete(...given)),
  }))
  const running = runProjections(faulty, [stockOf({ target: newTarget() })], { log: () => undefined })
  await running.waitFor('stock', await receive(store, 'tea'))
  isSlow = true
  await running.stop()
  const partition = (await listProjections(store))[0]?.generations[0]?.partitions[0]
  deepEqual([partition?.position, partition?.owner], [1, undefined])
})

it('no more is noted as parked than a checkpoint can name', async () => {
  await using store = openStore({ engine: memory() })
  const [target, poison] = [newTarget(), new Set(['bad'])]
  const received = Array.from({ length: 1_100 }, () => ({ type: 'Received', data: { sku: 'bad', quantity: 1 } }))
  await store.append('Stock-bad', received)
  await using running = runProjections(store, [stockOf({ target, poison, onFailure: () => 'park_key' })], {
    leaseMs: 400,
    log: () => undefined,
  })
  await untilState(store, 'failed')
  const parked = (await listProjections(store))[0]?.parked ?? 0
  equal((await allParked(store)).length, parked)
  poison.clear()
  await replayInProjection(store, 'stock', { positions: 'all', expectedCount: parked })
  await resumeProjection(store, 'stock')
  await running.waitFor('stock', 1_100)
  deepEqual([stocked(target), (await allParked(store)).length], [{ bad: 1_100 }, 0])
})

/** As a call to a server that does not answer. */
function untilAborted(signal: unknown): Promise<never> {
  return new Promise((_, reject) => {
    const given = signal as AbortSignal
    given.addEventListener('abort', () => reject(given.reason))
    if (given.aborted) reject(given.reason)
  })
}
