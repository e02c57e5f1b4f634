import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import {
  allParked,
  newTarget,
  type Stock,
  starting,
  stocked,
  until,
  untilState,
} from '../../../test/projections/stock.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { Target } from '../model/target.ts'
import { TargetUnavailable } from '../model/target-errors.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event, retired } from '../schema/events.ts'
import { projectionStatus, replayInProjection } from './admin.ts'
import type { FailurePolicy } from './failure-policy.ts'
import { project } from './project.ts'
import { defineProjection, type Projection } from './projection.ts'
import { verifyProjection } from './verify.ts'

const events = defineEvents({ Received: event<{ sku: string }>(), Sold: event<{ sku: string }>() })
const skus = Array.from({ length: 40 }, (_, nth) => `sku-${nth}`)

interface Given {
  readonly target: Target<Stock>
  /** May throw at the events of a batch. */
  readonly refuse?: (batch: readonly RecordedEvent[]) => void
  readonly onFailure?: FailurePolicy
}

/** Counts the stock, a batch at a time, and remembers the batches that were tried. */
function counting({ target, refuse = () => undefined, onFailure = () => 'stop' }: Given) {
  const tried: number[][] = []
  const projection: Projection<Stock> = defineProjection({
    ...{ name: 'stock', events, target, onFailure },
    onBatch: async (stock, batch) => {
      tried.push(batch.map(({ position }) => position))
      for (const { type, data } of batch) stock.set(data.sku, (stock.get(data.sku) ?? 0) + (type === 'Sold' ? -1 : 1))
      // Half done already: nothing of it may be kept.
      refuse(batch)
    },
  })
  return { projection, tried }
}

function refusing(position: number): (batch: readonly RecordedEvent[]) => void {
  return (batch) => {
    if (batch.some((one) => one.position === position)) throw new RangeError(`no shelf for ${position}`)
  }
}

async function filled(): Promise<EventStore> {
  const store = openStore({ engine: memory() })
  for (const sku of skus) await store.append(`Stock-${sku}`, [{ type: 'Received', data: { sku } }])
  return store
}

const all = Object.fromEntries(skus.map((sku) => [sku, 1]))
const without = (...gone: readonly string[]) =>
  Object.fromEntries(Object.entries(all).filter(([sku]) => !gone.includes(sku)))

