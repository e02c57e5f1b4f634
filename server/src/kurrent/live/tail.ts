import type { EventStore } from 'varve'
import { CallFailed } from '../grpc/status.ts'
import { type KurrentEvent, kurrentEventOf } from '../streams/kurrent-event.ts'

/**
 * The newest events of the store, read once for all subscriptions that have caught up.
 *
 * opened by the first subscription > following the store > (event) offered to each follower > closed with the last one
 *
 * - What a follower wants waits for it, up to a bound; one that does not keep up is told that it has fallen behind, and
 *   reads the store again.
 * - The last events are kept, so that whoever has read the store up to its head can go on from there without a gap.
 */
export interface Tail {
  /** Keeps the tail running until it is disposed of. */
  open(): OpenTail
}

/** The tail as one subscription holds it. */
export interface OpenTail extends Disposable {
  /** Resolves once every event that is appended from now on will be seen. */
  readonly ready: Promise<void>
  /**
   * What comes behind a position and is wanted; undefined when the tail does not reach back so far.
   * `wants` is asked once for each event, in order.
   */
  follow(after: number, wants: (event: KurrentEvent) => boolean): Follower | undefined
}

/** The place of one subscription at the tail. */
export interface Follower extends Disposable {
  /** The next events that are wanted, at least one; `'behind'` when some were let go. */
  next(signal: AbortSignal): Promise<readonly KurrentEvent[] | 'behind'>
}

/** Events, and bytes, that wait for one follower, and that are kept for those who come. */
const eventsMax = 1_024
const bytesMax = 4_194_304

/** The tail of a store. */
export function createTail(store: EventStore): Tail {
  let running: Run | undefined
  let opened = 0
  return {
    open: () => {
      opened++
      if (running === undefined || running.isOver) running = new Run(store)
      const run = running
      let isOpen = true
      return {
        ready: run.ready,
        follow: (after, wants) => run.follow(after, wants),
        [Symbol.dispose]: () => {
          if (!isOpen) return
          isOpen = false
          opened--
          if (opened === 0) running?.stop()
        },
      }
    },
  }
}

/** One run along the end of the store, until nobody follows or the store fails. */
class Run {
  readonly ready: Promise<void>
  isOver = false
  #failure: unknown
  /** Everything behind this position is in `#recent`; below 0 until it is known. */
  #since = -1
  readonly #recent = new Waiting()
  readonly #followers = new Set<Following>()
  readonly #stopping = new AbortController()

  constructor(store: EventStore) {
    const begun = Promise.withResolvers<void>()
    this.ready = begun.promise
    // Whoever waits for it hears of its failure; perhaps nobody waits any more.
    this.ready.catch(() => undefined)
    void this.#run(store, begun)
  }

  stop(): void {
    this.isOver = true
    this.#stopping.abort()
  }

  follow(after: number, wants: (event: KurrentEvent) => boolean): Follower | undefined {
    if (this.isOver) throw this.#failure
    if (this.#since < 0 || after < this.#since) return undefined
    const following = new Following(wants, () => this.#followers.delete(following))
    for (const event of this.#recent.events) if (event.position > after) following.offer(event)
    this.#followers.add(following)
    return following
  }

  async #run(store: EventStore, begun: PromiseWithResolvers<void>): Promise<void> {
    try {
      const { signal } = this.#stopping
      for await (const item of store.subscribe({ from: 'end', marks: true, signal })) {
        const isEvent = item.kind === 'event'
        if (this.#since < 0) this.#since = isEvent ? item.event.position - 1 : item.position
        begun.resolve()
        if (isEvent) this.#offer(kurrentEventOf(item.event))
        // A mark ends each page: what came together is taken together.
        else for (const following of this.#followers) following.wake()
      }
      this.#failure = new CallFailed('unavailable', 'The store is closed.')
    } catch (error) {
      this.#failure = error
    }
    this.isOver = true
    begun.reject(this.#failure)
    for (const following of this.#followers) following.fail(this.#failure)
  }

  #offer(event: KurrentEvent): void {
    this.#recent.push(event)
    while (this.#recent.isOver) this.#since = this.#recent.shift()?.position ?? this.#since
    for (const following of this.#followers) following.offer(event)
  }
}

class Following implements Follower {
  readonly #wants: (event: KurrentEvent) => boolean
  readonly #leave: () => void
  readonly #waiting = new Waiting()
  #isBehind = false
  #failed: { readonly error: unknown } | undefined
  #woken: (() => void) | undefined

  constructor(wants: (event: KurrentEvent) => boolean, leave: () => void) {
    this.#wants = wants
    this.#leave = leave
  }

  offer(event: KurrentEvent): void {
    if (this.#isBehind || this.#failed !== undefined || !this.#isWanted(event)) return
    this.#waiting.push(event)
    if (!this.#waiting.isOver) return
    this.#isBehind = true
    this.#waiting.take()
  }

  wake(): void {
    if (this.#hasNews) this.#woken?.()
  }

  fail(error: unknown): void {
    this.#failed = { error }
    this.#woken?.()
  }

  async next(signal: AbortSignal): Promise<readonly KurrentEvent[] | 'behind'> {
    if (!this.#hasNews) await this.#news(signal)
    signal.throwIfAborted()
    if (this.#isBehind) return 'behind'
    if (this.#waiting.events.length === 0 && this.#failed !== undefined) throw this.#failed.error
    return this.#waiting.take()
  }

  [Symbol.dispose](): void {
    this.#leave()
  }

  /** A filter that breaks is the trouble of who gave it, not of the others. */
  #isWanted(event: KurrentEvent): boolean {
    try {
      return this.#wants(event)
    } catch (error) {
      this.fail(error)
      return false
    }
  }

  get #hasNews(): boolean {
    return this.#isBehind || this.#waiting.events.length > 0 || this.#failed !== undefined
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        signal.removeEventListener('abort', settle)
        this.#woken = undefined
        resolve()
      }
      if (signal.aborted) return settle()
      signal.addEventListener('abort', settle)
      this.#woken = settle
    })
  }
}

/** Events with a bound. */
class Waiting {
  events: KurrentEvent[] = []
  #bytes = 0

  get isOver(): boolean {
    return this.events.length > eventsMax || this.#bytes > bytesMax
  }

  push(event: KurrentEvent): void {
    this.events.push(event)
    this.#bytes += bytesOf(event)
  }

  shift(): KurrentEvent | undefined {
    const event = this.events.shift()
    if (event !== undefined) this.#bytes -= bytesOf(event)
    return event
  }

  take(): readonly KurrentEvent[] {
    const { events } = this
    this.events = []
    this.#bytes = 0
    return events
  }
}

/** Near enough, where text has more bytes than characters: it is asked for every follower of every event. */
function bytesOf({ data, customMetadata }: KurrentEvent): number {
  return data.length + customMetadata.length
}
