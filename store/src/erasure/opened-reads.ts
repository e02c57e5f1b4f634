import type { EventStore } from '../event-store.ts'
import type { EventReader, SubscribeOptions, SubscriptionItem } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { Trace, TracedEvent } from '../model/trace.ts'
import type { KeyRing } from './key-ring.ts'
import { openedEvent } from './open-event.ts'

/** Reads that open personal fields. */
export type OpenedReads = Pick<EventStore, 'readStream' | 'readAll' | 'readEvent' | 'trace' | 'subscribe'>

/** The reads of a store, with personal fields opened. */
export function openedReads(store: EventStore, ring: KeyRing): OpenedReads {
  return {
    readStream: (streamId, options) => openedReader(store.readStream(streamId, options), ring),
    readAll: (options) => openedReader(store.readAll(options), ring),
    readEvent: async (eventId, options) => {
      const found = await store.readEvent(eventId, options)
      return found && openedEvent(ring, found)
    },
    trace: async (correlationId, options) => openedTrace(await store.trace(correlationId, options), ring),
    subscribe: ((options: SubscribeOptions = {}) =>
      options.marks === true
        ? openedItems(store.subscribe({ ...options, marks: true }), ring)
        : openedEvents(store.subscribe({ ...options, marks: false }), ring)) as EventStore['subscribe'],
  }
}

function openedReader(read: EventReader, ring: KeyRing): EventReader {
  const events = openedEvents(read, ring)
  return {
    [Symbol.asyncIterator]: () => events[Symbol.asyncIterator](),
    toArray: async () => {
      const all: RecordedEvent[] = []
      for await (const event of events) all.push(event)
      return all
    },
    first: async () => {
      const found = await read.first()
      return found && openedEvent(ring, found)
    },
    last: async () => {
      const found = await read.last()
      return found && openedEvent(ring, found)
    },
  }
}

function openedEvents(events: AsyncIterable<RecordedEvent>, ring: KeyRing): AsyncIterable<RecordedEvent> {
  async function* opened(): AsyncGenerator<RecordedEvent> {
    for await (const recorded of events) yield await openedEvent(ring, recorded)
  }
  return { [Symbol.asyncIterator]: opened }
}

function openedItems(items: AsyncIterable<SubscriptionItem>, ring: KeyRing): AsyncIterable<SubscriptionItem> {
  async function* opened(): AsyncGenerator<SubscriptionItem> {
    for await (const item of items) {
      yield item.kind === 'event' ? { kind: 'event', event: await openedEvent(ring, item.event) } : item
    }
  }
  return { [Symbol.asyncIterator]: opened }
}

async function openedTrace(trace: Trace, ring: KeyRing): Promise<Trace> {
  const events = await Promise.all(trace.events.map((event) => openedEvent(ring, event)))
  const byId = new Map(events.map((event) => [event.id, event]))
  const withOpened = ({ event, effects }: TracedEvent): TracedEvent => ({
    event: byId.get(event.id) ?? event,
    effects: effects.map(withOpened),
  })
  return { ...trace, events, roots: trace.roots.map(withOpened) }
}
