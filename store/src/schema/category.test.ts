import { deepEqual, equal, rejects } from 'node:assert/strict'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { NewEventOf } from '../model/event-definition.ts'
import type { StandardSchema } from '../model/standard-schema.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from './events.ts'

const orderEvents = defineEvents({
  OrderPlaced: z.object({ customerId: z.string(), items: z.array(z.object({ sku: z.string(), cents: z.int() })) }),
  OrderPaid: { schema: v.object({ cents: v.number(), currency: v.optional(v.string(), 'EUR') }), version: 2 },
  OrderShipped: type({ carrier: 'string', weightKg: 'number > 0' }),
  OrderCancelled: event<{ reason: string }>(),
})

const placed: NewEventOf<typeof orderEvents> = {
  type: 'OrderPlaced',
  data: { customerId: 'c1', items: [{ sku: 'tea', cents: 400 }] },
}
const paid = { type: 'OrderPaid', data: { cents: 400 } } as const
const cancelled = { type: 'OrderCancelled', data: { reason: 'late' } } as const

function opened(): EventStore {
  return openStore({ engine: memory() })
}

async function typesOf(events: AsyncIterable<{ readonly type: string }>): Promise<string[]> {
  const types: string[] = []
  for await (const { type } of events) types.push(type)
  return types
}

describe('a typed stream', () => {
  it('appends to the stream of its category and reads back what it appended', async () => {
    const store = opened()
    const order = store.category('Order', orderEvents).stream('7')

    const { streamId, version } = await order.append([placed, cancelled], { expectedVersion: 'no_stream' })

    deepEqual([streamId, version], ['Order-7', 2])
    deepEqual(await typesOf(order.read()), ['OrderPlaced', 'OrderCancelled'])
    deepEqual((await order.read().first())?.data, placed.data)
    equal((await order.read().last())?.type, 'OrderCancelled')
    equal((await order.read({ direction: 'backward', limit: 1 }).toArray())[0]?.type, 'OrderCancelled')
  })

  it('stores the schema version of the definition with each event', async () => {
    const store = opened()
    await store.category('Order', orderEvents).stream('7').append([placed, paid])
    const versions = (await store.readStream('Order-7').toArray()).map((stored) => stored.schemaVersion)
    deepEqual(versions, [1, 2])
  })

  it('stores what the schema makes of a payload: defaults filled in, unknown keys as the schema has it', async () => {
    const store = opened()
    await store.category('Order', orderEvents).stream('7').append([paid])
    deepEqual((await store.readStream('Order-7').first())?.data, { cents: 400, currency: 'EUR' })
  })

  it('keeps id, tags and metadata of an event', async () => {
    const store = opened()
    const id = '0198c6e2-0000-7000-8000-000000000001'
    const order = store.category('Order', orderEvents).stream('7')
    await order.append([{ ...placed, id, tags: ['customer:c1'], metadata: { userId: 'u1' } }])
    const [stored] = await store.readStream('Order-7').toArray()
    deepEqual([stored?.id, stored?.tags, stored?.metadata.userId], [id, ['customer:c1'], 'u1'])
  })

  it.each([
    ['zod', { type: 'OrderPlaced', data: { customerId: 'c1', items: [{ sku: 'tea', cents: 0.5 }] } }, 'items[0].cents'],
    ['valibot', { type: 'OrderPaid', data: { cents: '400' } }, 'cents'],
    ['arktype', { type: 'OrderShipped', data: { carrier: 'dhl', weightKg: -1 } }, 'weightKg'],
  ])('refuses a payload that does not fit, by the path that %s gives, and writes nothing', async (_, wrong, path) => {
    const store = opened()
    const order = store.category('Order', orderEvents).stream('7')
    const refused = order.append([placed, wrong as unknown as typeof placed])
    await rejects(refused, { code: 'PAYLOAD_INVALID', eventType: wrong.type, at: 'events[1]' })
    await refused.catch((error) => expect(error.issues[0].path).toBe(path))
    equal(await store.head(), 0)
  })

  it('waits for a validator that takes its time, and refuses what it refuses', async () => {
    const stock: StandardSchema<{ sku: string }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) =>
          (value as { sku: string }).sku === 'tea'
            ? { value: value as { sku: string } }
            : { issues: [{ message: 'out of stock', path: [{ key: 'sku' }] }] },
      },
    }
    const cart = opened()
      .category('Cart', defineEvents({ ItemAdded: stock }))
      .stream('1')
    await cart.append([{ type: 'ItemAdded', data: { sku: 'tea' } }])
    const refused = cart.append([{ type: 'ItemAdded', data: { sku: 'gold' } }])
    await rejects(refused, { issues: [{ path: 'sku', message: 'out of stock' }] })
  })

  it('refuses one event at once while a validator still looks at another, and hears what that one says', async () => {
    const slow = z.object({}).refine(async () => false)
    const notes = opened()
      .category('Note', defineEvents({ Noted: slow }))
      .stream('1')
    const appending = notes.append([{ type: 'Noted', data: {} }, { type: 'Unknown' } as never])
    await rejects(appending, { code: 'INVALID_ARGUMENT', argument: 'events[1].type' })
    // Unheard, it would fail the run, as it would end a process.
    await new Promise(setImmediate)
  })

  it('queues appends in the order they were called, however many events they hold', async () => {
    const order = opened().category('Order', orderEvents).stream('7')
    const appends = [order.append([cancelled, cancelled, cancelled]), order.append([placed])]
    deepEqual(
      (await Promise.all(appends)).map(({ version }) => version),
      [3, 4],
    )
  })

  it('refuses an event type that is not defined before anything is sent', async () => {
    const store = opened()
    const foreign = { type: 'toString', data: {} } as unknown as typeof placed
    const refused = store.category('Order', orderEvents).stream('7').append([placed, foreign])
    await rejects(refused, { code: 'INVALID_ARGUMENT', argument: 'events[1].type' })
    equal(await store.head(), 0)
  })

  it.each([
    ['no list', 'events', { type: 'OrderPlaced' }],
    ['nothing for an event', 'events[0]', [null]],
  ])('refuses %s before anything is sent', async (_, argument, events) => {
    const order = opened().category('Order', orderEvents).stream('7')
    await rejects(order.append(events as never), { code: 'INVALID_ARGUMENT', argument })
  })

  it('is checked by the version like any append', async () => {
    const order = opened().category('Order', orderEvents).stream('7')
    await order.append([placed])
    await rejects(order.append([paid], { expectedVersion: 'no_stream' }), { code: 'VERSION_CONFLICT', actual: 1 })
  })

  it('follows the stream, with marks when they are asked for', async () => {
    const order = opened().category('Order', orderEvents).stream('7')
    await order.append([placed])
    for await (const recorded of order.subscribe()) {
      equal(recorded.type, 'OrderPlaced')
      break
    }
    const kinds: string[] = []
    for await (const item of order.subscribe({ marks: true })) {
      kinds.push(item.kind)
      if (item.kind === 'caught_up') break
    }
    deepEqual(kinds, ['event', 'caught_up'])
  })
})

