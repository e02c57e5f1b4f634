import { deepEqual, equal, rejects } from 'node:assert/strict'
import { beforeEach, describe, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event, retired } from '../schema/events.ts'
import { createGroup } from './admin.ts'
import { consume } from './consume.ts'
import { groupInfo } from './group-info.ts'
import { joinGroup } from './join-group.ts'
import { parkedEvents } from './replay-parked.ts'
import type { TypedDelivery } from './today.ts'

const orderEvents = defineEvents({
  OrderPlaced: {
    ...event<{ totalCents: number }>(),
    version: 2,
    upcast: { 1: ({ total }: { total: number }) => ({ totalCents: total * 100 }) },
  },
  OrderPaid: event<{ cents: number }>(),
  OrderClosed: event<{ reason: string }>(),
  OrderSettled: retired<{ cents: number }>({
    into: ['OrderPaid', 'OrderClosed'],
    upcast: ({ data: { cents } }) => [
      { type: 'OrderPaid', data: { cents } },
      { type: 'OrderClosed', data: { reason: 'settled' } },
    ],
  }),
  OrderLookedAt: retired({ into: [], upcast: () => [] }),
})

type OrderDelivery = TypedDelivery<typeof orderEvents>

describe('a consumer with definitions', () => {
  let store: EventStore
  beforeEach(async () => {
    store = openStore({ engine: memory() })
    await createGroup(store, 'clerk', { retriesMax: 0 })
  })

  async function taken(count: number, undefinedEvents: 'refuse' | 'skip' = 'refuse'): Promise<OrderDelivery[]> {
    const deliveries: OrderDelivery[] = []
    for await (const delivery of consume(store, 'clerk', { events: orderEvents, undefinedEvents })) {
      deliveries.push(delivery)
      await delivery.ack()
      if (deliveries.length === count) break
    }
    return deliveries
  }

  it('is handed events of the past as what they are today, beside what is stored', async () => {
    await store.append('Order-7', [{ type: 'OrderPlaced', data: { total: 3 } }])
    const [delivery] = await taken(1)
    deepEqual(
      delivery?.events.map(({ type, data, schemaVersion }) => [type, data, schemaVersion]),
      [['OrderPlaced', { totalCents: 300 }, 2]],
    )
    deepEqual(delivery?.event.data, { total: 3 })
  })

  it('is handed all that an event has become at once, and says one word on it', async () => {
    await store.append('Order-7', [{ type: 'OrderSettled', data: { cents: 5 } }])
    const [delivery] = await taken(1)
    deepEqual(
      delivery?.events.map(({ type }) => type),
      ['OrderPaid', 'OrderClosed'],
    )
    equal((await groupInfo(store, 'clerk')).acked, 1)
  })

  it('is not handed what has become nothing', async () => {
    await store.append('Order-7', [
      { type: 'OrderLookedAt', data: {} },
      { type: 'OrderPaid', data: { cents: 5 } },
    ])
    const [delivery] = await taken(1)
    equal(delivery?.event.version, 2)
    const { acked, skipped } = await groupInfo(store, 'clerk')
    deepEqual({ acked, skipped }, { acked: 1, skipped: 1 })
  })

  it('goes on after an event that is not defined, which is parked with the reason', async () => {
    await store.append('Order-7', [
      { type: 'OrderShipped', data: {} },
      { type: 'OrderPlaced', schemaVersion: 9, data: {} },
      { type: 'OrderPaid', data: { cents: 5 } },
    ])
    equal((await taken(1))[0]?.event.version, 3)
    const parked = await parkedEvents(store, 'clerk').toArray()
    deepEqual(
      parked.map(({ position, reason }) => [position, /OrderShipped|OrderPlaced/.test(reason)]),
      [
        [1, true],
        [2, true],
      ],
    )
  })

  it('skips what is not defined where it is told to', async () => {
    await store.append('Order-7', [
      { type: 'OrderShipped', data: {} },
      { type: 'OrderPaid', data: { cents: 5 } },
    ])
    equal((await taken(1, 'skip'))[0]?.event.version, 2)
    equal((await groupInfo(store, 'clerk')).skipped, 1)
  })

  it('takes batches without what is not for it', async () => {
    await store.append('Order-7', [
      { type: 'OrderPaid', data: { cents: 1 } },
      { type: 'OrderLookedAt', data: {} },
      { type: 'OrderPaid', data: { cents: 2 } },
    ])
    await using consumer = joinGroup(store, 'clerk', { events: orderEvents })
    const deliveries = await consumer.take(10)
    deepEqual(
      deliveries.flatMap(({ events }) => events.map(({ data }) => data)),
      [{ cents: 1 }, { cents: 2 }],
    )
  })

  it('is refused what are no definitions', async () => {
    const join = async (options: object): Promise<unknown> => joinGroup(store, 'clerk', options)
    await rejects(join({ events: 'all' }), { code: 'INVALID_ARGUMENT', argument: 'events' })
    const odd = join({ events: orderEvents, undefinedEvents: 'park' })
    await rejects(odd, { code: 'INVALID_ARGUMENT', argument: 'undefinedEvents' })
  })
})
