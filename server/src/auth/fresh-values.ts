import type { Clock } from 'varve'

/** How long a value is believed before it is looked up again, in milliseconds: what another server has changed holds here by then. */
const freshMs = 2_000

/** Values by key that are remembered at the most. */
const keysMax = 10_000

/** Values that are looked up again when they are no longer fresh. Nothing is looked up while nobody asks. */
export class FreshValues<Value> {
  readonly #clock: Clock
  readonly #load: (key: string) => Promise<Value | undefined>
  readonly #known = new Map<string, { readonly value: Value | undefined; readonly atMs: number }>()
  readonly #looks = new Map<string, { readonly found: Promise<Value | undefined> }>()

  constructor(clock: Clock, load: (key: string) => Promise<Value | undefined>) {
    this.#clock = clock
    this.#load = load
  }

  /** The value, in a box; undefined when it has to be looked up. */
  known(key: string): { readonly value: Value | undefined } | undefined {
    const known = this.#known.get(key)
    return known !== undefined && this.#clock.now() - known.atMs < freshMs ? known : undefined
  }

  /** The value, undefined when there is none. Those who ask at the same time share one look. */
  async get(key: string): Promise<Value | undefined> {
    const known = this.known(key)
    if (known !== undefined) return known.value
    const underWay = this.#looks.get(key)
    if (underWay !== undefined) return underWay.found
    const atMs = this.#clock.now()
    const look = { found: this.#load(key) }
    this.#looks.set(key, look)
    try {
      const value = await look.found
      if (this.#looks.get(key) === look) this.#remember(key, value, atMs)
      return value
    } finally {
      if (this.#looks.get(key) === look) this.#looks.delete(key)
    }
  }

  /** Looks again the next time: the value was changed here. A look that is under way may have come too early. */
  forget(key: string): void {
    this.#known.delete(key)
    this.#looks.delete(key)
  }

  #remember(key: string, value: Value | undefined, atMs: number): void {
    // The oldest one goes; what is in use comes back at once.
    if (this.#known.size >= keysMax) this.#known.delete(this.#known.keys().next().value ?? '')
    this.#known.delete(key)
    this.#known.set(key, { value, atMs })
  }
}
