/** What the examples in docstrings take for granted: an open store with a little in it, an event at hand, a place to send mail to. */
import {
  defineDecider,
  defineEvents,
  defineProjection,
  defineReaction,
  type EventStore,
  event,
  memory,
  memoryTarget,
  type NewEvent,
  openStore,
  type RecordedEvent,
} from 'varve'

/** Thrown where an example that never ends has shown what it has to show. */
export class SeenEnough extends Error {}

/** Events an application has just decided on. */
export const placed: NewEvent = { type: 'OrderPlaced', data: { total_cents: 5000 }, tags: ['customer:cust-1'] }
/** See {@link placed}. */
export const paid: NewEvent = { type: 'OrderPaid', data: {} }

/** An account to send money from; and in all other streams nothing, so that `no_stream` holds. */
export const store: EventStore = openStore({ engine: memory() })
await store.append('Account-a', [{ type: 'AccountOpened', data: { cents: 1000 } }])
await store.append('Cart-1', [placed])

/** Business rules, as `defineDecider` shows them, and a read model, as `defineProjection` shows it. */
export const cart = defineDecider({
  events: defineEvents({ ItemAdded: event<{ sku: string }>() }),
  initialState: () => ({ items: 0 }),
  decide: (command: { add: string }) => ({ type: 'ItemAdded', data: { sku: command.add } }),
  evolve: (state) => ({ items: state.items + 1 }),
})
/** See {@link cart}. */
export const stock = defineProjection({
  name: 'stock',
  events: defineEvents({ GoodsReceived: event<{ sku: string; quantity: number }>() }),
  target: memoryTarget(() => new Map<string, number>()),
  on: { GoodsReceived: (bySku, { data }) => bySku.set(data.sku, (bySku.get(data.sku) ?? 0) + data.quantity) },
})
/** What follows from events, as `defineReaction` shows it. */
export const reminders = defineReaction({
  name: 'reminders',
  events: defineEvents({ CartFilled: event<{ sku: string }>() }),
  on: { CartFilled: (_, { data }) => ({ send: data.sku }) },
  send: async (_: string) => undefined,
})

/** What a request brings with it. */
export const requestId = 'req-1'
/** See {@link requestId}. */
export const userId = 'user-1'
/** Ends what the application waits for. */
export const signal: AbortSignal = new AbortController().signal

/** What an application does with an event. Once is enough to see that it arrives. */
export function sendMail(_event: RecordedEvent): Promise<void> {
  throw new SeenEnough()
}

/** See {@link sendMail}. */
export function handle(_event: RecordedEvent): Promise<void> {
  throw new SeenEnough()
}
