import type { Clock, EventStore } from 'varve'
import type { Access } from '../../auth/access.ts'
import type { Numbering } from '../views/numbering.ts'
import type { KurrentEvent } from './kurrent-event.ts'
import { followLink, linkType } from './links.ts'
import type { ReadRequest } from './read-request.ts'
import type { ReadResponses } from './read-response.ts'

/** One read under way. */
export interface Reading {
  readonly store: EventStore
  readonly clock: Clock
  /** Of the one who reads. */
  readonly access: Access
  readonly numbering: Numbering
  readonly request: ReadRequest
  /** Aborts when nobody wants to know any more. */
  readonly signal: AbortSignal
  readonly responses: ReadResponses
}

/** What a subscription follows: all streams, one, or a view. It keeps its own place. */
export interface Followed {
  /** Sends what lies up to this position of the store, and perhaps some more, and was not sent yet. */
  catchUp(head: number): Promise<void>
  /** Tells that everything there was has been sent. */
  caughtUp(): void
  /** Whether an event at the end of the store is to be sent, or something because of it. Asked before others are sent. */
  wants(event: KurrentEvent): boolean
  /** Sends events that it wanted. */
  sendLive(events: readonly KurrentEvent[]): Promise<void>
}

/** Sends an event, with what it links to when the client wants that. A promise when nothing more should be sent yet. */
export function sendEvent(reading: Reading, event: KurrentEvent): Promise<void> | undefined {
  const { request, responses } = reading
  if (!request.resolveLinks || event.type !== linkType) return responses.event({ event })
  return followLink(reading, event).then((resolved) => responses.event(resolved))
}
