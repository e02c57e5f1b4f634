import { type } from 'arktype'
import * as v from 'valibot'
import {
  defineEvents,
  type EventStore,
  event,
  type InputOf,
  type JsonForm,
  type NewEventOf,
  type RecordedEventOf,
  retired,
  type StoredOf,
  type SubscriptionItem,
} from 'varve'
import { expectTypeOf } from 'vitest'
import { z } from 'zod'

declare const store: EventStore

const orderEvents = defineEvents({
  OrderPlaced: z.object({ customerId: z.string(), cents: z.int().default(0) }),
  OrderPaid: { schema: v.object({ cents: v.number() }), version: 2 },
  OrderShipped: type({ carrier: 'string', weightKg: 'number' }),
  OrderCancelled: event<{ reason: string; at: Date }>(),
})
type Events = typeof orderEvents
type Recorded = RecordedEventOf<Events>

// Types come from the validators of three libraries and from a bare type; nobody writes a type argument.
expectTypeOf<InputOf<Events['OrderPlaced']>>().toEqualTypeOf<{ customerId: string; cents?: number | undefined }>()
expectTypeOf<StoredOf<Events['OrderPlaced']>>().toEqualTypeOf<{ customerId: string; cents: number }>()
expectTypeOf<StoredOf<Events['OrderPaid']>>().toEqualTypeOf<{ cents: number }>()
expectTypeOf<StoredOf<Events['OrderShipped']>>().toEqualTypeOf<{ carrier: string; weightKg: number }>()
expectTypeOf<InputOf<Events['OrderCancelled']>>().toEqualTypeOf<{ reason: string; at: Date }>()
expectTypeOf<Recorded['type']>().toEqualTypeOf<'OrderPlaced' | 'OrderPaid' | 'OrderShipped' | 'OrderCancelled'>()

// What went through JSON is read as what JSON made of it.
expectTypeOf<StoredOf<Events['OrderCancelled']>>().toEqualTypeOf<{ reason: string; at: string }>()
expectTypeOf<JsonForm<Date[]>>().toEqualTypeOf<string[]>()
expectTypeOf<JsonForm<{ when?: Date; then: () => void }>>().toEqualTypeOf<{ when?: string }>()
expectTypeOf<JsonForm<{ by: Map<string, number>; of: ReadonlySet<string> }>>().toEqualTypeOf<{
  by: Readonly<Record<string, never>>
  of: Readonly<Record<string, never>>
}>()
expectTypeOf<JsonForm<unknown>>().toBeUnknown()
const blobEvents = defineEvents({ ImageAdded: event<Uint8Array>() })
expectTypeOf<StoredOf<(typeof blobEvents)['ImageAdded']>>().toEqualTypeOf<Uint8Array>()

// An append takes the events of the category and no others.
const orders = store.category('Order', orderEvents)
const order = orders.stream('7')
order.append([{ type: 'OrderPlaced', data: { customerId: 'c1' } }])
order.append([{ type: 'OrderCancelled', data: { reason: 'late', at: new Date() }, tags: ['late'] }])
// @ts-expect-error there is no such event in the category
order.append([{ type: 'OrderLost', data: { reason: 'late' } }])
// @ts-expect-error this is the payload of another event
order.append([{ type: 'OrderPaid', data: { customerId: 'c1' } }])
// @ts-expect-error a field is missing
order.append([{ type: 'OrderShipped', data: { carrier: 'dhl' } }])
// @ts-expect-error the definition says the schema version
order.append([{ type: 'OrderPaid', data: { cents: 1 }, schemaVersion: 1 }])
// @ts-expect-error a category has only its own types to narrow by
orders.readAll({ types: ['OrderLost'] })

// What is read narrows by its type.
expectTypeOf(order.read().toArray()).resolves.toEqualTypeOf<Recorded[]>()
expectTypeOf(orders.readAll().first()).resolves.toEqualTypeOf<Recorded | undefined>()
expectTypeOf(order.subscribe()).toEqualTypeOf<AsyncIterable<Recorded>>()
expectTypeOf(orders.subscribe({ types: ['OrderPaid'] })).toEqualTypeOf<AsyncIterable<Recorded>>()
expectTypeOf(orders.subscribe({ marks: true })).toEqualTypeOf<AsyncIterable<SubscriptionItem<Recorded>>>()

declare const recorded: Recorded
switch (recorded.type) {
  case 'OrderPlaced':
    expectTypeOf(recorded.data).toEqualTypeOf<{ customerId: string; cents: number }>()
    break
  case 'OrderPaid':
  case 'OrderShipped':
    expectTypeOf(recorded.position).toBeNumber()
    break
  case 'OrderCancelled':
    expectTypeOf(recorded.data.at).toBeString()
    break
  default:
    // Every event is handled: a new one makes this line an error.
    expectTypeOf(recorded).toBeNever()
}

// Definitions spread into definitions.
const all = defineEvents({ ...orderEvents, ...blobEvents })
expectTypeOf<NewEventOf<typeof all>['type']>().toEqualTypeOf<Recorded['type'] | 'ImageAdded'>()

// @ts-expect-error an event is defined by a validator or a type, not by a word
defineEvents({ OrderPlaced: 'object' })

// A retired type is read as others: nobody appends it, and no reader has to handle it.
const evolved = defineEvents({
  Placed: { schema: z.object({ cents: z.int() }), version: 2, upcast: { 1: ({ euros }) => ({ cents: euros * 100 }) } },
  Created: retired({ into: ['Placed'], upcast: ({ data }) => [{ type: 'Placed', data }] }),
})
const evolvedStream = store.category('Order', evolved).stream('7')
evolvedStream.append([{ type: 'Placed', data: { cents: 1 } }])
// @ts-expect-error it is retired
evolvedStream.append([{ type: 'Created', data: { cents: 1 } }])
for await (const { type } of evolvedStream.read()) expectTypeOf(type).toEqualTypeOf<'Placed'>()
// An upcaster says what it is given, in whatever place it is written; unless it does, it knows nothing.
interface Past {
  readonly euros: number
}
defineEvents({
  Placed: {
    schema: z.object({ cents: z.int() }),
    version: 2,
    upcast: { 1: (old: Past) => ({ cents: old.euros * 100 }) },
  },
  Paid: event<{ cents: number }>({
    version: 3,
    upcast: { 1: ({ euros }: Past) => ({ cents: euros * 100 }), 2: (old) => expectTypeOf(old).toBeUnknown() },
  }),
  Created: retired<Past>({
    into: ['Placed'],
    upcast: ({ data, schemaVersion }) => {
      expectTypeOf(data).toEqualTypeOf<Past>()
      expectTypeOf(schemaVersion).toBeNumber()
      return [{ type: 'Placed', data: { cents: data.euros * 100 } }]
    },
  }),
  Opened: retired({ into: ['Placed'], upcast: ({ data }: { data: Past }) => [{ type: 'Placed', data: data.euros }] }),
  Closed: retired({
    into: [],
    upcast: ({ data }) => {
      expectTypeOf(data).toBeUnknown()
      return []
    },
  }),
})
// @ts-expect-error events have a type
retired({ into: ['Placed'], upcast: () => [{ data: {} }] })
// @ts-expect-error nobody knows what was stored
retired({ into: ['Placed'], upcast: ({ data }) => [{ type: 'Placed', data: data.euros }] })
// @ts-expect-error an upcaster is a function
defineEvents({ Placed: { schema: z.object({}), version: 2, upcast: { 1: 'cents' } } })
