// An order, its payment and the stock: three streams, one process that brings them together, undoes what has to be undone,
// and waits for 15 minutes of a clock that the example owns. Run with: node examples/14-order-process.ts
import assert from 'node:assert/strict'
import {
  type Clock,
  defineDecider,
  defineEvents,
  defineReaction,
  event,
  execute,
  memory,
  openStore,
  react,
  systemClock,
} from 'varve'

const orderEvents = defineEvents({
  OrderPlaced: event<{ order: string; sku: string }>(),
  OrderConfirmed: event<{ order: string }>(),
  OrderCancelled: event<{ order: string; why: string }>(),
})
const paymentEvents = defineEvents({
  PaymentRequested: event<{ order: string }>(),
  PaymentReceived: event<{ order: string }>(),
  PaymentRefused: event<{ order: string }>(),
  PaymentRefunded: event<{ order: string }>(),
})
const stockEvents = defineEvents({
  GoodsReceived: event<{ quantity: number }>(),
  GoodsReserved: event<{ order: string }>(),
  GoodsRefused: event<{ order: string }>(),
})

// Business rules, each of one kind of stream. They know nothing of the process.
const order = defineDecider({
  events: orderEvents,
  initialState: (): 'open' | 'closed' => 'open',
  decide: (command: { order: string; confirm: true } | { order: string; cancel: string }, state) => {
    if (state === 'closed') return []
    if ('confirm' in command) return { type: 'OrderConfirmed', data: { order: command.order } }
    return { type: 'OrderCancelled', data: { order: command.order, why: command.cancel } }
  },
  evolve: (state, { type }) => (type === 'OrderPlaced' ? state : 'closed'),
})
const payment = defineDecider({
  events: paymentEvents,
  initialState: () => 0,
  decide: (command: { type: 'PaymentRequested' | 'PaymentRefunded'; order: string }) => ({
    type: command.type,
    data: { order: command.order },
  }),
  evolve: (steps) => steps + 1,
})
const stock = defineDecider({
  events: stockEvents,
  initialState: () => 0,
  // A refusal is a fact like any other: the process has to hear of it.
  decide: ({ order }: { order: string }, left) => ({
    type: left > 0 ? 'GoodsReserved' : 'GoodsRefused',
    data: { order },
  }),
  evolve: (left, { type, data }) =>
    type === 'GoodsReceived' ? left + data.quantity : type === 'GoodsReserved' ? left - 1 : left,
})

// Time that the example owns: the store notes it, and the process waits for it.
let nowMs = Date.parse('2026-01-15T10:00:00Z')
const sleepers = new Set<() => void>()
const clock: Clock = { ...systemClock, now: () => nowMs }
const patientClock: Clock = {
  ...clock,
  sleep: (_, signal) =>
    new Promise((resolve) => {
      sleepers.add(resolve)
      signal?.addEventListener('abort', () => resolve())
    }),
}
function pass(minutes: number): void {
  nowMs += minutes * 60_000
  for (const wake of sleepers) wake()
}

await using store = openStore({ engine: memory(), clock })

type Command =
  | { kind: 'request-payment' | 'refund' | 'confirm'; order: string }
  | { kind: 'reserve'; order: string; sku: string }
  | { kind: 'cancel'; order: string; why: string }

const fulfilment = defineReaction({
  name: 'fulfilment',
  events: { ...orderEvents, ...paymentEvents, ...stockEvents },
  processOf: ({ data }) => ('order' in data ? data.order : undefined),
  initialState: () => ({ sku: '', isOver: false }),
  evolve: (state, { type, data }) => {
    if (type === 'OrderPlaced') return { ...state, sku: data.sku }
    return { ...state, isOver: type === 'OrderConfirmed' || type === 'OrderCancelled' }
  },
  isEnded: ({ isOver }) => isOver,
  on: {
    OrderPlaced: (_, { data: { order } }) => ({
      send: { kind: 'request-payment', order },
      deadlines: { unpaid: { afterMs: 15 * 60_000 } },
    }),
    PaymentReceived: ({ sku }, { data: { order } }) => ({
      send: { kind: 'reserve', order, sku },
      deadlines: { unpaid: 'cancel' },
    }),
    PaymentRefused: (_, { data: { order } }) => ({ send: { kind: 'cancel', order, why: 'payment refused' } }),
    GoodsReserved: (_, { data: { order } }) => ({ send: { kind: 'confirm', order } }),
    // What was done is not taken back, it is made good: the money was taken, so it is given back.
    GoodsRefused: (_, { data: { order } }) => ({
      send: [
        { kind: 'refund', order },
        { kind: 'cancel', order, why: 'out of stock' },
      ],
    }),
  },
  onDeadline: {
    unpaid: (_, { processId }) => ({ send: { kind: 'cancel', order: processId, why: 'not paid in 15 minutes' } }),
  },
  // Sent again after a crash, a command has the same id, and `execute` answers with what it did the first time.
  send: (command: Command, options) => {
    const id = command.order
    switch (command.kind) {
      case 'request-payment':
      case 'refund': {
        const type = command.kind === 'refund' ? 'PaymentRefunded' : 'PaymentRequested'
        return execute(store, { decider: payment, streamId: `Payment-${id}`, command: { type, order: id } }, options)
      }
      case 'reserve':
        return execute(store, { decider: stock, streamId: `Stock-${command.sku}`, command: { order: id } }, options)
      case 'confirm':
        return execute(
          store,
          { decider: order, streamId: `Order-${id}`, command: { order: id, confirm: true } },
          options,
        )
      case 'cancel':
        return execute(
          store,
          { decider: order, streamId: `Order-${id}`, command: { order: id, cancel: command.why } },
          options,
        )
    }
  },
})

await using _running = react(store, fulfilment, { clock: patientClock })

const place = (order: string) =>
  store
    .category('Order', orderEvents)
    .stream(order)
    .append([{ type: 'OrderPlaced', data: { order, sku: 'tea' } }])
const pay = (order: string, type: 'PaymentReceived' | 'PaymentRefused') =>
  store
    .category('Payment', paymentEvents)
    .stream(order)
    .append([{ type, data: { order } }])

/** What an order came to, and why. */
async function outcome(order: string): Promise<string> {
  for await (const event of store.category('Order', orderEvents).stream(order).subscribe()) {
    if (event.type === 'OrderConfirmed') return 'confirmed'
    if (event.type === 'OrderCancelled') return event.data.why
  }
  return 'open'
}

await store
  .category('Stock', stockEvents)
  .stream('tea')
  .append([{ type: 'GoodsReceived', data: { quantity: 1 } }])
for (const order of ['1', '2', '3', '4']) await place(order)
await pay('1', 'PaymentReceived')
assert.equal(await outcome('1'), 'confirmed')
await pay('2', 'PaymentReceived')
assert.equal(await outcome('2'), 'out of stock')
await pay('3', 'PaymentRefused')
assert.equal(await outcome('3'), 'payment refused')
pass(16)
assert.equal(await outcome('4'), 'not paid in 15 minutes')

const payments = await store.category('Payment', paymentEvents).stream('2').read().toArray()
assert.deepEqual(
  payments.map(({ type }) => type),
  ['PaymentRequested', 'PaymentReceived', 'PaymentRefunded'],
)
for (const order of ['1', '2', '3', '4']) console.log(`Order ${order}: ${await outcome(order)}.`)
