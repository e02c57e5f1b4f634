import { passes, queryFor } from './event-filter.ts'
import { type KurrentEvent, kurrentEventOf } from './kurrent-event.ts'
import { type Followed, type Reading, sendEvent } from './reading.ts'

/** Follows all streams, or what passes a filter; with one, tells from time to time how far it has looked. */
export function followAll(reading: Reading, head: number): Followed {
  return new AllFollowed(reading, head)
}

class AllFollowed implements Followed {
  readonly #reading: Reading
  /** What lies at or before this position was sent, or is not wanted. */
  #after: number
  /** Everything up to here was looked at. */
  #lookedAt: number
  /** The position of the last checkpoint, or where the first interval began. */
  #checkpoint: number
  /** Positions from one checkpoint to the next: the store's have no holes. */
  readonly #interval: number

  constructor(reading: Reading, head: number) {
    const { from, filter } = reading.request
    this.#reading = reading
    this.#after = typeof from === 'number' ? from : from === 'start' ? 0 : head
    this.#lookedAt = Math.min(this.#after, head)
    this.#checkpoint = this.#lookedAt
    this.#interval = filter === undefined ? Number.POSITIVE_INFINITY : filter.window * filter.multiplier
  }

  async catchUp(head: number): Promise<void> {
    const { store, request, signal } = this.#reading
    const query = request.filter === undefined ? 'everything' : queryFor(request.filter)
    const from = Math.min(Math.max(this.#after, this.#lookedAt) + 1, Number.MAX_SAFE_INTEGER)
    for await (const stored of store.readAll({ from, filter: query, signal })) await this.#take(kurrentEventOf(stored))
    if (head > this.#lookedAt) await this.#lookUpTo(head)
  }

  caughtUp(): void {
    const { responses, clock, request } = this.#reading
    const now = clock.now()
    responses.caughtUp({ position: this.#lookedAt }, now)
    if (request.filter === undefined || this.#lookedAt <= this.#checkpoint) return
    this.#checkpoint = this.#lookedAt
    responses.checkpoint(this.#lookedAt, now)
  }

  wants(event: KurrentEvent): boolean {
    const { filter } = this.#reading.request
    if (event.position <= this.#after) return false
    return filter === undefined || event.position - this.#checkpoint >= this.#interval || passes(filter, event)
  }

  async sendLive(events: readonly KurrentEvent[]): Promise<void> {
    for (const event of events) if (event.position > this.#after) await this.#take(event)
  }

  async #take(event: KurrentEvent): Promise<void> {
    const { filter } = this.#reading.request
    if (filter !== undefined) {
      if (event.position - 1 - this.#checkpoint >= this.#interval) await this.#lookUpTo(event.position - 1)
      if (!passes(filter, event)) return this.#lookUpTo(event.position)
    }
    const full = sendEvent(this.#reading, event)
    if (full !== undefined) await full
    this.#after = event.position
    if (event.position > this.#lookedAt) this.#lookedAt = event.position
    if (event.position - this.#checkpoint >= this.#interval) await this.#lookUpTo(event.position)
  }

  /** Every interval has its checkpoint, also where nothing lay between. */
  async #lookUpTo(position: number): Promise<void> {
    const { responses, clock } = this.#reading
    this.#lookedAt = Math.max(this.#lookedAt, position)
    while (position - this.#checkpoint >= this.#interval) {
      this.#checkpoint += this.#interval
      responses.checkpoint(this.#checkpoint, clock.now())
      const full = responses.sendIfFull()
      if (full !== undefined) await full
    }
  }
}
