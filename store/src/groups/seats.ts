import type { GroupSettings } from '../model/consumer-group.ts'
import { StoreClosed } from '../model/errors.ts'
import type { ConsumerNumbers } from './group-state.ts'
import type { Admission, Ask, Handed, Seat } from './held.ts'

/** How often it is counted how fast consumers are. */
const countMs = 1_000

/** Events that are kept ready for a consumer however slow it is. */
const readyMin = 32

/** A consumer that has nothing yet. */
export function newSeat({
  name,
  bufferEvents,
  readyEvents,
  endsOnChange,
}: Pick<Seat, 'name' | 'bufferEvents' | 'readyEvents' | 'endsOnChange'>): Seat {
  const numbers = { askedEvents: 1, inHand: 0, servedMs: 0, finished: 0, countedFinished: 0, perSecond: 0 }
  const admission = newAdmission()
  return { name, bufferEvents, readyEvents, endsOnChange, admission, ...numbers, ask: undefined, end: undefined }
}

function newAdmission(): Admission {
  let resolve: Admission['resolve'] = () => undefined
  let reject: Admission['reject'] = () => undefined
  const settings = new Promise<GroupSettings>((resolved, rejected) => {
    resolve = resolved
    reject = rejected
  })
  // Not everybody asks.
  settings.catch(() => undefined)
  return { settings, known: undefined, resolve, reject }
}

/** Ends a consumer; one that waits is told at once. */
export function endSeat(seat: Seat, error: unknown): void {
  seat.end ??= { error }
  const { ask } = seat
  seat.ask = undefined
  seat.admission.reject(error ?? new StoreClosed())
  if (error === undefined) ask?.resolve(undefined)
  else ask?.reject(error)
}

/** The consumers of one member, in the order in which they came. */
export class Seats {
  readonly #seats: Seat[] = []
  /** Those that wait, first who waits longest. */
  #asking: readonly Seat[] = []
  /** For consumers that do not say how many events they may have. */
  bufferEvents = 0
  #countedMs = 0
  /** Events handed out since a time, and in as long a time before. */
  #took = { sinceMs: 0, count: 0, before: 0 }

  get all(): readonly Seat[] {
    return this.#seats
  }

  /** Those that are served. */
  get open(): readonly Seat[] {
    return this.#seats.filter(({ end }) => end === undefined)
  }

  /** Those that wait although they may have more, first who waits longest. */
  get asking(): readonly Seat[] {
    this.#asking = this.#asking.filter(({ ask }) => ask !== undefined)
    return this.#asking.filter((seat) => this.hasRoom(seat))
  }

  /** Events that all of them together may have, in hand or ready for them. */
  get capacity(): number {
    return this.open.reduce((sum, seat) => sum + this.#bufferOf(seat) + seat.readyEvents, 0)
  }

  /**
   * How many events are worth having ready: as many as they take in a second, and never fewer than they ask for at a time.
   * A program whose consumers are slow leaves the rest to others, instead of a buffer that they come to in minutes.
   */
  readyMax(nowMs: number): number {
    this.#takeNote(nowMs)
    const { count, before } = this.#took
    const least = this.open.reduce((sum, { askedEvents }) => sum + Math.max(askedEvents, readyMin), 0)
    return Math.min(Math.max(least, count, before), this.capacity)
  }

  /** Notes that an event was handed out. */
  took(nowMs: number): void {
    this.#takeNote(nowMs)
    this.#took.count++
  }

  #takeNote(nowMs: number): void {
    const passedMs = nowMs - this.#took.sinceMs
    if (passedMs < countMs) return
    this.#took = { sinceMs: nowMs, count: 0, before: passedMs < 2 * countMs ? this.#took.count : 0 }
  }

  add(seat: Seat): void {
    this.#seats.push(seat)
  }

  remove(seat: Seat): void {
    const index = this.#seats.indexOf(seat)
    if (index >= 0) this.#seats.splice(index, 1)
  }

  /** Lets a consumer wait for its next event; undefined when there will be none. */
  ask(seat: Seat, signal: AbortSignal | undefined): Promise<Handed | undefined> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (seat.end?.error !== undefined) throw seat.end.error
      if (seat.end !== undefined) return resolve(undefined)
      const settled = (): void => {
        seat.ask = undefined
        signal?.removeEventListener('abort', abort)
      }
      const ask: Ask = {
        resolve: (handed) => {
          settled()
          resolve(handed)
        },
        reject: (reason) => {
          settled()
          reject(reason)
        },
      }
      const abort = (): void => ask.reject(signal?.reason)
      seat.ask = ask
      signal?.addEventListener('abort', abort)
      this.#asking = [...this.#asking.filter((other) => other !== seat), seat]
    })
  }

  /** Whether a consumer may have more. */
  hasRoom(seat: Seat): boolean {
    return seat.end === undefined && seat.inHand < this.#bufferOf(seat)
  }

  /** Ends all of them, or as many of those that came last. */
  end(error: unknown, count: number = this.#seats.length): void {
    if (count > 0) for (const seat of this.open.slice(-count)) endSeat(seat, error)
  }

  /** Tells those that the group counts what they take part in. */
  admit(settings: GroupSettings): void {
    for (const { admission } of this.open) {
      if (admission.known !== undefined) continue
      admission.known = settings
      admission.resolve(settings)
    }
  }

  /** Takes up settings; ends those that take part in the group as it was, once it is another one. */
  follow(settings: GroupSettings, error: () => unknown): void {
    this.bufferEvents = settings.bufferEvents
    for (const seat of this.open) {
      const { endsOnChange, admission } = seat
      if (!endsOnChange || admission.known === undefined || admission.known === settings) continue
      if (JSON.stringify(admission.known) !== JSON.stringify(settings)) endSeat(seat, error())
      else admission.known = settings
    }
  }

  /** What the group is told of them. */
  numbers(): readonly ConsumerNumbers[] {
    return this.open.map((seat) => {
      const { name, inHand, finished, perSecond } = seat
      return { name, bufferEvents: this.#bufferOf(seat), inFlight: inHand, finished, perSecond }
    })
  }

  /** Counts how fast they are, now and then. */
  count(nowMs: number): void {
    const passedMs = nowMs - this.#countedMs
    if (passedMs < countMs) return
    this.#countedMs = nowMs
    for (const seat of this.#seats) {
      seat.perSecond = Math.round(((seat.finished - seat.countedFinished) * 10_000) / passedMs) / 10
      seat.countedFinished = seat.finished
    }
  }

  #bufferOf({ bufferEvents = this.bufferEvents }: Seat): number {
    return bufferEvents
  }
}