describe('reading a category', () => {
  async function twoOrders(): Promise<EventStore> {
    const store = opened()
    const orders = store.category('Order', orderEvents)
    await orders.stream('1').append([placed])
    await store.append('Customer-c1', [{ type: 'CustomerJoined', data: {} }])
    await orders.stream('2').append([{ ...placed, tags: ['vip'] }, cancelled])
    return store
  }

  it('takes all its streams in order of position, and no others', async () => {
    const events = await (await twoOrders()).category('Order', orderEvents).readAll().toArray()
    deepEqual(
      events.map(({ position }) => position),
      [1, 3, 4],
    )
  })

  it('is narrowed by types and tags, from a position, backward', async () => {
    const orders = (await twoOrders()).category('Order', orderEvents)
    deepEqual(await typesOf(orders.readAll({ types: ['OrderCancelled'] })), ['OrderCancelled'])
    deepEqual((await orders.readAll({ tags: ['vip'] }).first())?.position, 3)
    deepEqual(await typesOf(orders.readAll({ direction: 'backward', limit: 1 })), ['OrderCancelled'])
    deepEqual((await orders.readAll({ from: 4 }).toArray()).length, 1)
  })

  it('follows it live', async () => {
    const store = await twoOrders()
    const positions: number[] = []
    for await (const { position } of store.category('Order', orderEvents).subscribe({ types: ['OrderPlaced'] })) {
      positions.push(position)
      if (position === 3) await store.category('Order', orderEvents).stream('9').append([placed])
      if (position === 5) break
    }
    deepEqual(positions, [1, 3, 5])
  })

  it('refuses a type to narrow by that is not defined', () => {
    const orders = opened().category('Order', orderEvents)
    expect(() => orders.readAll({ types: ['OrderLost' as 'OrderPaid'] })).toThrow('OrderLost')
  })
})

