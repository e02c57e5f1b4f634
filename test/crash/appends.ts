import type { EventStore } from '../../store/src/event-store.ts'
import type { AppendedAll } from '../../store/src/model/call.ts'
import type { NewEvent } from '../../store/src/model/event.ts'
import type { Sent, SentWrite } from './journal.ts'

/** The payload of one event: whoever reads it can tell whether it is whole. */
export interface CrashPayload {
  readonly request: number
  /** Events of the whole append, over all of its streams: all of them are there, or none. */
  readonly of: number
  readonly filler: string
}

/** Appends what was noted, the first time or again: the same ids and the same payloads. */
export function appendSent(store: EventStore, { request, writes }: Sent): Promise<AppendedAll> {
  const of = writes.reduce((events, { ids }) => events + ids.length, 0)
  return store.appendAll(
    writes.map((write) => ({
      streamId: write.streamId,
      expectedVersion: write.expectedVersion,
      events: write.ids.map((id): NewEvent => ({ id, type: 'Noted', data: payloadOf(request, of, write) })),
    })),
  )
}

function payloadOf(request: number, of: number, { fillerChars }: SentWrite): CrashPayload {
  return { request, of, filler: 'x'.repeat(fillerChars) }
}
