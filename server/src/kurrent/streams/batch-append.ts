import { type Clock, type EventStore, limits } from 'varve'
import { AccessRefused } from '../../auth/access.ts'
import { failureOf } from '../failure.ts'
import type { Call, Handler } from '../grpc/call.ts'
import { CallFailed } from '../grpc/status.ts'
import { MalformedMessage } from '../protobuf/proto-reader.ts'
import { Refused } from '../refusal.ts'
import { append } from './append.ts'
import { type BatchRequest, decodeBatch } from './batch-request.ts'
import { type BatchOutcome, BatchResponses } from './batch-response.ts'
import { ownEvent, type ProposedEvent } from './proposed-event.ts'
import { appendTooLarge } from './proposed-write.ts'
import type { Deadline, StreamOptions } from './stream-options.ts'

/**
 * BatchAppend: one call that a client keeps open and sends all its appends through.
 *
 * An append comes in one message or in several, between those of others; it is written when its last part is there. Each
 * has exactly one answer, in any order: a place, a refusal, or a timeout. Answers that are ready together go out together.
 * The next message is read only when the client takes its answers and not too much is under way.
 */

/** What appending in batches needs. */
export interface BatchParts {
  readonly store: EventStore
  readonly clock: Clock
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  /** Hears of what is the server's own failure. */
  readonly failed: (error: unknown) => void
}

/** Appends of one call that may wait for their commit, and their bytes, before more is read. */
const underWayMax = 2_048
const underWayBytesMax = 33_554_432

/** Appends of one call that may be unfinished, and their bytes. */
const openMax = 1_000
const openBytesMax = 67_108_864

/** How often to look for appends that are late, in milliseconds: a timer for each would cost more than the append. */
const lookMs = 50

/** An append that has no answer yet. */
interface Pending {
  readonly correlation: Buffer
  readonly options: StreamOptions
  /** When the client stops waiting, in milliseconds since 1970. */
  readonly dueMs: number
  /** What came in earlier parts. */
  readonly events: ProposedEvent[]
  bytes: number
  isAnswered: boolean
}

/** The method BatchAppend. */
export function batchAppend(parts: BatchParts): Handler {
  return async (call) => {
    const batch = new Batch(parts, call)
    const closing = Promise.withResolvers<void>()
    const close = (): void => closing.resolve()
    parts.closing.addEventListener('abort', close)
    try {
      await Promise.race([batch.readAll(), closing.promise])
      await batch.end()
      if (parts.closing.aborted) throw new CallFailed('unavailable', 'The server shuts down. Retry with the same ids.')
    } finally {
      parts.closing.removeEventListener('abort', close)
    }
  }
}

class Batch {
  readonly #parts: BatchParts
  readonly #call: Call
  readonly #responses = new BatchResponses()
  /** By correlation: appends of which the last part is missing. */
  readonly #open = new Map<string, Pending>()
  #openBytes = 0
  readonly #pending = new Set<Pending>()
  #underWay = 0
  #underWayBytes = 0
  #sending: Promise<void> | undefined
  #isFlushDue = false
  #isLooking = false
  #isEnded = false
  #movement: PromiseWithResolvers<void> | undefined

