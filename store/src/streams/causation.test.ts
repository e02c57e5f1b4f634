import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { NewEventMetadata, RecordedEvent } from '../model/event.ts'
import { openStore } from '../open-store.ts'
import { causedBy, correlate } from './causation.ts'

const opened = (): EventStore => openStore({ engine: memory() })

async function appended(store: EventStore, metadata?: NewEventMetadata): Promise<RecordedEvent> {
  const event = { type: 'OrderPlaced', data: {}, ...(metadata && { metadata }) }
  await store.append('Order-7', [event])
  return (await store.readStream('Order-7').last()) as RecordedEvent
}

function idsOf({ metadata: { timestamp: _, ...ids } }: RecordedEvent): object {
  return ids
}

describe('an event that is appended while ids are in force', () => {
  it('has them, and its own where it brings some', async () => {
    const store = opened()
    const append = (metadata?: NewEventMetadata) =>
      correlate({ correlationId: 'req-1', userId: 'ada' }, () => appended(store, metadata))
    deepEqual(idsOf(await append()), { correlationId: 'req-1', userId: 'ada' })
    deepEqual(idsOf(await append({ userId: 'bob' })), { correlationId: 'req-1', userId: 'bob' })
    deepEqual(idsOf(await appended(store)), {})
  })

  it('has those of the outer call, unless the inner one says otherwise', async () => {
    const store = opened()
    const inner = () => correlate({ userId: 'bob' }, () => appended(store))
    const event = await correlate({ correlationId: 'req-1', userId: 'ada' }, inner)
    deepEqual(idsOf(event), { correlationId: 'req-1', userId: 'bob' })
  })

  it('names its cause, and goes on with the correlation and the user of that', async () => {
    const store = opened()
    const cause = await appended(store, { correlationId: 'req-1', userId: 'ada' })
    const effect = await causedBy(cause, () => appended(store))
    deepEqual(idsOf(effect), { correlationId: 'req-1', causationId: cause.id, userId: 'ada' })
  })

  it('has its cause as the root of its correlation when that has none', async () => {
    const store = opened()
    const cause = await appended(store)
    const effect = await causedBy(cause, () => appended(store))
    deepEqual(idsOf(effect), { correlationId: cause.id, causationId: cause.id })
  })
})
