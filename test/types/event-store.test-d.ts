import {
  type ErrorCode,
  type ErrorOfCode,
  type EventStore,
  isVarveError,
  memory,
  openStore,
  type RecordedEvent,
  type SubscriptionItem,
} from 'varve'
import { expectTypeOf } from 'vitest'

declare const store: EventStore

// One entry opens any engine, and what comes out is the contract.
expectTypeOf(openStore({ engine: memory() })).toEqualTypeOf<EventStore>()

// Events come back in full; what is not known about a payload is unknown, never any.
expectTypeOf(store.readStream('Order-7').toArray()).resolves.toEqualTypeOf<RecordedEvent[]>()
expectTypeOf(store.readAll().first()).resolves.toEqualTypeOf<RecordedEvent | undefined>()
expectTypeOf<RecordedEvent['data']>().toBeUnknown()
expectTypeOf<RecordedEvent['position']>().toBeNumber()

// Marks are part of what a subscription yields only when they were asked for.
expectTypeOf(store.subscribe()).toEqualTypeOf<AsyncIterable<RecordedEvent>>()
expectTypeOf(store.subscribe({ marks: true })).toEqualTypeOf<AsyncIterable<SubscriptionItem>>()

// An expected version is a number or one of three words.
store.append('Order-7', [], { expectedVersion: 3 })
store.append('Order-7', [], { expectedVersion: 'no_stream' })
// @ts-expect-error there is no such word
store.append('Order-7', [], { expectedVersion: 'whatever' })
// @ts-expect-error a position is not a text
store.readAll({ from: '3' })
// @ts-expect-error an event has a type
store.append('Order-7', [{ data: {} }])

// What is recorded never changes.
declare const event: RecordedEvent
// @ts-expect-error a recorded event is read-only
event.version = 2

// A code leads to the fields of its error.
declare const error: unknown
if (isVarveError(error, 'VERSION_CONFLICT')) {
  expectTypeOf(error.streamId).toBeString()
  expectTypeOf(error.actual).toBeNumber()
  // @ts-expect-error a field of another error
  error.eventId
}
type WithoutClass = { [Code in ErrorCode]: [ErrorOfCode<Code>] extends [never] ? Code : never }[ErrorCode]
expectTypeOf<WithoutClass>().toBeNever()
// @ts-expect-error there is no such code
isVarveError(error, 'VERSION_CONFLICTS')
