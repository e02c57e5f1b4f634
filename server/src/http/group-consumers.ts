import { type Clock, type Delivery, type EventStore, type GroupConsumer, isVarveError, joinGroup } from 'varve'

/** What consumers over HTTP need. */
export interface ConsumersParts {
  readonly store: EventStore
  readonly clock: Clock
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
}

/** How long a consumer is kept that neither asks for events nor says a word on one, in milliseconds. */
const idleMs = 30_000

/** An event in the hands of a consumer, under the id that it is spoken of by. */
export interface Taken {
  readonly deliveryId: string
  readonly delivery: Delivery
}

/** What was said of events: of some it may have come too late. */
export interface Said {
  readonly known: readonly string[]
  readonly lost: readonly string[]
}

/** The consumers that speak HTTP with this server, which takes part in each group once, on behalf of all of them. */
export class GroupConsumers {
  readonly #parts: ConsumersParts
  readonly #consumers = new Map<string, HttpConsumer>()

  constructor(parts: ConsumersParts) {
    this.#parts = parts
  }

  /** The consumer of a name, a new one if there is none. */
  join(group: string, name: string, bufferEvents: number | undefined): HttpConsumer {
    const key = keyOf(group, name)
    const known = this.#consumers.get(key)
    if (known !== undefined) return known
    const { store, clock } = this.#parts
    const options = { name, clock, ...(bufferEvents !== undefined && { bufferEvents }) }
    const left = (): void => {
      if (this.#consumers.get(key) === consumer) this.#consumers.delete(key)
    }
    const consumer = new HttpConsumer(joinGroup(store, group, options), clock, left)
    this.#consumers.set(key, consumer)
    return consumer
  }

  find(group: string, name: string): HttpConsumer | undefined {
    return this.#consumers.get(keyOf(group, name))
  }

  /** Gives back what all of them have, before the store is closed. */
  async close(): Promise<void> {
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.leave()))
  }
}

function keyOf(group: string, name: string): string {
  return JSON.stringify([group, name])
}

/** A consumer that asks for its events. */
export class HttpConsumer {
  readonly #consumer: GroupConsumer
  readonly #clock: Clock
  readonly #left: () => void
  readonly #inHand = new Map<string, Delivery>()
  readonly #leaving = new AbortController()
  /** Requests that wait for events. */
  #waiting = 0
  #seenMs: number

  constructor(consumer: GroupConsumer, clock: Clock, left: () => void) {
    this.#consumer = consumer
    this.#clock = clock
    this.#left = left
    this.#seenMs = clock.now()
    void this.#watch()
  }

  /** The next events, at least one; none when the signal aborts before. */
  async take(eventsMax: number, signal: AbortSignal): Promise<readonly Taken[]> {
    this.#waiting++
    try {
      const deliveries = await this.#consumer.take(eventsMax, { signal })
      return deliveries.map((delivery) => this.#handed(delivery))
    } catch (error) {
      if (signal.aborted && error === signal.reason) return []
      // It ends with an error, and another one may begin in its place.
      await this.leave()
      throw error
    } finally {
      this.#waiting--
      this.#seenMs = this.#clock.now()
    }
  }

  /** Says a word on events; those that are not the consumer's any more are named. */
  async say(deliveryIds: readonly string[], word: (delivery: Delivery) => Promise<void>): Promise<Said> {
    this.#seenMs = this.#clock.now()
    const isKnown = await Promise.all(
      deliveryIds.map(async (id) => {
        const delivery = this.#inHand.get(id)
        this.#inHand.delete(id)
        return delivery !== undefined && (await isTaken(word(delivery)))
      }),
    )
    const which = (wanted: boolean): string[] => deliveryIds.filter((_, index) => isKnown[index] === wanted)
    return { known: which(true), lost: which(false) }
  }

  /** Gives back what the consumer has. */
  async leave(): Promise<void> {
    this.#left()
    this.#leaving.abort()
    this.#inHand.clear()
    await this.#consumer.close()
  }

  #handed(delivery: Delivery): Taken {
    const deliveryId = `${delivery.position}.${delivery.attempt}`
    this.#inHand.set(deliveryId, delivery)
    const forget = (): void => {
      if (this.#inHand.get(deliveryId) === delivery) this.#inHand.delete(deliveryId)
    }
    delivery.signal.addEventListener('abort', forget, { once: true })
    return { deliveryId, delivery }
  }

  /** Whoever is not heard of any more has left without saying so. */
  async #watch(): Promise<void> {
    const { signal } = this.#leaving
    while (!signal.aborted) {
      const leftMs = this.#seenMs + idleMs - this.#clock.now()
      if (leftMs <= 0 && this.#waiting === 0) return this.leave()
      await this.#clock.sleep(this.#waiting > 0 ? idleMs : leftMs, signal)
    }
  }
}

async function isTaken(word: Promise<void>): Promise<boolean> {
  try {
    await word
    return true
  } catch (error) {
    if (isVarveError(error, 'DELIVERY_LOST')) return false
    throw error
  }
}
