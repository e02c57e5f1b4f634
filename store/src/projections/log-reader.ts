/**
 * One reading of the log for all that follow it in this process.
 *
 * A follower is *behind* what is kept of the shared reading and reads for itself, or *in* it, or waits at its end. The shared
 * reading goes on when somebody waits at its end; it keeps the last events, bounded in number and bytes, and does not wait
 * for those that are slow: they fall behind and read for themselves until they are back. So the slowest projection costs
 * the others nothing, and memory is bounded.
 */
import type { EventStore } from '../event-store.ts'
import type { SubscriptionItem } from '../model/call.ts'
import { StoreClosed } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { matchesQuery, normalQuery, type Query, type QueryItem } from '../model/query.ts'
import type { Stretch } from './projection.ts'

/** A part of the log that is kept for all. */
interface KeptStretch extends Stretch {
  readonly bytes: number
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Events of one stretch, so that followers that are as fast as each other share many. */
const stretchEvents = 256

/** Reads what matches any of some filters, for any number of followers. */
export class LogReader {
  readonly #store: Pick<EventStore, 'subscribe'>
  readonly #filter: Query
  readonly #closing = new AbortController()
  #kept: KeptStretch[] = []
  /** What is kept lies after this position and up to the end, where the reading goes on. */
  #keptAfter = 0
  #end = 0
  /** The last position at which nothing newer was there. */
  #caughtUpAt = -1
  #reading: AbortController | undefined
  #waiters: Waiter[] = []
  #goOn: (() => void) | undefined

  constructor(store: Pick<EventStore, 'subscribe'>, filters: readonly QueryItem[]) {
    this.#store = store
    this.#filter = filters.length <= limits.queryItems ? filters : 'everything'
  }

  /**
   * Everything from a position on that matches one filter, stretch after stretch. Rejects with STORE_CLOSED when the store is,
   * with the signal's reason when aborted, and with what the store cannot read: following again begins anew.
   */
  async *follow(from: number, filter: QueryItem, signal: AbortSignal): AsyncGenerator<Stretch> {
    const query = normalQuery(filter)
    let done = from - 1
    let saidAt = -1
    for (;;) {
      signal.throwIfAborted()
      if (done > this.#end || (this.#kept.length === 0 && this.#reading === undefined)) this.#beginAt(done)
      if (done < this.#keptAfter) {
        for await (const stretch of this.#alone(done, filter, signal)) {
          yield stretch
          done = stretch.upTo
        }
        continue
      }
      const after = done
      const stretch = this.#kept.find(({ upTo }) => upTo > after)
      if (stretch !== undefined) {
        const events = stretch.events.filter((event) => event.position > after && matchesQuery(query, event))
        const isEnd = stretch.upTo === this.#caughtUpAt
        if (isEnd) saidAt = stretch.upTo
        yield { events, upTo: stretch.upTo, isEnd }
        done = stretch.upTo
      } else if (this.#caughtUpAt === done && saidAt !== done) {
        saidAt = done
        yield { events: [], upTo: done, isEnd: true }
      } else {
        await this.#atEnd(signal)
      }
    }
  }

  /** Ends the reading and all that follow it. */
  close(): void {
    this.#closing.abort(new StoreClosed('The reader of the projections'))
  }

  /** What one follower reads for itself, until it comes to what is kept. */
  async *#alone(after: number, filter: QueryItem, signal: AbortSignal): AsyncGenerator<Stretch> {
    const items = this.#store.subscribe({ from: after + 1, filter, marks: true, signal })
    for await (const stretch of stretches(items, after)) {
      yield stretch
      if (stretch.upTo >= this.#keptAfter) return
    }
    throw new StoreClosed()
  }

  #beginAt(after: number): void {
    this.#reading?.abort()
    this.#reading = undefined
    this.#kept = []
    this.#keptAfter = after
    this.#end = after
    this.#caughtUpAt = -1
    // Those that waited at the old end are behind now.
    this.#settle(({ resolve }) => resolve())
  }

  #add(stretch: KeptStretch): void {
    if (stretch.upTo > this.#end) this.#kept.push(stretch)
    this.#end = stretch.upTo
    if (stretch.isEnd) this.#caughtUpAt = this.#end
    while (this.#kept.length > 1 && isTooMuch(this.#kept)) {
      this.#keptAfter = this.#kept.shift()?.upTo ?? this.#keptAfter
    }
    this.#settle(({ resolve }) => resolve())
  }

  #settle(how: (waiter: Waiter) => void): void {
    const settled = this.#waiters
    this.#waiters = []
    for (const waiter of settled) how(waiter)
  }

  async #read(own: AbortController): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, own.signal])
    signal.addEventListener('abort', () => this.#goOn?.(), { once: true })
    const failure = await this.#readOn(own, signal).then(
      () => new StoreClosed(),
      (error: unknown) => error,
    )
    if (this.#reading !== own) return
    this.#reading = undefined
    this.#settle(({ reject }) => reject(failure))
  }

  async #readOn(own: AbortController, signal: AbortSignal): Promise<void> {
    const items = this.#store.subscribe({ from: this.#end + 1, filter: this.#filter, marks: true, signal })
    for await (const stretch of stretches(items, this.#end)) {
      if (this.#reading !== own) return
      this.#add(stretch)
      // Reads on when somebody has come to the end: it is never ahead for nobody.
      await new Promise<void>((resolve) => {
        this.#goOn = resolve
      })
      if (this.#reading !== own) return
    }
    this.#closing.signal.throwIfAborted()
  }

  /** Resolves when there is more, or when the signal aborts; rejects with what ended the reading. */
  #atEnd(signal: AbortSignal): Promise<void> {
    this.#closing.signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const leave = (): void => signal.removeEventListener('abort', waiter.resolve)
      const waiter: Waiter = {
        resolve: () => {
          leave()
          resolve()
        },
        reject: (reason) => {
          leave()
          reject(reason)
        },
      }
      signal.addEventListener('abort', waiter.resolve, { once: true })
      this.#waiters.push(waiter)
      this.#goOn?.()
      if (this.#reading !== undefined) return
      this.#reading = new AbortController()
      void this.#read(this.#reading)
    })
  }
}

function isTooMuch(kept: readonly KeptStretch[]): boolean {
  const events = kept.reduce((sum, stretch) => sum + stretch.events.length, 0)
  const bytes = kept.reduce((sum, stretch) => sum + stretch.bytes, 0)
  return events > limits.sharedEvents || bytes > limits.sharedBytes
}

async function* stretches(items: AsyncIterable<SubscriptionItem>, from: number): AsyncGenerator<KeptStretch> {
  let after = from
  let events: RecordedEvent[] = []
  let bytes = 0
  for await (const item of items) {
    if (item.kind === 'event') {
      events.push(item.event)
      bytes += item.event.rawData.length + item.event.rawMetadata.length
      if (events.length < stretchEvents) continue
    }
    const upTo = item.kind === 'event' ? item.event.position : item.position
    const isEnd = item.kind === 'caught_up'
    if (upTo > after || isEnd) yield { upTo, events, isEnd, bytes }
    after = upTo
    events = []
    bytes = 0
  }
}
