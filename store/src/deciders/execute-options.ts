import type { Clock } from '../engine/clock.ts'
import type { CallOptions } from '../model/call.ts'
import { onlyGiven } from '../model/complete.ts'
import { isVarveError } from '../model/errors.ts'
import type { NewEventMetadata } from '../model/event.ts'
import type { EventDefinitions, NewEventOf, RecordedEventOf } from '../model/event-definition.ts'
import { fieldsOf, type KnownFields } from '../model/known-fields.ts'
import type { SnapshotOutcome, SnapshotPlace } from '../model/snapshot.ts'
import type { RecentStates } from './recent-states.ts'

/** Fields of the options of `execute` and `executeOver`. */
export const executeFields: KnownFields = fieldsOf<ExecuteOptions>({
  commandId: true,
  metadata: true,
  attemptsMax: true,
  recent: true,
  snapshots: true,
  clock: true,
  random: true,
  signal: true,
})

/** Options of `execute` and `executeOver`. */
export interface ExecuteOptions extends CallOptions {
  /**
   * Makes the command idempotent: while its events are in the stream, executing it again appends nothing and answers
   * with them. At most `limits.idempotencyKeyChars`. A command that decided for no events is decided anew.
   */
  readonly commandId?: string | undefined
  /** Metadata of all events, under what `decide` gives them itself. Correlation and causation ids flow by themselves. */
  readonly metadata?: NewEventMetadata | undefined
  /** Attempts while others keep moving the stream, the first one included; 1 turns retries off. Default `limits.conflictAttempts`. */
  readonly attemptsMax?: number | undefined
  /**
   * Remembers the states of streams in this process, for `execute`: made by `recentStates`, one for all commands of a
   * process. Default: every command reads its stream.
   */
  readonly recent?: RecentStates | undefined
  /** Where snapshots lie, for `execute` with a decider that has a policy for them. Default: on the store's shelf. */
  readonly snapshots?: SnapshotPlace | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Numbers from 0 up to 1, for the jitter of the pauses. Default: the machine's. */
  readonly random?: (() => number) | undefined
}

/** What a command did. */
export interface Executed<Events extends EventDefinitions> {
  readonly streamId: string
  /** What was decided; of a command that was executed before, what is stored. Empty when there was nothing to do. */
  readonly events: readonly (NewEventOf<Events> | RecordedEventOf<Events>)[]
  /** Version of the stream after the command. */
  readonly version: number
  /** Whoever has read up to here has seen what the command did, or what it was decided on. 0 for an empty stream. */
  readonly position: number
  /** One more than the times that another append came first. */
  readonly attempts: number
  /** True when the command had been executed before: nothing was appended. */
  readonly idempotent: boolean
  /**
   * There when the decider has a policy for snapshots: settles, and never rejects, when this command's own one is kept or
   * known not to be needed. The command does not wait for it; a program that ends may.
   */
  readonly snapshot?: Promise<SnapshotOutcome>
}

/** What one attempt gives. */
export type ExecutedOnce<Events extends EventDefinitions> = Omit<Executed<Events>, 'attempts'>

/** Ids derived from one command differ in number when another decision won the race: then the winner is to be found. */
export function isRaceOfOneCommand(error: unknown, { commandId }: ExecuteOptions): boolean {
  return commandId !== undefined && isVarveError(error, 'DUPLICATE_EVENT_ID')
}

/** The event with the metadata of its command. */
export function withMetadata<Event extends NewEventOf<EventDefinitions>>(
  event: Event,
  { commandId, metadata }: ExecuteOptions,
): Event {
  if (event.metadata instanceof Uint8Array || (commandId === undefined && metadata === undefined)) return event
  return {
    ...event,
    metadata: { ...metadata, ...onlyGiven(event.metadata ?? {}), ...(commandId !== undefined && { commandId }) },
  }
}