  constructor(parts: BatchParts, call: Call) {
    this.#parts = parts
    this.#call = call
    call.signal.addEventListener('abort', () => this.#moved())
  }

  async readAll(): Promise<void> {
    for await (const messages of this.#call.batches()) {
      for (const message of messages) this.#take(decodeBatch(message), message.length)
      while (this.#isFull) await this.#next()
    }
  }

  /** Takes nothing more, and waits until everything under way is answered. */
  async end(): Promise<void> {
    this.#isEnded = true
    const problem = 'The call ended before the last part of this append.'
    for (const pending of this.#open.values()) this.#answer(pending, { kind: 'bad_request', problem })
    while (this.#pending.size > 0 || !this.#responses.isEmpty || this.#sending !== undefined) await this.#next()
  }

  get #isFull(): boolean {
    return this.#sending !== undefined || this.#underWay >= underWayMax || this.#underWayBytes >= underWayBytesMax
  }

  /** Waits for an answer, for room, or for the client to be gone. */
  async #next(): Promise<void> {
    this.#call.signal.throwIfAborted()
    this.#movement ??= Promise.withResolvers<void>()
    await this.#movement.promise
    this.#call.signal.throwIfAborted()
  }

  #moved(): void {
    this.#movement?.resolve()
    this.#movement = undefined
  }

  #take(request: BatchRequest, bytes: number): void {
    if (this.#isEnded) return
    const { correlation, isFirst, isFinal } = request
    const key = correlation.toString('latin1')
    const open = this.#open.get(key)
    // A later part of what was refused already: that was the one answer.
    if (open === undefined && !isFirst) return
    const pending = open ?? this.#begun(request)
    if (request.problem !== undefined) this.#refuse(pending, key, request.problem)
    else if (pending.dueMs <= this.#parts.clock.now()) this.#refuse(pending, key, late)
    else if (isFinal && open === undefined) this.#write(pending, request.events, bytes)
    else this.#gather(pending, key, request, bytes)
  }

  #begun({ correlation, options = unreadable }: BatchRequest): Pending {
    const dueMs = dueMsOf(options.deadline, this.#parts.clock)
    // The correlation is a view of what was received, and would keep all of that.
    const own = Buffer.from(correlation)
    const pending: Pending = { correlation: own, options, dueMs, events: [], bytes: 0, isAnswered: false }
    this.#pending.add(pending)
    if (!this.#isLooking) void this.#lookForLate()
    return pending
  }

  #gather(pending: Pending, key: string, { events, isFinal }: BatchRequest, bytes: number): void {
    this.#open.set(key, pending)
    this.#openBytes += bytes
    pending.bytes += bytes
    for (const event of events) pending.events.push(ownEvent(event))
    if (pending.bytes > limits.appendBytes * 2 || pending.events.length > limits.appendEvents) {
      this.#refuse(pending, key, new Refused(appendTooLarge))
      return
    }
    if (this.#open.size > openMax || this.#openBytes > openBytesMax) {
      throw new CallFailed('resourceExhausted', 'Too many appends are begun and not finished. Finish some first.')
    }
    if (!isFinal) return
    this.#forget(pending, key)
    this.#write(pending, pending.events, pending.bytes)
  }

  #forget(pending: Pending, key: string): void {
    if (this.#open.delete(key)) this.#openBytes -= pending.bytes
  }

  #refuse(pending: Pending, key: string, problem: unknown): void {
    this.#forget(pending, key)
    this.#answer(pending, this.#outcomeOf(problem))
  }

  #write(pending: Pending, events: readonly ProposedEvent[], bytes: number): void {
    const { stream, expected } = pending.options
    this.#underWay++
    this.#underWayBytes += bytes
    const settle = (outcome: BatchOutcome): void => {
      this.#underWay--
      this.#underWayBytes -= bytes
      this.#answer(pending, outcome)
      this.#moved()
    }
    const appending = append(this.#parts.store, this.#call.access, { stream, expected, events })
    appending.then(settle, (error) => settle(this.#outcomeOf(error)))
  }

  #answer(pending: Pending, outcome: BatchOutcome): void {
    if (pending.isAnswered) return
    pending.isAnswered = true
    this.#pending.delete(pending)
    this.#responses.add(pending.correlation, pending.options.stream, outcome)
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    // One commit answers many appends, all of them in this turn: behind them comes the one write.
    queueMicrotask(() => {
      this.#isFlushDue = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#sending !== undefined || this.#responses.isEmpty || this.#call.signal.aborted) return
    const drained = this.#sent(this.#responses.take())
    if (drained === undefined) {
      this.#moved()
      return
    }
    const go = (): void => {
      this.#sending = undefined
      this.#flush()
      this.#moved()
    }
    this.#sending = drained.then(go, go)
  }

  #sent(answers: Buffer): Promise<void> | undefined {
    try {
      return this.#call.send(answers)
    } catch {
      // The client has gone, which whoever reads from it hears as well.
      return undefined
    }
  }

  async #lookForLate(): Promise<void> {
    this.#isLooking = true
    const { clock } = this.#parts
    while (this.#pending.size > 0 && !this.#call.signal.aborted) {
      await clock.sleep(lookMs, this.#call.signal)
      const now = clock.now()
      for (const pending of this.#pending) {
        if (pending.dueMs <= now) this.#refuse(pending, keyOf(pending), late)
      }
    }
    this.#isLooking = false
  }

  #outcomeOf(error: unknown): BatchOutcome {
    if (error instanceof Refused) return error.refusal
    if (error instanceof AccessRefused) return { kind: 'access_denied', problem: error.message }
    if (error instanceof MalformedMessage) return { kind: 'bad_request', problem: error.message }
    const { status, message } = failureOf(error)
    // The one word for "later, perhaps" that clients know here.
    if (status === 'unavailable') return { kind: 'timeout', problem: message }
    this.#parts.failed(error)
    return { kind: 'failed', problem: message }
  }
}

/** What stands for options that nobody can read. */
const unreadable: StreamOptions = { stream: '', expected: 'any', deadline: undefined }

const late = new Refused({ kind: 'timeout', problem: 'The append was not done before its deadline.' })

function keyOf({ correlation }: Pending): string {
  return correlation.toString('latin1')
}

function dueMsOf(deadline: Deadline | undefined, clock: Clock): number {
  if (deadline === undefined) return Number.POSITIVE_INFINITY
  return 'atMs' in deadline ? deadline.atMs : clock.now() + deadline.inMs
}
