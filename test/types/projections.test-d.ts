import {
  defineEvents,
  defineProjection,
  type EventStore,
  event,
  memoryTarget,
  type Projection,
  project,
  type RecordedEvent,
  type RunningProjection,
} from 'varve'
import { type Documents, documentTarget, type PostgresReadModel, postgresTarget } from 'varve/targets/postgres'
import { expectTypeOf } from 'vitest'

declare const store: EventStore

const events = defineEvents({ Received: event<{ sku: string }>(), Counted: event<{ on: Date }>() })

// The read model comes from the target, the events from their definitions.
const stock = defineProjection({
  name: 'stock',
  events,
  target: memoryTarget(() => new Map<string, number>()),
  on: {
    Received: (bySku, received) => {
      expectTypeOf(bySku).toEqualTypeOf<Map<string, number>>()
      expectTypeOf(received).toEqualTypeOf<RecordedEvent<'Received', { sku: string }>>()
    },
    Counted: async (_bySku, { data }) => {
      expectTypeOf(data.on).toBeString()
    },
  },
})
expectTypeOf(stock).toEqualTypeOf<Projection<Map<string, number>>>()
expectTypeOf(project(store, stock)).toEqualTypeOf<RunningProjection>()
expectTypeOf(stock.target.readModel.get('tea')).toEqualTypeOf<number | undefined>()

defineProjection({
  name: 'stock',
  events,
  target: memoryTarget(() => new Map<string, number>()),
  // @ts-expect-error the event is not defined
  on: { Lost: () => undefined },
})
defineProjection({
  name: 'stock',
  events,
  target: memoryTarget(() => new Map<string, number>()),
  // @ts-expect-error this is not the read model of the target
  on: { Received: (bySku: Set<string>) => bySku.clear() },
})

// A handler of whole batches gets every event that is defined, and there is no other handler beside it.
defineProjection({
  name: 'stock',
  events,
  target: memoryTarget(() => new Map<string, number>()),
  onBatch: (bySku, batch) => {
    expectTypeOf(bySku).toEqualTypeOf<Map<string, number>>()
    for (const one of batch) {
      if (one.type === 'Received') expectTypeOf(one.data).toEqualTypeOf<{ sku: string }>()
      // @ts-expect-error the event is not defined
      if (one.type === 'Lost') bySku.clear()
    }
  },
})
// @ts-expect-error one of the two
defineProjection({
  name: 'stock',
  events,
  target: memoryTarget(() => new Map<string, number>()),
  on: { Received: () => undefined },
  onBatch: () => undefined,
})
// @ts-expect-error one of the two
defineProjection({ name: 'stock', events, target: memoryTarget(() => new Map<string, number>()) })

// Documents are of one type, in handlers, for readers and in what is asked about them.
interface Order {
  readonly status: 'open' | 'paid'
  readonly customer?: { readonly id: string; readonly city: string }
}
const database = postgresTarget({ url: 'postgres://localhost/shop' })
expectTypeOf(database.readModel).toEqualTypeOf<PostgresReadModel>()
const orders = documentTarget<Order>(database, 'orders', { indexes: ['status'] })
expectTypeOf(orders.readModel).toEqualTypeOf<Documents<Order>>()
expectTypeOf(orders.readModel.get('a')).resolves.toEqualTypeOf<Order | undefined>()
void orders.readModel.query({ where: { status: 'open' }, contains: { customer: { id: 'c1' } }, orderBy: 'status' })
// @ts-expect-error there is no such status
void orders.readModel.query({ where: { status: 'lost' } })
// @ts-expect-error there is no such field
void orders.readModel.query({ orderBy: 'total' })
// @ts-expect-error there is no such field
documentTarget<Order>(database, 'orders', { indexes: ['total'] })
