import type { Clock } from '../engine/clock.ts'
import type { AppendOutcome, Engine } from '../engine/engine.ts'
import { shardsOf } from '../engine/shards-of.ts'
import { isVarveError, QueueFull, StoreClosed } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { requestBytes } from './event-bytes.ts'
import type { PreparedAppend } from './prepare.ts'

/**
 * Gathers the appends that arrive while a commit is under way and sends them as the next one.
 *
 * idle > (first append) > gathering the rest of this turn > committing > … > idle
 *
 * - No timer: an append on an idle store goes out at the end of the microtasks it was made in; while a commit runs, the
 *   next batch fills by itself up to the number of appenders.
 * - First come, first served: a batch is a run of the queue from its head. An append larger than a batch goes alone.
 * - Where several batches may be in flight, many appenders are shared between them: one batch is committed while the next is
 *   made of those just answered. All of them in one batch would have this process and the database wait for each other.
 * - Each log shard has its own: appends in one do not wait for those in another. What writes to several, or checks streams of
 *   several, goes together, and may so come before or after what was called beside it.
 * - Bounded: a batch by events and bytes, the queue by events and bytes (QUEUE_FULL). Bytes are an upper bound until it
 *   no longer shows that a limit is kept; then they are counted, once for each append.
 * - One bad request harms nobody: refusals are outcomes of their own, and when a whole batch fails in a way that is not
 *   about the engine being away, its requests are sent again one by one. That is safe, since ids make a repeat harmless.
 */
export interface GroupCommit {
  submit(append: PreparedAppend, signal?: AbortSignal): Promise<AppendOutcome>
  /** Refuses what comes from now on and waits for what was taken in. */
  close(): Promise<void>
}

/**
 * Events of the smallest share of a batch. On PostgreSQL two batches of 32 in flight take 1.2 times as many events as one of
 * 64; two of 16 gain nothing over one of 32, and cost the server a third more.
 */
const shareEventsMin = 32

interface Sized extends Pick<PreparedAppend, 'request'> {
  /** An upper bound, until it is counted. */
  bytes: number
  isCounted: boolean
}

interface Waiting extends Sized {
  readonly resolve: (outcome: AppendOutcome) => void
  readonly reject: (reason: unknown) => void
  /** True once it is part of a batch, or was given up. */
  taken: boolean
  settled: (() => void) | undefined
}

/** Group commit over one engine. */
export function createGroupCommit(engine: Engine, clock: Clock): GroupCommit {
  const { logShards } = engine.capabilities
  if (logShards === 1) return createLine(engine, clock)
  const lines = Array.from({ length: logShards + 1 }, () => createLine(engine, clock))
  return {
    submit: (append, signal) => {
      const [shard = logShards, ...others] = shardsOf(append.request, logShards)
      const line = others.length === 0 ? shard : logShards
      return (lines[line] as GroupCommit).submit(append, signal)
    },
    close: async () => {
      await Promise.all(lines.map((line) => line.close()))
    },
  }
}

/** One queue, and what is under way of it. */
function createLine(engine: Engine, clock: Clock): GroupCommit {
  const { batchesInFlight } = engine.capabilities
  const queue = new AppendQueue()
  let lanes = 0
  let eventsInFlight = 0
  let closed = false
  const idle: (() => void)[] = []

  async function runLane(): Promise<void> {
    lanes++
    // Whatever is appended in the same turn of the caller's code shares the first commit.
    await undefined
    while (!queue.isEmpty) {
      const eventsBefore = queue.events
      const batch = queue.takeBatch(share())
      const events = eventsBefore - queue.events
      eventsInFlight += events
      if (!queue.isEmpty) beginLane()
      await commit(engine, batch)
      eventsInFlight -= events
      // The appenders just answered come back within this turn; without it, the next batch would be one of them.
      await clock.turn()
    }
    lanes--
    if (lanes === 0) for (const resolve of idle.splice(0)) resolve()
  }

  function beginLane(): void {
    if (lanes < batchesInFlight) void runLane()
  }

  /** The most events of the next batch, so that every batch in flight has as many. */
  function share(): number {
    const events = Math.ceil((queue.events + eventsInFlight) / batchesInFlight)
    return events < shareEventsMin ? limits.batchEvents : Math.min(events, limits.batchEvents)
  }

  return {
    submit: (append, signal) => {
      if (closed) throw new StoreClosed()
      signal?.throwIfAborted()
      const sized: Sized = { request: append.request, bytes: append.bytesAtMost, isCounted: false }
      queue.refuseWhenFull(sized)
      return new Promise((resolve, reject) => {
        const { request, bytes, isCounted } = sized
        const waiting: Waiting = { request, bytes, isCounted, resolve, reject, taken: false, settled: undefined }
        queue.add(waiting)
        if (signal !== undefined) queue.giveUpOn(signal, waiting)
        beginLane()
      })
    },
    close: async () => {
      closed = true
      if (lanes > 0) await new Promise<void>((resolve) => idle.push(resolve))
    },
  }
}