describe('a handler of whole batches', () => {
  const start = starting()

  it('gets what was read together, in order, and later what follows', async () => {
    const [store, target] = [await filled(), newTarget()]
    const { projection, tried } = counting({ target })
    const running = start(store, projection)
    await running.waitFor('stock', 40)
    await running.waitFor('stock', (await store.append('Stock-1', [{ type: 'Sold', data: { sku: 'sku-1' } }])).position)
    deepEqual(
      tried.flat(),
      [...Array(41).keys()].map((nth) => nth + 1),
    )
    ok(tried.length < 6)
    deepEqual(stocked(target), { ...all, 'sku-1': 0 })
  })

  it('stops at the event that it cannot handle, with everything before it in the read model', async () => {
    const [store, target] = [await filled(), newTarget()]
    const { projection, tried } = counting({ target, refuse: refusing(23) })
    start(store, projection)
    await untilState(store, 'failed')
    const [partition] = (await projectionStatus(store, 'stock')).generations[0]?.partitions ?? []
    deepEqual([partition?.failure?.event?.position, partition?.failure?.reason], [23, 'no shelf for 23'])
    equal(partition?.position, 22)
    // Halves of halves: not one event after the other.
    ok(tried.length < 16)
  })

  it('sets aside the one event that it cannot handle, and takes it when it is replayed', async () => {
    const [store, target, broken] = [await filled(), newTarget(), new Set([7, 31])]
    const refuse = (batch: readonly RecordedEvent[]) => {
      for (const { position } of batch) if (broken.has(position)) refusing(position)(batch)
    }
    const { projection } = counting({ target, refuse, onFailure: () => 'park_event' })
    const running = start(store, projection)
    await running.waitFor('stock', 40)
    deepEqual(stocked(target), without('sku-6', 'sku-30'))
    deepEqual(
      (await allParked(store)).map(({ position, code }) => [position, code]),
      [
        [7, 'RangeError'],
        [31, 'RangeError'],
      ],
    )
    equal((await verifyProjection(store, projection)).differences, 0)
    broken.clear()
    await replayInProjection(store, 'stock', { positions: 'all', expectedCount: 2 })
    await until(async () => (await allParked(store)).length === 0)
    deepEqual(stocked(target), all)
  })

  it('sets aside what comes after such an event and has its key', async () => {
    const [store, target] = [await filled(), newTarget()]
    await store.append('Stock-sku-6', [{ type: 'Sold', data: { sku: 'sku-6' } }])
    const { projection } = counting({ target, refuse: refusing(7), onFailure: () => 'park_key' })
    const running = start(store, projection)
    await running.waitFor('stock', 41)
    deepEqual(stocked(target), without('sku-6'))
    deepEqual(
      (await allParked(store)).map(({ position, code }) => [position, code]),
      [
        [7, 'RangeError'],
        [41, 'EARLIER_ONE_PARKED'],
      ],
    )
  })

  it('goes on in smaller batches where it refuses them for nothing but their size', async () => {
    const [store, target] = [await filled(), newTarget()]
    const refuse = ({ length }: readonly RecordedEvent[]) => {
      if (length > 5) throw new RangeError('too many parameters')
    }
    const { projection } = counting({ target, refuse })
    const running = start(store, projection)
    await running.waitFor('stock', 40)
    deepEqual(stocked(target), all)
    deepEqual(await allParked(store), [])
  })

  it('is tried again with the same batch when its database was away', async () => {
    const [store, target] = [await filled(), newTarget()]
    let away = 3
    const refuse = () => {
      if (away-- > 0) throw new TargetUnavailable('memory', 'it restarts')
    }
    const { projection, tried } = counting({
      target,
      refuse,
      onFailure: ({ event }) => (event ? 'stop' : { retryAfterMs: 1 }),
    })
    const running = start(store, projection)
    await running.waitFor('stock', 40)
    deepEqual(stocked(target), all)
    deepEqual(tried.slice(0, 4), Array(4).fill(tried[0]))
  })
})

describe('a handler of whole batches, run by `project`', () => {
  it('ends it at the event that it cannot handle, with everything before it in the read model', async () => {
    const [store, target] = [await filled(), newTarget()]
    const { projection } = counting({ target, refuse: refusing(23) })
    await rejects(project(store, projection).done, {
      code: 'PROJECTION_FAILED',
      position: 23,
      message: /no shelf for 23/,
    })
    deepEqual(Object.keys(stocked(target)), skus.slice(0, 22))
    equal((await target.checkpoint('stock'))?.position, 22)
  })

  it('ends it without blaming an event when its database is away', async () => {
    const [store, target] = [await filled(), newTarget()]
    const refuse = () => {
      throw new TargetUnavailable('memory', 'it restarts')
    }
    const { projection, tried } = counting({ target, refuse })
    await rejects(project(store, projection).done, { code: 'TARGET_UNAVAILABLE' })
    deepEqual([tried.length, stocked(target)], [1, {}])
  })
})

it('gets what retired events have become, and is not called for those that became nothing', async () => {
  const target = newTarget()
  const renamed = defineEvents({
    Received: event<{ sku: string }>(),
    Delivered: retired<{ sku: string }>({
      into: ['Received'],
      upcast: ({ data }) => (data.sku === 'none' ? [] : [{ type: 'Received', data }]),
    }),
  })
  const batches: string[][] = []
  const projection = defineProjection({
    ...{ name: 'stock', events: renamed, target },
    onBatch: (_stock, batch) => batches.push(batch.map(({ type, data }) => `${type} ${data.sku}`)),
  })
  const store = openStore({ engine: memory() })
  const append = (sku: string) => store.append('Stock-1', [{ type: 'Delivered', data: { sku } }])
  await append('tea')
  await append('none')
  const running = project(store, projection)
  await running.waitFor(2)
  await running.waitFor((await append('none')).position)
  await running.stop()
  deepEqual(batches, [['Received tea']])
})
