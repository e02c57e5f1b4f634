import type { CallOptions } from './call.ts'
import type { RecordedEvent } from './event.ts'

/** Options of `EventStore.trace`. */
export interface TraceOptions extends CallOptions {
  /** Events at the most, the oldest first. Default `limits.traceEvents`. */
  readonly limit?: number | undefined
}

/** What one correlation id ties together. */
export interface Trace {
  readonly correlationId: string
  /** In order of position; first the event whose id is the correlation id, where there is one. */
  readonly events: readonly RecordedEvent[]
  /** The events that no other one of these caused, with all they led to. */
  readonly roots: readonly TracedEvent[]
  /** False when there is more than was asked for. */
  readonly complete: boolean
}

/** An event and what it led to. */
export interface TracedEvent {
  readonly event: RecordedEvent
  /** The events that carry this one's id as their causation id, in order of position. */
  readonly effects: readonly TracedEvent[]
}
