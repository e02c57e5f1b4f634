/** Events in the hands of a member, and the consumers it has. */
import type { GroupSettings } from '../model/consumer-group.ts'
import type { RecordedEvent } from '../model/event.ts'

/** Where an event is in the member that holds it. */
export type Phase = 'unread' | 'reading' | 'ready' | 'handed' | 'returning' | 'settling' | 'waiting' | 'over'

/** An event that a member holds, for one attempt. */
export interface Held {
  readonly place: number
  /** 1 for the first delivery. */
  readonly attempt: number
  readonly key: number | undefined
  /** Whether it has to be alone in its program. */
  readonly isAlone: boolean
  phase: Phase
  event: RecordedEvent | undefined
  seat: Seat | undefined
  /** When it is failed, while it is handed; when it is due, while it waits. */
  untilMs: number
  /** There once somebody wants to be told that the event is not theirs any more. */
  gone: AbortController | undefined
  /** Why it is not; undefined while it is, and when a word was said on it. */
  lostBy: string | undefined
}

/** A consumer of a member: what it has in hand, and whether it waits for more. */
export interface Seat {
  readonly name: string
  /** How many events it may have at a time; undefined for as many as the group says. */
  readonly bufferEvents: number | undefined
  /** Events that are kept ready for it beyond those. */
  readonly readyEvents: number
  /** Whether it ends when the settings of the group are changed. */
  readonly endsOnChange: boolean
  /** Settles when the group counts it, or it cannot take part. */
  readonly admission: Admission
  /** How many events it asked for at a time, most recently. */
  askedEvents: number
  /** Events handed out that it has not said a word on. */
  inHand: number
  /** When it was handed the last one. */
  servedMs: number
  finished: number
  /** Finished when the numbers were taken last, and how many a second since the time before. */
  countedFinished: number
  perSecond: number
  /** Set while it waits for its next event. */
  ask: Ask | undefined
  /** Set when it gets no more: with the error that it is told, if there is one. */
  end: { readonly error: unknown } | undefined
}

/** Whether a consumer takes part, and in what. */
export interface Admission {
  readonly settings: Promise<GroupSettings>
  /** What was promised; undefined before. */
  known: GroupSettings | undefined
  readonly resolve: (settings: GroupSettings) => void
  readonly reject: (reason: unknown) => void
}

/** An event as it was when it was handed out. */
export interface Handed {
  readonly held: Held
  readonly event: RecordedEvent
  /** Aborts when it is its consumer's no more. Made when it is asked for: few want to know. */
  readonly goneSignal: () => AbortSignal
}

/** A consumer that waits; told undefined when there will be nothing more. */
export interface Ask {
  readonly resolve: (handed: Handed | undefined) => void
  readonly reject: (reason: unknown) => void
}
