import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { z } from 'zod'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { defineDecider } from '../deciders/decider.ts'
import { execute } from '../deciders/execute.ts'
import { executeOver } from '../deciders/execute-over.ts'
import { defineView } from '../deciders/view.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { project } from '../projections/project.ts'
import { defineProjection } from '../projections/projection.ts'
import { memoryTarget } from '../projections/targets/memory.ts'
import { defineEvents, event, retired } from './events.ts'
import { proveUpcasters } from './prove-upcasters.ts'

/** Ten years of orders: a field renamed, then one added; a type renamed; one split; one dropped. */
const orderEvents = defineEvents({
  OrderPlaced: {
    schema: z.object({ totalCents: z.int(), currency: z.string() }),
    version: 3,
    upcast: {
      1: ({ total }) => ({ totalCents: total }),
      2: ({ totalCents }) => ({ totalCents, currency: 'EUR' }),
    },
  },
  OrderPaid: event<{ cents: number }>(),
  OrderClosed: event<{ reason: string }>(),
  OrderCreated: retired<{ euros: number }>({
    into: ['OrderPlaced'],
    upcast: ({ data }) => [{ type: 'OrderPlaced', schemaVersion: 2, data: { totalCents: data.euros * 100 } }],
  }),
  OrderSettled: retired<{ cents: number }>({
    into: ['OrderPaid', 'OrderClosed'],
    upcast: ({ data }) => [
      { type: 'OrderPaid', data: { cents: data.cents } },
      { type: 'OrderClosed', data: { reason: 'settled' } },
    ],
  }),
  OrderLookedAt: retired({ into: [], upcast: () => [] }),
})

const history = [
  { type: 'OrderPlaced', data: { total: 100 }, tags: ['order:7'] },
  { type: 'OrderCreated', data: { euros: 2 }, tags: ['order:7'] },
  { type: 'OrderLookedAt', data: {}, tags: ['order:7'] },
  { type: 'OrderPlaced', schemaVersion: 2, data: { totalCents: 300 }, tags: ['order:7'] },
  { type: 'OrderSettled', data: { cents: 600 }, tags: ['order:7'] },
]

const today = [
  ['OrderPlaced', 3, { totalCents: 100, currency: 'EUR' }, 1],
  ['OrderPlaced', 3, { totalCents: 200, currency: 'EUR' }, 2],
  ['OrderPlaced', 3, { totalCents: 300, currency: 'EUR' }, 4],
  ['OrderPaid', 1, { cents: 600 }, 5],
  ['OrderClosed', 1, { reason: 'settled' }, 5],
]

onEveryEngine((open) => {
  async function storeOfThePast(): Promise<EventStore> {
    const store = await open()
    await store.append('Order-7', history)
    return store
  }

  describe('events of the past', () => {
    it('are read as the events of today, in their places, wherever they are read', async () => {
      const store = await storeOfThePast()
      const orders = store.category('Order', orderEvents)
      const shown = (events: Awaited<ReturnType<ReturnType<typeof orders.readAll>['toArray']>>): unknown =>
        events.map(({ type, schemaVersion, data, version }) => [type, schemaVersion, data, version])
      deepEqual(shown(await orders.readAll().toArray()), today)
      deepEqual(shown(await orders.stream('7').read().toArray()), today)
      equal((await orders.stream('7').read().last())?.type, 'OrderClosed')
      const followed = []
      for await (const one of orders.subscribe()) if (followed.push(one) === today.length) break
      deepEqual(shown(followed), today)
    })

    it('are found by the name they have today', async () => {
      const store = await storeOfThePast()
      const orders = store.category('Order', orderEvents)
      const closed = await orders.readAll({ types: ['OrderClosed'] }).toArray()
      deepEqual(
        closed.map(({ type, position }) => [type, position]),
        [['OrderClosed', 5]],
      )
      equal((await orders.readAll({ types: ['OrderPlaced'] }).toArray()).length, 3)
    })

    it('keep the bytes, the id and the metadata they were stored with', async () => {
      const store = await storeOfThePast()
      const [stored] = await store.readAll().toArray()
      const [read] = await store.category('Order', orderEvents).readAll().toArray()
      deepEqual([read?.id, read?.rawData, read?.metadata], [stored?.id, '{"total":100}', stored?.metadata])
    })

    it('fold in deciders and in decisions over several views', async () => {
      const store = await storeOfThePast()
      const total = (state: number, one: { readonly type: string; readonly data: object }): number =>
        'totalCents' in one.data ? state + (one.data.totalCents as number) : state
      const order = defineDecider({
        events: orderEvents,
        initialState: () => 0,
        decide: (_: 'close', state) => ({ type: 'OrderClosed', data: { reason: String(state) } }),
        evolve: total,
      })
      const { events } = await execute(store, { decider: order, streamId: 'Order-7', command: 'close' })
      deepEqual(events[0]?.data, { reason: '600' })
      const view = defineView({ events: orderEvents, tags: ['order:7'], initialState: () => 0, evolve: total })
      const task = { model: { view }, events: orderEvents, streamId: 'Order-8' }
      const seen: number[] = []
      await executeOver(store, {
        ...task,
        decide: (state) => {
          seen.push(state.view)
          return []
        },
      })
      deepEqual(seen, [600])
    })

    it('guard a decision also under the name they were stored with', async () => {
      const store = await open()
      const view = defineView({ events: orderEvents, tags: ['order:7'], initialState: () => 0, evolve: (n) => n + 1 })
      let late = true
      const done = await executeOver(store, {
        model: { view },
        events: orderEvents,
        streamId: 'Order-7',
        decide: (state) => {
          // An old release still appends what it calls OrderCreated, just before this decision is appended.
          if (late) void store.append('Order-7', [{ type: 'OrderCreated', data: { euros: 1 }, tags: ['order:7'] }])
          late = false
          return { type: 'OrderPaid', data: { cents: state.view }, tags: ['order:7'] }
        },
      })
      deepEqual([done.attempts, done.events[0]?.data], [2, { cents: 1 }])
    })

    it('reach projections, one after the other', async () => {
      const store = await storeOfThePast()
      const target = memoryTarget((): string[] => [])
      const projection = defineProjection({
        name: 'lines',
        events: orderEvents,
        target,
        on: {
          OrderPlaced: (lines, { data }) => lines.push(`placed ${data.totalCents} ${data.currency}`),
          OrderPaid: async (lines, { data }) => lines.push(`paid ${data.cents}`),
          OrderClosed: (lines, { data }) => lines.push(`closed ${data.reason}`),
        },
      })
      await using running = project(store, projection)
      await running.waitFor(history.length)
      deepEqual(target.readModel, ['placed 100 EUR', 'placed 200 EUR', 'placed 300 EUR', 'paid 600', 'closed settled'])
    })
  })
})