describe('an event that is not defined', () => {
  async function withForeign(): Promise<EventStore> {
    const store = opened()
    await store.append('Order-7', [
      placed,
      { type: 'OrderLost', data: {} },
      cancelled,
      { type: 'OrderFound', data: {} },
    ])
    return store
  }

  it('is refused by default, wherever it is met', async () => {
    const orders = (await withForeign()).category('Order', orderEvents)
    const code = { code: 'EVENT_NOT_DEFINED', eventType: 'OrderLost', position: 2 }
    await rejects(orders.stream('7').read().toArray(), code)
    await rejects(orders.readAll().toArray(), code)
    await rejects(typesOf(orders.subscribe()), code)
    await rejects(typesOf(orders.stream('7').subscribe()), code)
    await rejects(orders.stream('7').read().last(), { code: 'EVENT_NOT_DEFINED', eventType: 'OrderFound' })
  })

  it('is passed over by a reader that says so', async () => {
    const orders = (await withForeign()).category('Order', orderEvents, { undefinedEvents: 'skip' })
    deepEqual(await typesOf(orders.stream('7').read()), ['OrderPlaced', 'OrderCancelled'])
    deepEqual(await typesOf(orders.readAll()), ['OrderPlaced', 'OrderCancelled'])
    equal((await orders.stream('7').read().last())?.type, 'OrderCancelled')
    equal((await orders.stream('7').read({ from: 2 }).first())?.type, 'OrderCancelled')
    equal(await orders.stream('7').read({ from: 4 }).last(), undefined)
  })

  it('is refused in another schema version, also by a reader that skips', async () => {
    const store = opened()
    await store.append('Order-7', [{ type: 'OrderPaid', data: { amount: 4 } }])
    const orders = store.category('Order', orderEvents, { undefinedEvents: 'skip' })
    const code = { code: 'EVENT_NOT_DEFINED', schemaVersion: 1, definedVersion: 2 }
    await rejects(orders.stream('7').read().toArray(), code)
  })
})

describe('validation on read', () => {
  it('refuses a stored payload that does not fit, and says where it lies', async () => {
    const store = opened()
    await store.append('Order-7', [placed, { type: 'OrderPlaced', data: { customerId: 7 } }])
    const trusting = store.category('Order', orderEvents)
    const strict = store.category('Order', orderEvents, { validateOnRead: true })
    equal((await trusting.stream('7').read().toArray()).length, 2)
    await rejects(strict.stream('7').read().toArray(), (error: Error) => {
      expect(error).toMatchObject({ code: 'PAYLOAD_INVALID' })
      return /position 2/.test(error.message)
    })
  })

  it('lets pass what has no schema', async () => {
    const store = opened()
    await store.append('Order-7', [{ type: 'OrderCancelled', data: 'whatever' }])
    const strict = store.category('Order', orderEvents, { validateOnRead: true })
    equal((await strict.stream('7').read().toArray()).length, 1)
  })
})

describe('defining events', () => {
  it.each([
    ['nothing at all', {}],
    ['a word', { OrderPlaced: 'object' }],
    ['nothing for a type', { OrderPlaced: undefined }],
    ['a misspelt key', { OrderPlaced: { scheme: z.string() } }],
    ['a version that is none', { OrderPlaced: { schema: z.string(), version: 0 } }],
    ['a type without a name', { '': z.string() }],
  ])('refuses %s', (_, given) => {
    expect(() => defineEvents(given as never)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })

  it('can be spread into one definition, versions and all', () => {
    const all = defineEvents({ ...orderEvents, OrderLost: event<{ where: string }>({ version: 3 }) })
    deepEqual([all.OrderPaid.version, all.OrderLost.version, Object.keys(all).length], [2, 3, 5])
  })

  it('refuses a stream without an id, and a word for what to do with undefined events', () => {
    expect(() => opened().category('Order', orderEvents).stream('')).toThrow('id')
    const options = { undefinedEvents: 'deliver' } as never
    expect(() => opened().category('Order', orderEvents, options)).toThrow('undefinedEvents')
    expect(() => opened().category('Order', undefined as never)).toThrow('defineEvents')
  })

  it.each([['Order-EU'], [''], [7]])('refuses %j as the name of a category', (name) => {
    expect(() => opened().category(name as string, orderEvents)).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'category' }),
    )
  })
})
