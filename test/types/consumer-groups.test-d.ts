import { consume, type Delivery, defineEvents, type EventStore, event, joinGroup, type RecordedEvent } from 'varve'
import { expectTypeOf } from 'vitest'

declare const store: EventStore

const events = defineEvents({ Placed: event<{ cents: number }>(), Paid: event<{ on: Date }>() })

// Without definitions an event is whatever was appended.
for await (const delivery of consume(store, 'clerk')) {
  expectTypeOf(delivery).toEqualTypeOf<Delivery>()
  expectTypeOf(delivery.event).toEqualTypeOf<RecordedEvent>()
}

// With definitions it is one of them, told apart by its type; a `Date` is read as the string that JSON has made of it.
for await (const delivery of consume(store, 'clerk', { events })) {
  for (const one of delivery.events) {
    expectTypeOf(one.type).toEqualTypeOf<'Placed' | 'Paid'>()
    if (one.type === 'Placed') expectTypeOf(one.data).toEqualTypeOf<{ cents: number }>()
    else expectTypeOf(one.data.on).toEqualTypeOf<string>()
  }
}

const batch = await joinGroup(store, 'clerk', { events, bufferEvents: 10 }).take(10)
expectTypeOf(batch[0]?.events[0]?.type).toEqualTypeOf<'Placed' | 'Paid' | undefined>()

// @ts-expect-error: what is not defined is refused or skipped.
consume(store, 'clerk', { events, undefinedEvents: 'park' })
