import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { it } from 'vitest'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import {
  allParked,
  newTarget,
  receive,
  sell,
  starting,
  stocked,
  stockOf,
  until,
  untilState,
} from '../../../test/projections/stock.ts'
import type { RecordedEvent } from '../model/event.ts'
import {
  listProjections,
  parkedInProjection,
  pauseProjection,
  projectionStatus,
  replayInProjection,
  resumeProjection,
  skipEvent,
} from './admin.ts'
import { runProjections } from './run-projections.ts'
import { waitForProjection } from './wait-for.ts'

onEveryEngine((open) => {
  const start = starting()

  it('catch up, follow, and tell how they are doing', async () => {
    const store = await open()
    const target = newTarget()
    await receive(store, 'tea', 'mug', 'tea')
    const running = start(store, stockOf({ target }))
    await running.waitFor('stock', 3)
    deepEqual(stocked(target), { tea: 2, mug: 1 })
    await running.waitFor('stock', await receive(store, 'mug'))
    deepEqual(stocked(target), { tea: 2, mug: 2 })
    await until(async () => (await running.status())[0]?.position === 4)
    const [status] = await running.status()
    deepEqual([status?.name, status?.state, status?.lagEvents, status?.published], ['stock', 'live', 0, 1])
  })

  it('go on where they were, in another instance', async () => {
    const store = await open()
    const target = newTarget()
    const first = start(store, stockOf({ target }))
    await first.waitFor('stock', await receive(store, 'tea'))
    await first.stop()
    const second = start(store, stockOf({ target }))
    await second.waitFor('stock', await receive(store, 'tea'))
    deepEqual(stocked(target), { tea: 2 })
  })

  it('are shared by instances, and taken over from one that stops', async () => {
    const store = await open()
    const target = newTarget()
    const given = { target, partitions: 4 }
    const [a, b] = [start(store, stockOf(given), { instance: 'a' }), start(store, stockOf(given), { instance: 'b' })]
    const owners = async () =>
      (await listProjections(store))[0]?.generations[0]?.partitions.map(({ owner }) => owner).sort() ?? []
    await until(async () => JSON.stringify(await owners()) === JSON.stringify(['a', 'a', 'b', 'b']))
    await a.stop()
    await until(async () => !(await owners()).includes('a'))
    await b.waitFor('stock', await receive(store, 'tea', 'mug', 'cup', 'pot', 'tea'))
    deepEqual(stocked(target), { tea: 2, mug: 1, cup: 1, pot: 1 })
    deepEqual(await owners(), ['b', 'b', 'b', 'b'])
  })

  it('stop loudly at what they cannot handle, store why, and go on once that is mended', async () => {
    const store = await open()
    const target = newTarget()
    const poison = new Set(['bad'])
    await receive(store, 'tea', 'bad', 'mug')
    const running = start(store, stockOf({ target, poison }))
    const begun = running.waitFor('stock', 3)
    begun.catch(() => undefined)
    await untilState(store, 'failed')
    const failure = (await projectionStatus(store, 'stock')).generations[0]?.partitions[0]?.failure
    deepEqual([failure?.code, failure?.reason], ['PROJECTION_FAILED', failure?.reason])
    deepEqual(failure?.event?.position, 2)
    ok(running.lines.some(({ level, text }) => level === 'error' && /no shelf for bad/.test(text)))
    const stopped = { code: 'PROJECTION_STOPPED', position: 3, actual: 0, reason: 'no shelf for bad' }
    await Promise.all([rejects(begun, stopped), rejects(running.waitFor('stock', 3), stopped)])
    await rejects(waitForProjection(store, 'stock', 3), { ...stopped, failureCode: 'PROJECTION_FAILED' })
    poison.clear()
    await resumeProjection(store, 'stock')
    await running.waitFor('stock', 3)
    deepEqual(stocked(target), { tea: 1, bad: 1, mug: 1 })
  })

  it('are given back when the signal of their instance aborts, whatever its reason, and have not failed', async () => {
    const store = await open()
    const target = newTarget()
    const ending = new AbortController()
    const running = start(store, stockOf({ target }), { signal: ending.signal, leaseMs: 60_000 })
    await running.waitFor('stock', await receive(store, 'tea'))
    ending.abort(new Error('The program was asked to end.'))
    await running.done
    const [partition] = (await projectionStatus(store, 'stock')).generations[0]?.partitions ?? []
    deepEqual([partition?.state, partition?.owner, partition?.failure], ['live', undefined, undefined])
    deepEqual(
      running.lines.filter(({ level }) => level !== 'info'),
      [],
    )
  })

  it('pass over an event that somebody says is to be skipped', async () => {
    const store = await open()
    const target = newTarget()
    await receive(store, 'tea', 'bad', 'mug')
    const running = start(store, stockOf({ target, poison: new Set(['bad']) }))
    await untilState(store, 'failed')
    await rejects(skipEvent(store, 'stock', { position: 1 }), { code: 'PROJECTION_BUSY' })
    await skipEvent(store, 'stock', { position: 2 })
    await running.waitFor('stock', 3)
    deepEqual(stocked(target), { tea: 1, mug: 1 })
    await until(
      async () => (await projectionStatus(store, 'stock')).generations[0]?.partitions[0]?.counts.skipped === 1,
    )
  })

  it('set an event aside, go on, and apply it after all when it is replayed', async () => {
    const store = await open()
    const target = newTarget()
    const poison = new Set(['bad'])
    await receive(store, 'tea', 'bad', 'mug', 'bad')
    const running = start(store, stockOf({ target, poison, onFailure: () => 'park_event' }))
    await running.waitFor('stock', 4)
    deepEqual(stocked(target), { tea: 1, mug: 1 })
    await untilState(store, 'parked')
    const parked = await allParked(store)
    deepEqual(
      parked.map(({ position, code, attempts }) => [position, code, attempts]),
      [
        [2, 'RangeError', 1],
        [4, 'RangeError', 1],
      ],
    )
    await rejects(replayInProjection(store, 'stock', { positions: 'all', expectedCount: 1 }), {
      code: 'PARKED_COUNT_DIFFERS',
    })
    equal((await parkedInProjection(store, 'stock', { from: 3 }).next()).value?.position, 4)
    await rejects(parkedInProjection(store, 'stock', { from: -1 }).next(), { argument: 'from' })
    poison.clear()
    equal(await replayInProjection(store, 'stock', { positions: [4], expectedCount: 1 }), 1)
    await until(async () => (await allParked(store)).length === 1)
    equal(target.readModel.get('bad'), 1)
    equal(await replayInProjection(store, 'stock', { positions: 'all', expectedCount: 1 }), 1)
    await untilState(store, 'live')
    deepEqual(stocked(target), { tea: 1, mug: 1, bad: 2 })
    deepEqual(await allParked(store), [])
  })

  it('set a whole key aside, so that no event of it overtakes another', async () => {
    const store = await open()
    const target = newTarget()
    const poison = new Set(['bad'])
    await receive(store, 'tea', 'bad')
    await sell(store, 'bad')
    await receive(store, 'mug')
    const running = start(store, stockOf({ target, poison, onFailure: () => 'park_key' }))
    await running.waitFor('stock', 4)
    await running.waitFor('stock', await sell(store, 'bad'))
    await running.stop()
    const again = start(store, stockOf({ target, poison, onFailure: () => 'park_key' }))
    await again.waitFor('stock', await sell(store, 'bad', 5))
    deepEqual(stocked(target), { tea: 1, mug: 1 })
    const parked = await allParked(store)
    deepEqual(
      parked.map(({ position, key }) => [position, key]),
      [2, 3, 5, 6].map((at) => [at, 'Stock-bad']),
    )
    poison.clear()
    await replayInProjection(store, 'stock', { positions: [6], expectedCount: 1 })
    await untilState(store, 'live')
    deepEqual(stocked(target), { tea: 1, mug: 1, bad: -6 })
  })

  it('pause for everybody, and resume', async () => {
    const store = await open()
    const target = newTarget()
    const running = start(store, stockOf({ target }))
    await running.waitFor('stock', await receive(store, 'tea'))
    await pauseProjection(store, 'stock')
    await until(async () => (await projectionStatus(store, 'stock')).generations[0]?.partitions[0]?.owner === undefined)
    const position = await receive(store, 'mug')
    deepEqual((await projectionStatus(store, 'stock')).state, 'paused')
    deepEqual(stocked(target), { tea: 1 })
    await resumeProjection(store, 'stock')
    await running.waitFor('stock', position)
    deepEqual(stocked(target), { tea: 1, mug: 1 })
  })

  it('tell of what was saved, but not of what lay in the log before', async () => {
    const store = await open()
    const told: number[] = []
    const saved = (batch: readonly RecordedEvent[]) => told.push(...batch.map(({ position }) => position))
    await receive(store, 'tea', 'mug')
    const running = start(store, stockOf({ target: newTarget(), saved }))
    await untilState(store, 'live')
    await until(async () => (await projectionStatus(store, 'stock')).published === 1)
    await running.waitFor('stock', await receive(store, 'tea'))
    await until(() => told.length > 0)
    deepEqual(told, [3])
  })

  it.each([
    [{ leaseMs: 3 }, 'leaseMs'],
    [{ swap: 'now' as never }, 'swap'],
    [{ instance: 'a/b' }, 'instance'],
    [{ rebuildEventsPerSecond: 0 }, 'rebuildEventsPerSecond'],
  ])('are refused with %j', async (options, argument) => {
    const store = await open()
    const projection = stockOf({ target: newTarget() })
    throws(() => runProjections(store, [projection], options), { code: 'INVALID_ARGUMENT', argument })
  })
})
