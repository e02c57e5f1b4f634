import type { Clock } from '../engine/clock.ts'
import type { EventStore } from '../event-store.ts'
import { isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { ParkedInProjection, ProjectionCounts } from '../model/projection-status.ts'
import type { Target, TargetCheckpoint } from '../model/target.ts'
import type { Tracer } from '../model/tracer.ts'
import { type BatchFailure, checkedDecision } from './failure-policy.ts'
import type { LogReader } from './log-reader.ts'
import type { Projection } from './projection.ts'
import type { PartitionRequest, ProjectionShelf } from './projection-shelf.ts'

/** A partition to run, and what it is run with. */
export interface PartitionRun<ReadModel> {
  readonly projection: Projection<ReadModel>
  /** Of the generation. */
  readonly target: Target<ReadModel>
  readonly generation: number
  /** 1, 2, 3… */
  readonly partition: number
  readonly epoch: number
  readonly store: Pick<EventStore, 'readAll' | 'head'>
  readonly reader: Pick<LogReader, 'follow'>
  readonly shelf: ProjectionShelf
  readonly clock: Clock
  readonly random: () => number
  /** Ends the run after the batch under way. */
  readonly signal: AbortSignal
  /** The most events per second, undefined for no bound. */
  readonly eventsPerSecond: () => number | undefined
  /** Whether an event may be told to `saved`. */
  readonly mayTell: (event: RecordedEvent) => boolean
  readonly told: PartitionListener
  /** Gives a span to each batch. */
  readonly tracer?: Tracer | undefined
}

/** Hears how a run goes. */
export interface PartitionListener {
  reached(checkpoint: TargetCheckpoint, state: 'catching_up' | 'live'): void
  counted(counts: Partial<ProjectionCounts>): void
  /** Something went wrong and is tried again. */
  retrying(error: unknown, afterMs: number): void
  parked(event: ParkedInProjection): void
  /** The checkpoint lies beyond the end of the log. */
  isBeyondLog(position: number, head: number): void
  /** What was to be told of saved events threw. */
  notTold(error: unknown): void
  /** What somebody asks; waits for nothing. */
  requests(): readonly PartitionRequest[]
  /** Positions of events that are to be passed over: those that somebody asks for, and those that were before. */
  skips(): ReadonlySet<number>
  carriedOut(request: PartitionRequest): Promise<void>
  /** Aborts when there are new requests. */
  interruption(): AbortSignal
}

/** Name of a partition's checkpoint in the target. */
export function checkpointName(
  { name, partitions }: Pick<Projection<never>, 'name' | 'partitions'>,
  partition: number,
): string {
  return partitions === 1 ? name : `${name}/${partition}`
}

/** What it takes to try something again. */
type Patience = Pick<PartitionRun<never>, 'signal' | 'clock' | 'random' | 'told'> & {
  readonly projection: Pick<Projection<never>, 'onFailure'>
}

/** Does something that only needs the target or the shelf until it works, or until the policy stops it. */
export async function persistently<Result>(patience: Patience, work: () => Promise<Result>): Promise<Result> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await work()
    } catch (error) {
      patience.signal.throwIfAborted()
      if (isVarveError(error, 'CHECKPOINT_CONFLICT')) throw error
      await afterPause(patience, { error, event: undefined, attempts })
    }
  }
}

/** Asks the policy. Throws when it stops, else says what to do once the pause is over. */
export async function afterPause(
  { projection, signal, clock, random, told }: Patience,
  failure: Omit<BatchFailure, 'chance'>,
  thrown: unknown = failure.error,
): Promise<'again' | 'park_event' | 'park_key'> {
  signal.throwIfAborted()
  const decision = checkedDecision(projection.onFailure({ ...failure, chance: random() }))
  if (typeof decision === 'object') {
    told.retrying(failure.error, decision.retryAfterMs)
    told.counted({ retries: 1 })
    await clock.sleep(decision.retryAfterMs, signal)
    signal.throwIfAborted()
    return 'again'
  }
  // Without an event there is nothing to set aside.
  if (decision === 'stop' || failure.event === undefined) throw thrown
  return decision
}