describe('an upcaster', () => {
  const read = async (events: Parameters<EventStore['category']>[1], stored: object): Promise<unknown> => {
    await using store = openStore({ engine: memory() })
    await store.append('Order-7', [{ type: 'Old', data: {}, ...stored }])
    return await store.category('Order', events).readAll().toArray()
  }

  it('that throws, waits, gives nothing or leads in a circle stops the read and says where', async () => {
    const failing = {
      throws: () => {
        throw new Error('no total')
      },
      waits: async () => ({}),
      'waits in vain': () => Promise.reject(new Error('unheard')),
      'gives nothing': () => undefined,
    }
    for (const [, step] of Object.entries(failing)) {
      const events = defineEvents({ Old: event({ version: 2, upcast: { 1: step } }) })
      await rejects(read(events, {}), { code: 'UPCAST_FAILED', position: 1, eventType: 'Old', schemaVersion: 1 })
    }
    const circle = defineEvents({
      Old: retired({ into: ['Other'], upcast: () => [{ type: 'Other', data: {} }] }),
      Other: retired({ into: ['Old'], upcast: () => [{ type: 'Old', data: {} }] }),
      New: event(),
    })
    await rejects(read(circle, {}), { code: 'UPCAST_FAILED' })
  })

  it('is missing for a version that is newer, or older than its first step', async () => {
    const events = defineEvents({ Old: event({ version: 3, upcast: { 2: (data) => data } }) })
    for (const schemaVersion of [1, 4]) {
      await rejects(read(events, { schemaVersion }), { code: 'EVENT_NOT_DEFINED', schemaVersion })
    }
  })

  it('leads to a type that is not defined: refused, or passed over by choice', async () => {
    const events = defineEvents({
      Old: retired({ into: [], upcast: () => [{ type: 'Gone', data: {} }] }),
      New: event(),
    })
    await rejects(read(events, {}), { code: 'EVENT_NOT_DEFINED', eventType: 'Gone' })
    await using store = openStore({ engine: memory() })
    await store.append('Order-7', [{ type: 'Old', data: {} }])
    deepEqual(await store.category('Order', events, { undefinedEvents: 'skip' }).stream('7').read().toArray(), [])
  })

  it('is refused where the definition is made when a step is missing or leads nowhere', () => {
    const upcasts = [{ 1: (data: unknown) => data }, { 3: (data: unknown) => data }, { 2: 'x' }, { 0: () => 1 }]
    for (const upcast of upcasts) {
      throws(() => defineEvents({ Old: { schema: z.object({}), version: 3, upcast: upcast as never } }), {
        code: 'INVALID_ARGUMENT',
      })
    }
    throws(() => defineEvents({ Old: retired({} as never) }), { code: 'INVALID_ARGUMENT' })
  })

  it('cannot be appended through: a retired type takes no events', async () => {
    await using store = openStore({ engine: memory() })
    const stream = store.category('Order', orderEvents).stream('7')
    await rejects(stream.append([{ type: 'OrderCreated', data: {} } as never]), { code: 'INVALID_ARGUMENT' })
  })
})

describe('proveUpcasters', () => {
  const samples = {
    OrderPlaced: {
      1: fc.sample(fc.record({ total: fc.integer() })),
      2: fc.sample(fc.record({ totalCents: fc.integer() })),
    },
    OrderCreated: { 1: [{ euros: 2 }] },
    OrderSettled: { 1: [{ cents: 2 }] },
    OrderLookedAt: { 1: [{}] },
  }

  it('passes when every payload of the past fits the events of today', async () => {
    await proveUpcasters(orderEvents, samples)
  })

  it('fails when a version has no sample', async () => {
    const { OrderSettled: _, ...fewer } = samples
    await rejects(proveUpcasters(orderEvents, fewer), { code: 'INVALID_ARGUMENT', argument: 'samples.OrderSettled[1]' })
  })

  it('fails at a payload that does not fit, at a step that changes what it is given, and at one that is left to chance', async () => {
    await rejects(proveUpcasters(orderEvents, { ...samples, OrderCreated: { 1: [{ euros: 0.001 }] } }), {
      code: 'PAYLOAD_INVALID',
    })
    let turn = 0
    const wrong = {
      changes: (data: { n?: number }) => Object.assign(data, { n: 1 }),
      chance: () => ({ n: turn++ }),
    }
    for (const step of Object.values(wrong)) {
      const events = defineEvents({ Old: event({ version: 2, upcast: { 1: step } }) })
      await rejects(proveUpcasters(events, { Old: { 1: [{}] } }), { code: 'UPCAST_FAILED' })
    }
  })
})
