/**
 * A bounded map that keeps what is used. Two generations: when the young one is full it becomes the old one and what
 * was old is dropped; what is found in the old one moves to the young one. A hit costs one look-up, not a reordering.
 */
export class Cache<Key, Value> {
  readonly #entries: number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  /** Keeps between one and two times `entries`. */
  constructor(entries: number) {
    this.#entries = entries
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#entries) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }

  delete(key: Key): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
  }
}