/** What waits for a commit, first come first served. */
class AppendQueue {
  #waiting: Waiting[] = []
  #first = 0
  /** Everything before this place was counted. */
  #countedTo = 0
  #events = 0
  #bytes = 0

  get isEmpty(): boolean {
    return this.#events === 0
  }

  get events(): number {
    return this.#events
  }

  refuseWhenFull(append: Sized): void {
    const events = this.#events + append.request.events.length
    if (events <= limits.queueEvents && this.#bytes + append.bytes <= limits.queueBytes) return
    counted(append)
    this.#countAll()
    if (events > limits.queueEvents || this.#bytes + append.bytes > limits.queueBytes) {
      throw new QueueFull(this.#events, this.#bytes)
    }
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.#events += waiting.request.events.length
    this.#bytes += waiting.bytes
  }

  /** Before it was sent, a request is taken back; afterwards only the caller stops waiting. */
  giveUpOn(signal: AbortSignal, waiting: Waiting): void {
    const abort = (): void => {
      if (!waiting.taken) this.#take(waiting)
      waiting.reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    // A signal may outlive many appends: each leaves it as it was.
    waiting.settled = () => signal.removeEventListener('abort', abort)
  }

  takeBatch(eventsMax: number): readonly Waiting[] {
    const batch: Waiting[] = []
    let events = 0
    let bytes = 0
    let isCounted = false
    for (; this.#first < this.#waiting.length; this.#first++) {
      const next = this.#waiting[this.#first] as Waiting
      if (next.taken) continue
      events += next.request.events.length
      if (!isCounted && bytes + next.bytes > limits.batchBytes) {
        bytes = batch.reduce((sum, taken) => sum + counted(taken), 0)
        isCounted = true
      }
      if (isCounted) this.#count(next)
      bytes += next.bytes
      if (batch.length > 0 && (events > eventsMax || bytes > limits.batchBytes)) break
      this.#take(next)
      batch.push(next)
    }
    // Shifting an array of thousands for every batch would cost more than the batch.
    if (this.#first === this.#waiting.length || this.#first > 4096) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#countedTo = Math.max(0, this.#countedTo - this.#first)
      this.#first = 0
    }
    return batch
  }

  #countAll(): void {
    for (const waiting of this.#waiting.slice(Math.max(this.#first, this.#countedTo))) this.#count(waiting)
    this.#countedTo = this.#waiting.length
  }

  #count(waiting: Waiting): void {
    if (waiting.taken) return
    this.#bytes -= waiting.bytes
    this.#bytes += counted(waiting)
  }

  #take(waiting: Waiting): void {
    waiting.taken = true
    this.#events -= waiting.request.events.length
    this.#bytes -= waiting.bytes
  }
}

/** The exact bytes, counted once. */
function counted(append: Sized): number {
  if (!append.isCounted) append.bytes = requestBytes(append.request)
  append.isCounted = true
  return append.bytes
}

async function commit(engine: Engine, batch: readonly Waiting[]): Promise<void> {
  try {
    // All of them may have been given up since the batch was due.
    if (batch.length === 0) return
    const outcomes = await engine.append(batch.map((waiting) => waiting.request))
    for (let index = 0; index < batch.length; index++) {
      const waiting = batch[index] as Waiting
      waiting.settled?.()
      waiting.resolve(outcomes[index] as AppendOutcome)
    }
  } catch (error) {
    if (batch.length > 1 && !(isVarveError(error) && concernsAll.has(error.code))) {
      for (const waiting of batch) await commit(engine, [waiting])
      return
    }
    for (const waiting of batch) {
      waiting.settled?.()
      waiting.reject(error)
    }
  }
}

/** Failures of the engine itself, which every request of the batch would meet again. */
const concernsAll: ReadonlySet<string> = new Set(['ENGINE_UNAVAILABLE', 'STORE_CLOSED', 'STORE_CORRUPT'])
