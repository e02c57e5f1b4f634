import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { z } from 'zod'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { memory } from '../engines/memory/index.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { aggregate } from './aggregate.ts'
import { repository } from './repository.ts'

const events = defineEvents({
  OrderPlaced: z.object({ cents: z.int().positive(), note: z.string().trim() }),
  OrderPaid: event<{ at: Date }>(),
})

class Order extends aggregate({
  category: 'Order',
  events,
  initialState: () => ({ cents: 0, note: '', paidAt: '' }),
  evolve: (state, one) => (one.type === 'OrderPlaced' ? { ...state, ...one.data } : { ...state, paidAt: one.data.at }),
  snapshot: { name: 'order', everyEvents: 2 },
}) {
  place(cents: number, note: string): void {
    this.record({ type: 'OrderPlaced', data: { cents, note } })
  }

  pay(at: Date): void {
    if (this.state.cents === 0) throw new Error('there is nothing to pay')
    if (this.state.paidAt !== '') throw new Error(`paid at ${this.state.paidAt}`)
    this.record({ type: 'OrderPaid', data: { at } })
  }
}

const noon = new Date('2026-01-15T12:00:00.000Z')

onEveryEngine((open) => {
  describe('an aggregate', () => {
    it('is loaded, decides, and is saved at the version it was loaded at', async () => {
      const orders = repository(await open(), Order)
      const order = await orders.load('7')
      order.place(1200, ' gift ')
      order.pay(noon)
      deepEqual([order.version, order.pending.length, await orders.save(order)], [0, 2, 2])
      const again = await orders.load('7')
      deepEqual([again.id, again.version, again.pending], ['7', 2, []])
      deepEqual(again.state, { cents: 1200, note: 'gift', paidAt: noon.toISOString() })
      deepEqual(again.state, order.state)
    })

    it('that moved since is told, and nothing is stored', async () => {
      const orders = repository(await open(), Order)
      const [first, second] = [await orders.load('7'), await orders.load('7')]
      for (const order of [first, second]) order.place(1, '')
      await orders.save(first)
      await rejects(orders.save(second), { code: 'VERSION_CONFLICT', actual: 1 })
      deepEqual([(await orders.load('7')).version, second.pending.length], [1, 1])
    })

    it('executes methods as a decider does: in turn, again after conflicts, once for each command id', async () => {
      const orders = repository(await open(), Order)
      await orders.execute('7', (order) => order.place(1, ''))
      const paying = () => orders.execute('7', (order) => order.pay(noon), { commandId: 'pay-7' })
      const paid = await Promise.all([paying(), paying(), paying()])
      deepEqual(paid.map(({ version, idempotent }) => [version, idempotent]).sort(), [
        [2, false],
        [2, true],
        [2, true],
      ])
      await rejects(
        orders.execute('7', (order) => order.pay(noon)),
        /paid at 2026/,
      )
    })
  })
})

describe('an aggregate in memory', () => {
  it('shows at once the state that will be read, and refuses what could not be stored', () => {
    const order = new Order()
    order.place(5, ' a ')
    order.pay(noon)
    deepEqual(order.state, { cents: 5, note: 'a', paidAt: noon.toISOString() })
    throws(() => new Order().place(-1, ''), { code: 'PAYLOAD_INVALID' })
    throws(() => new Order().pay(noon), /nothing to pay/)
  })

  it('is saved once, and nothing pending saves nothing', async () => {
    const store = openStore({ engine: memory() })
    const orders = repository(store, Order)
    const order = await orders.load('7')
    equal(await orders.save(order), 0)
    order.place(5, '')
    equal(await orders.save(order), 1)
    equal(await orders.save(order), 1)
    order.pay(noon)
    equal(await orders.save(order, { commandId: 'c', metadata: { userId: 'u' } }), 2)
    const [, paid] = await store.readStream('Order-7').toArray()
    deepEqual([paid?.metadata.userId, paid?.metadata.commandId], ['u', 'c'])
  })

  it('keeps what is recorded while it is being saved, for the next save', async () => {
    const store = openStore({ engine: memory() })
    const orders = repository(store, Order)
    const order = await orders.load('7')
    order.place(5, '')
    const saving = orders.save(order)
    order.pay(noon)
    await saving
    deepEqual([order.version, order.pending.map(({ type }) => type)], [1, ['OrderPaid']])
    equal(await orders.save(order), 2)
    deepEqual((await orders.load('7')).state, order.state)
  })

  it('refuses a payload that has no JSON form, as an append does', () => {
    class Odd extends aggregate({ category: 'Odd', events, initialState: () => 0, evolve: (n) => n }) {
      go(data: unknown): void {
        this.record({ type: 'OrderPaid', data: data as { at: Date } })
      }
    }
    for (const data of [undefined, () => 1, { cents: 1n }]) {
      throws(() => new Odd().go(data), { code: 'INVALID_ARGUMENT', argument: 'data' })
    }
  })

  it('of no id cannot be saved', async () => {
    const orders = repository(openStore({ engine: memory() }), Order)
    const order = new Order()
    order.place(5, '')
    await rejects(orders.save(order), { code: 'INVALID_ARGUMENT', argument: 'id' })
    await rejects(orders.load(''), { code: 'INVALID_ARGUMENT', argument: 'id' })
  })

  it('has a repository only by a class that extends one', () => {
    for (const kind of [undefined, class {}]) {
      throws(() => repository(openStore({ engine: memory() }), kind as never), {
        code: 'INVALID_ARGUMENT',
        argument: 'kind',
      })
    }
  })

  it('does not wait', async () => {
    const orders = repository(openStore({ engine: memory() }), Order)
    for (const act of [async () => undefined, () => Promise.reject(new Error('unheard'))]) {
      await rejects(orders.execute('7', act as unknown as () => void), { code: 'INVALID_ARGUMENT', argument: 'act' })
    }
    const slow = z.object({ n: z.number().refine(async () => true) })
    class Slow extends aggregate({
      category: 'Slow',
      events: defineEvents({ Went: slow }),
      initialState: () => 0,
      evolve: (n) => n,
    }) {
      go(): void {
        this.record({ type: 'Went', data: { n: 1 } })
      }
    }
    throws(() => new Slow().go(), { code: 'INVALID_ARGUMENT' })
  })

  it.each([
    [{ category: 'a-b' }, 'category'],
    [{ events: undefined }, 'events'],
    [{ evolve: undefined }, 'evolve'],
    [{ snapshot: { name: '' } }, 'snapshot.name'],
  ])('refuses %j', (wrong, argument) => {
    const right = { category: 'Order', events, initialState: () => 0, evolve: (n: number) => n }
    throws(() => aggregate({ ...right, ...(wrong as object) }), { code: 'INVALID_ARGUMENT', argument })
  })
})
