import type { KurrentEvent } from './kurrent-event.ts'

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
