import type { Delivery } from 'varve'

/** An event that a consumer was sent. */
export interface Sent {
  readonly delivery: Delivery
  readonly sentMs: number
}

/**
 * The events that a consumer was sent and has not said a word on, by the ids it knows them by. Another event may have the
 * same id, and the same event may be sent twice: what was sent first is meant first, unless it is not the consumer's any
 * more.
 */
export class InFlight {
  readonly #sent = new Map<string, Sent[]>()
  readonly #bufferEvents: number
  #count = 0

  /** @param bufferEvents how many there may be, as far as they are still the consumer's. */
  constructor(bufferEvents: number) {
    this.#bufferEvents = bufferEvents
  }

  get count(): number {
    return this.#count
  }

  add(id: string, sent: Sent): void {
    // Of those that took too long nobody may ever speak again.
    if (this.#count >= this.#bufferEvents) this.#forgetLost()
    const same = this.#sent.get(id)
    if (same === undefined) this.#sent.set(id, [sent])
    else same.push(sent)
    this.#count++
  }

  /** Takes out the event that an id means; undefined when there is none. */
  take(id: string): Sent | undefined {
    const same = this.#sent.get(id)
    if (same === undefined) return undefined
    const own = same.length === 1 ? 0 : same.findIndex(({ delivery }) => !delivery.signal.aborted)
    const [taken] = same.splice(Math.max(own, 0), 1)
    if (same.length === 0) this.#sent.delete(id)
    this.#count--
    return taken
  }

  #forgetLost(): void {
    for (const [id, same] of this.#sent) {
      const kept = same.filter(({ delivery }) => !delivery.signal.aborted)
      this.#count -= same.length - kept.length
      if (kept.length === 0) this.#sent.delete(id)
      else this.#sent.set(id, kept)
    }
  }
}
