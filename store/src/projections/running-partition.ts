import type { Clock } from '../engine/clock.ts'
import { isVarveError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { FailedEvent, ParkedInProjection, ProjectionCounts, StoredFailure } from '../model/projection-status.ts'
import { CheckpointConflict } from '../model/shelf-errors.ts'
import type { TargetCheckpoint } from '../model/target.ts'
import { failedEvent, reasonOf } from './parking.ts'
import type { PartitionListener } from './partition-run.ts'
import type { Kept, PartitionEntry, PartitionRequest, ProjectionShelf } from './projection-shelf.ts'
import { isLive } from './status.ts'

/** How long what a partition has done is gathered before the others are told, in milliseconds. */
const publishMs = 250

/**
 * The same while it catches up, unless it has caught up meanwhile: nobody waits for a place on the way, and eight partitions
 * that tell theirs four times a second cost a store on SQLite a seventh of its time.
 */
const publishOnTheWayMs = 1_000

/** Instances that are remembered to have come to a failure. */
const triedMax = 100

/** What a partition that runs in this process needs of it. */
export interface RunningOptions {
  readonly shelf: ProjectionShelf
  readonly clock: Clock
  /** The instance that claimed it. */
  readonly owner: string
  readonly log: (line: ProjectionLogLine) => void
  /** Aborts when the instance ends. */
  readonly ending: AbortSignal
  /** Called whenever it has come further. */
  readonly changed: () => void
  /** Called when the others know that it has caught up for the first time. */
  readonly caughtUp: () => void
}

/** Something to tell a person. */
export interface ProjectionLogLine {
  readonly level: 'info' | 'warn' | 'error'
  /** A sentence that says what happened, where, and what to do. */
  readonly text: string
  readonly projection?: string
  readonly generation?: number
  readonly partition?: number
  readonly error?: unknown
}

/** A partition that this process has claimed: hears how its run goes and tells the others, through its entry. */
export class RunningPartition implements PartitionListener {
  /** Ends the run. */
  readonly stopping: AbortController = new AbortController()
  /** Resolves when the run has ended and the others know. */
  readonly ended: Promise<void>
  readonly #options: RunningOptions
  readonly #place: Pick<PartitionEntry, 'projection' | 'generation' | 'partition'>
  readonly #end: () => void
  /** As it lies on the shelf. */
  #kept: Kept<PartitionEntry>
  /** As it is. */
  #entry: PartitionEntry
  #isDirty = false
  #ring: (() => void) | undefined
  /** Aborts when it has caught up; another one while it has fallen behind again. */
  #caughtUp = new AbortController()
  #hasTold = false
  #interruption = new AbortController()
  #last: Promise<unknown> = Promise.resolve()

  constructor(claimed: Kept<PartitionEntry>, options: RunningOptions) {
    const { projection, generation, partition } = claimed.value
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = resolve
    this.#options = options
    this.#place = { projection, generation, partition }
    this.#kept = claimed
    this.#entry = claimed.value
  }

  get entry(): PartitionEntry {
    return this.#entry
  }

  /** Whether the others know that it has caught up since it runs here. */
  get hasToldThatItCaughtUp(): boolean {
    return this.#hasTold
  }

  /** Takes over what somebody asks, unless that was seen before something that is known here already. */
  hear({ value: { requests }, entryVersion }: Kept<PartitionEntry>): void {
    if (entryVersion > this.#kept.entryVersion) this.#hear(requests)
  }

  #hear(requests: readonly PartitionRequest[]): void {
    if (JSON.stringify(requests) === JSON.stringify(this.#entry.requests)) return
    this.#entry = { ...this.#entry, requests }
    this.#interruption.abort()
  }

  /** Runs it, and tells the others how it goes until it is over, and how it ended. */
  async during(run: () => Promise<never>): Promise<void> {
    const over = new AbortController()
    const telling = this.#tell(over.signal)
    const failure = await run().catch((error: unknown) => error)
    over.abort()
    this.#ring?.()
    await telling
    try {
      await this.#conclude(failure)
    } catch (error) {
      this.#log('warn', 'Its end could not be written down: it is taken over when the lease ends.', error)
    }
    this.#end()
  }

  reached({ position, parked }: TargetCheckpoint, follows: 'catching_up' | 'live'): void {
    const { failure, ...entry } = this.#entry
    const state = follows === 'live' && parked.length > 0 ? 'parked' : follows
    const isFurther = position !== entry.position || state !== entry.state || parked.length !== entry.parked
    if (!isFurther) return
    // Whoever came to a failure before is of no interest once it is overcome.
    const isOvercome = position > entry.position || state !== 'catching_up'
    const kept = failure === undefined || isOvercome ? {} : { failure }
    this.#entry = { ...entry, ...kept, position, parked: parked.length, state }
    this.#isDirty = true
    if (state !== 'catching_up') this.#caughtUp.abort()
    else if (this.#caughtUp.signal.aborted) this.#caughtUp = new AbortController()
    this.#ring?.()
    this.#options.changed()
  }

  counted(counts: Partial<ProjectionCounts>): void {
    const sum = { ...this.#entry.counts }
    for (const [name, value] of Object.entries(counts)) sum[name as keyof ProjectionCounts] += value
    this.#entry = { ...this.#entry, counts: sum }
  }

  retrying(error: unknown, afterMs: number): void {
    const { code, reason } = reasonOf(error)
    this.#log('warn', `Trying again in ${afterMs} ms: ${reason} (${code}).`, error)
  }

  parked({ position, eventType, streamId, reason, code }: ParkedInProjection): void {
    const event = `Event ${position} (${eventType} of ${streamId})`
    this.#log('warn', `${event} is parked: ${reason} (${code}). Replay it once that is mended.`)
  }

  isBeyondLog(position: number, head: number): void {
    const text = `The read model is at position ${position}, and the log ends at ${head}: ${ofAnotherLog}`
    this.#log('warn', text)
  }

  notTold(error: unknown): void {
    this.#log('warn', `\`saved\` threw: ${reasonOf(error).reason}. The read model has the events.`, error)
  }

  requests(): readonly PartitionRequest[] {
    return this.#entry.requests
  }

  skips(): ReadonlySet<number> {
    const { skipped, requests } = this.#entry
    return new Set([...skipped, ...requests.flatMap((one) => (one.kind === 'skip' ? one.position : []))])
  }

  async carriedOut(request: PartitionRequest): Promise<void> {
    const isOther = (one: PartitionRequest): boolean => JSON.stringify(one) !== JSON.stringify(request)
    const { skipped, requests } = this.#entry
    const isNew = request.kind === 'skip' && !skipped.includes(request.position)
    const passed = isNew ? [...skipped, request.position].slice(-limits.parkedEvents) : skipped
    this.#entry = { ...this.#entry, skipped: passed, requests: requests.filter(isOther) }
    await this.#publish((found) => found.filter(isOther))
  }

  interruption(): AbortSignal {
    if (this.#interruption.signal.aborted) this.#interruption = new AbortController()
    return this.#interruption.signal
  }

  async #tell(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.#isDirty) {
        await new Promise<void>((resolve) => {
          this.#ring = resolve
        })
      }
      await this.#gathered(signal)
      if (signal.aborted) return
      // Where the store cannot be written to now, the next attempt tells what is the case then.
      await this.#publish().catch(() => {
        this.#isDirty = true
      })
      this.#tellThatItCaughtUp()
    }
  }

  /** Waits before something is told: longer for a place that is one of many on the way. */
  async #gathered(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const caughtUp = AbortSignal.any([signal, this.#caughtUp.signal])
    // Whoever waits for a new generation waits for this: it is told the first time at once.
    await clock.sleep(publishMs, this.#hasTold ? signal : caughtUp)
    if (this.#entry.state !== 'catching_up' || this.#kept.value.state !== 'catching_up') return
    await clock.sleep(publishOnTheWayMs - publishMs, caughtUp)
  }

  #tellThatItCaughtUp(): void {
    if (this.#hasTold || !isLive(this.#kept.value.state)) return
    this.#hasTold = true
    this.#options.caughtUp()
  }

  /** One write after the other. Whoever has lost the partition stops, and leaves the entry to its new owner. */
  #publish(remaining = (requests: readonly PartitionRequest[]) => requests): Promise<void> {
    const publishing = this.#last.then(async () => {
      for (;;) {
        this.#isDirty = false
        const written = await this.#options.shelf.put({ ...this.#kept, value: this.#entry })
        if (written !== 'conflict') {
          this.#kept = written
          return
        }
        const found = await this.#options.shelf.partition(this.#kept.key)
        if (found === undefined || found.value.epoch !== this.#entry.epoch) {
          this.stopping.abort(new CheckpointConflict(this.#kept.key))
          return
        }
        this.#kept = found
        this.#hear(remaining(found.value.requests))
      }
    })
    this.#last = publishing.catch(() => undefined)
    return publishing
  }

  async #conclude(failure: unknown): Promise<void> {
    const { owner, ...free } = this.#entry
    const { signal } = this.stopping
    if (isVarveError(signal.reason, 'CHECKPOINT_CONFLICT')) return
    const isAskedFor = signal.aborted || this.#options.ending.aborted
    if (isAskedFor || (isVarveError(failure, 'STORE_CLOSED') && (await this.#isStoreClosed()))) {
      this.#entry = free
      this.#log('info', `Given back at position ${free.position}.`)
      await this.#publish()
      return
    }
    if (isVarveError(failure, 'CHECKPOINT_CONFLICT') && (await this.#isTakenOver())) return
    const { code } = reasonOf(failure)
    const event = isVarveError(failure, 'PROJECTION_FAILED') ? failedEvent(failure) : undefined
    // Which event it was is told beside.
    const cause = reasonOf(isVarveError(failure, 'PROJECTION_FAILED') ? failure.cause : failure)
    const triedBy = [...(free.failure?.triedBy ?? []), this.#options.owner].slice(-triedMax)
    const stored = { code, reason: cause.reason, ...(event && { event }), atMs: this.#options.clock.now(), triedBy }
    this.#entry = { ...free, state: 'failed', failure: stored }
    this.#log('error', stoppedText(free.position, event, cause), failure)
    await this.#publish()
  }

  /** What is closed while the store is not is the target, and stays so: nobody else can tell. */
  async #isStoreClosed(): Promise<boolean> {
    return this.#options.shelf.partition(this.#kept.key).then(
      () => false,
      (error: unknown) => isVarveError(error, 'STORE_CLOSED'),
    )
  }

  async #isTakenOver(): Promise<boolean> {
    const found = await this.#options.shelf.partition(this.#kept.key)
    return found?.value.epoch !== this.#entry.epoch
  }

  #log(level: ProjectionLogLine['level'], text: string, error?: unknown): void {
    this.#options.log({ level, text, ...this.#place, ...(error !== undefined && { error }) })
  }
}

const ofAnotherLog =
  'it was built from another log, or this one is as of an earlier time. Nothing is added before the log has grown past it: ' +
  'rebuild the projection, unless this is a replica that comes after.'

/** What happened, and what a person can do about it. */
function stoppedText(
  position: number,
  event: FailedEvent | undefined,
  { code, reason }: Pick<StoredFailure, 'code' | 'reason'>,
): string {
  const says = `${reason.replace(/[.!?]$/, '')} (${code}).`
  if (event === undefined) return `Stopped after position ${position}: ${says} Mend it and resume the projection.`
  const at = `event ${event.position} (${event.type} of ${event.streamId})`
  return `Stopped at ${at}: ${says} Mend it and resume the projection, or skip the event.`
}
