import type { ReadQuery } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { type Payload, payloadBytes } from '../../model/payload.ts'

/** Rows fetched before anything is known about their size; at the limit of 1 MiB each they are 64 MiB. */
const firstRows = 64

/** Rows fetched at once, at the most. */
const rowsMax = 1_024

/** A page being filled: says when it is full, and how many rows to fetch next so that few are fetched in vain. */
export class PageFill {
  readonly events: StoredEvent[] = []
  readonly #limit: number
  readonly #maxBytes: number
  /** A bound that is cheap to keep; counting UTF-8 bytes exactly costs a third of reading the row. */
  #bytesAtMost = 0
  /** Events whose bytes are counted exactly in the bound. */
  #counted = 0
  #countedBytes = 0

  constructor({ limit, maxBytes }: Pick<ReadQuery, 'limit' | 'maxBytes'>) {
    this.#limit = limit
    this.#maxBytes = maxBytes
  }

  add(event: StoredEvent): void {
    this.events.push(event)
    this.#bytesAtMost += bytesAtMost(event.data) + bytesAtMost(event.metadata)
  }

  get isFull(): boolean {
    if (this.events.length >= this.#limit) return true
    if (this.events.length === 0 || this.#bytesAtMost < this.#maxBytes) return false
    this.#count()
    return this.#countedBytes >= this.#maxBytes
  }

  get wantedRows(): number {
    const left = this.#limit - this.events.length
    if (this.events.length === 0) return Math.min(left, firstRows)
    const eventBytes = Math.max(this.#bytesAtMost / this.events.length, 1)
    const fitting = Math.ceil((this.#maxBytes - this.#countedBytes) / eventBytes)
    return Math.max(1, Math.min(left, fitting, rowsMax))
  }

  #count(): void {
    for (; this.#counted < this.events.length; this.#counted++) {
      const { data, metadata } = this.events[this.#counted] as StoredEvent
      this.#countedBytes += payloadBytes(data) + payloadBytes(metadata)
    }
    this.#bytesAtMost = this.#countedBytes
  }
}

/** A character unit is three bytes of UTF-8 at the most. */
function bytesAtMost(payload: Payload): number {
  return typeof payload === 'string' ? payload.length * 3 : payload.byteLength
}
