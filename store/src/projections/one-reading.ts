/**
 * One reading for all that follow it.
 *
 * A follower is *behind* what is kept of the shared reading and reads for itself, or *in* it, or waits at its end. The shared
 * reading goes on when somebody waits at its end; it keeps the last events that anybody may ask for, bounded in number and
 * bytes. Those that are slow
 * fall behind and read for themselves until they are back: at once, or after some patience, where to wait for each other costs
 * less than to read the same several times. So memory is bounded, and nobody who stands still holds the others up for long.
 */
import type { Clock } from '../engine/clock.ts'
import { StoreClosed } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import type { Stretch } from './gathering.ts'

/** How a reading is made. */
export interface ReadingOptions {
  /** Everything that anybody follows, from a position on. */
  readonly read: (from: number, signal: AbortSignal) => AsyncIterable<Stretch>
  /** Events that are kept, at the most. Their bytes are at most `limits.sharedBytes`. */
  readonly keptEvents: number
  /** How long the reading waits for those that would fall behind otherwise. Default: not at all. */
  readonly patience?: Patience
}

/** How long to wait for somebody who does not come further, in milliseconds. */
export interface Patience {
  readonly clock: Clock
  readonly ms: number
}

/** Who follows a reading. */
export interface Follower {
  readonly from: number
  /** Which of the events that are read for all it is given. */
  readonly own: (events: readonly RecordedEvent[]) => readonly RecordedEvent[]
  /** How it reads for itself while it is behind. */
  readonly alone: (from: number, signal: AbortSignal) => AsyncIterable<Stretch>
  readonly signal: AbortSignal
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** A reading for any number of followers. */
export class OneReading {
  readonly #options: ReadingOptions
  readonly #closing = new AbortController()
  #kept: Stretch[] = []
  /** What is kept lies after this position and up to the end, where the reading goes on. */
  #keptAfter = 0
  #end = 0
  /** Where the end was when the last follower joined. */
  #joinedAt = 0
  /** The last position at which nothing newer was there. */
  #caughtUpAt = -1
  #reading: AbortController | undefined
  #waiters: Waiter[] = []
  #goOn: (() => void) | undefined
  /** How far each follower is. */
  readonly #done = new Map<symbol, number>()
  #moved: (() => void) | undefined

  constructor(options: ReadingOptions) {
    this.#options = options
  }

  get isFollowed(): boolean {
    return this.#done.size > 0
  }

  /**
   * Stretch after stretch. Rejects with STORE_CLOSED when the reading is closed, with the signal's reason when aborted, and
   * with what cannot be read: following again begins anew.
   */
  async *follow(follower: Follower): AsyncGenerator<Stretch> {
    const me = Symbol('follower')
    this.#done.set(me, follower.from - 1)
    this.#joinedAt = this.#end
    try {
      for await (const stretch of this.#stretchesFor(follower)) {
        yield stretch
        this.#done.set(me, stretch.upTo)
        this.#moved?.()
      }
    } finally {
      this.#done.delete(me)
      this.#moved?.()
      // Nobody is there to read ahead for.
      if (!this.isFollowed) this.#beginAt(this.#end)
    }
  }

  /** Ends the reading and all that follow it. */
  close(): void {
    this.#closing.abort(new StoreClosed('The reader of the projections'))
  }

  async *#stretchesFor({ from, own, alone, signal }: Follower): AsyncGenerator<Stretch> {
    let done = from - 1
    let saidAt = -1
    for (;;) {
      signal.throwIfAborted()
      if (done > this.#end || (this.#kept.length === 0 && this.#reading === undefined)) this.#beginAt(done)
      if (done < this.#keptAfter) {
        for await (const stretch of this.#untilBack(alone(done + 1, signal))) {
          yield stretch
          done = stretch.upTo
        }
        continue
      }
      const after = done
      const stretch = this.#kept.find(({ upTo }) => upTo > after)
      if (stretch !== undefined) {
        const events = own(
          after < firstOf(stretch) ? stretch.events : stretch.events.filter((event) => event.position > after),
        )
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

  /** What one follower reads for itself, until it comes to what is kept. */
  async *#untilBack(stretches: AsyncIterable<Stretch>): AsyncGenerator<Stretch> {
    for await (const stretch of stretches) {
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

  #add(stretch: Stretch): void {
    if (stretch.upTo > this.#end) this.#kept.push(stretch)
    this.#end = stretch.upTo
    if (stretch.isEnd) this.#caughtUpAt = this.#end
    while (this.#kept.length > 1 && this.#isTooMuch(this.#kept)) {
      this.#keptAfter = this.#kept.shift()?.upTo ?? this.#keptAfter
    }
    this.#settle(({ resolve }) => resolve())
  }

  /**
   * What all have passed is kept for those that begin a little later, and for those that are behind. Once nobody is, it only
   * has the collector copy events that nobody asks for: of catching up in eight partitions that was a tenth.
   */
  #forgetPassed(): void {
    const slowest = Math.min(...this.#done.values())
    if (slowest < this.#keptAfter || this.#end - this.#joinedAt < this.#options.keptEvents) return
    const passed = this.#kept.filter(({ upTo }) => upTo <= slowest)
    this.#keptAfter = passed.at(-1)?.upTo ?? this.#keptAfter
    this.#kept = this.#kept.slice(passed.length)
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
    for await (const stretch of this.#options.read(this.#end + 1, signal)) {
      this.#forgetPassed()
      await this.#roomFor(stretch, signal)
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

  /** Resolves once nobody falls behind by what comes next, or patience is over. */
  async #roomFor(next: Stretch, signal: AbortSignal): Promise<void> {
    const { patience } = this.#options
    if (patience === undefined || !this.#leavesBehind(next)) return
    const over = new AbortController()
    const pause = patience.clock.sleep(patience.ms, AbortSignal.any([signal, over.signal])).then(() => over.abort())
    while (!over.signal.aborted && this.#leavesBehind(next)) {
      const movement = new Promise<void>((resolve) => {
        this.#moved = resolve
      })
      await Promise.race([pause, movement])
    }
    over.abort()
  }

  #leavesBehind(next: Stretch): boolean {
    const [oldest] = this.#kept
    if (oldest === undefined || !this.#isTooMuch([...this.#kept, next])) return false
    return [...this.#done.values()].some((done) => done >= this.#keptAfter && done < oldest.upTo)
  }

  #isTooMuch(kept: readonly Stretch[]): boolean {
    const events = kept.reduce((sum, stretch) => sum + stretch.events.length, 0)
    if (events > this.#options.keptEvents) return true
    return kept.reduce((sum, stretch) => sum + bytesOf(stretch), 0) > limits.sharedBytes
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

function firstOf({ events, upTo }: Stretch): number {
  return events[0]?.position ?? upTo + 1
}

/** Counted once for each stretch. */
const counted = new WeakMap<Stretch, number>()

function bytesOf(stretch: Stretch): number {
  const known = counted.get(stretch)
  if (known !== undefined) return known
  const bytes = stretch.events.reduce((sum, event) => sum + event.rawData.length + event.rawMetadata.length, 0)
  counted.set(stretch, bytes)
  return bytes
}
