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
