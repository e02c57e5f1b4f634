import { AsyncLocalStorage } from 'node:async_hooks'
import { markFailed, markUndone } from '../engine/span.ts'
import type { NackAction } from '../model/consumer-group.ts'
import type { RecordedEvent } from '../model/event.ts'
import { linksTo } from '../model/traceparent.ts'
import { spanKinds, type Tracer, type TracerSpan } from '../model/tracer.ts'

/** Whose deliveries have spans, and by which tracer. */
export interface Tracing {
  readonly tracer: Tracer
  readonly group: string
  readonly consumer: string
}

/** What is handed out. */
interface HandedOut {
  readonly event: RecordedEvent
  readonly attempt: number
  readonly position: number
  /** Aborts once it is its consumer's no more. */
  readonly signal: AbortSignal
}

/**
 * A delivery in a span: from when its consumer gets the event until it is known what came of the first word on it, or that it
 * was lost without one. A trace of its own, since it may be much later, linked to the span of the append that the event comes from.
 *
 * What a consumer does with an event is called by no one here, so that the span is made the active one only where it asks for it.
 */
export class DeliverySpan {
  readonly #span: TracerSpan
  /** Runs something where the span is the active one. */
  readonly #within: <Result>(work: () => Result) => Result
  #isSaid = false
  #isOver = false

  constructor({ tracer, group, consumer }: Tracing, { event, attempt, position, signal }: HandedOut) {
    const { correlationId, traceparent } = event.metadata
    const attributes = {
      'varve.group': group,
      'varve.consumer': consumer,
      'varve.position': position,
      'varve.attempt': attempt,
      ...(correlationId !== undefined && { 'varve.correlation_id': correlationId }),
    }
    const start = { kind: spanKinds.consumer, root: true, attributes, links: linksTo([{ traceparent }]) }
    const begun = tracer.startActiveSpan(`varve.consume ${group}`, start, (span) => {
      return { span, within: AsyncLocalStorage.snapshot() }
    })
    this.#span = begun.span
    this.#within = begun.within
    const lost = (): void => this.#end(signal.reason)
    signal.addEventListener('abort', lost, { once: true })
    if (signal.aborted) lost()
  }

  /** Runs work below the span, which tells what it threw. */
  run<Result>(work: () => Result): Result {
    return this.#within(() => {
      try {
        const result = work()
        if (result instanceof Promise) result.catch((error: unknown) => this.#mark(error))
        return result
      } catch (error) {
        this.#mark(error)
        throw error
      }
    })
  }

  /** The consumer has said its word. What it waits for settles once that is known. */
  said(word: 'ack' | NackAction, known: Promise<void>, reason = ''): void {
    if (this.#isSaid || this.#isOver) return
    this.#isSaid = true
    this.#span.setAttribute('varve.said', word)
    if (word !== 'ack' && word !== 'skip') markUndone(this.#span, reason)
    known.then(
      () => this.#end(undefined),
      (error: unknown) => this.#end(error),
    )
  }

  #mark(error: unknown): void {
    if (!this.#isOver) markFailed(this.#span, error)
  }

  #end(error: unknown): void {
    if (this.#isOver) return
    if (error !== undefined) this.#mark(error)
    this.#isOver = true
    this.#span.end()
  }
}
