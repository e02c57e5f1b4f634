import type { KurrentEvent } from '../streams/kurrent-event.ts'
import type { Followed, Reading } from '../streams/reading.ts'
import { type NumberedEvent, readUpwards } from './numbered-events.ts'
import { sendEntries, togetherMax } from './read-view.ts'
import type { View } from './view.ts'

/** Follows a view as if it were a stream. */
export async function followView(reading: Reading, view: View, head: number): Promise<Followed> {
  const { from } = reading.request
  if (from !== 'end') return new ViewFollowed(reading, view, from === 'start' ? -1 : from)
  const { store, numbering, signal } = reading
  const entries = readUpwards({ store, numbering, view, from: Number.POSITIVE_INFINITY, head, signal })
  const counted = await entries.next()
  return new ViewFollowed(reading, view, counted.done === true ? counted.value - 1 : -1)
}

class ViewFollowed implements Followed {
  readonly #reading: Reading
  readonly #view: View
  /** The number of the last entry that was sent or passed over. */
  #after: number
  /** The number that the next entry behind {@link #lookedAt} will have. */
  #next = 0
  #lookedAt = 0

  constructor(reading: Reading, view: View, after: number) {
    this.#reading = reading
    this.#view = view
    this.#after = after
  }

  async catchUp(head: number): Promise<void> {
    const { store, numbering, signal } = this.#reading
    const entries = readUpwards({ store, numbering, view: this.#view, from: this.#after + 1, head, signal })
    let together: NumberedEvent[] = []
    for (;;) {
      const next = await entries.next()
      if (next.done === true || together.length === togetherMax) {
        await this.#send(together)
        together = []
      }
      if (next.done === true) {
        this.#next = next.value
        break
      }
      together.push(next.value)
    }
    this.#lookedAt = head
  }

  caughtUp(): void {
    const { responses, clock } = this.#reading
    responses.caughtUp({ revision: Math.min(this.#after, this.#next - 1) }, clock.now())
  }

  wants(event: KurrentEvent): boolean {
    return event.position > this.#lookedAt && this.#view.includes(event)
  }

  async sendLive(events: readonly KurrentEvent[]): Promise<void> {
    const numbered: NumberedEvent[] = []
    for (const event of events) {
      if (event.position <= this.#lookedAt) continue
      this.#lookedAt = event.position
      const number = this.#next++
      if (number > this.#after) numbered.push({ event, number })
    }
    await this.#send(numbered)
  }

  async #send(numbered: readonly NumberedEvent[]): Promise<void> {
    if (numbered.length === 0) return
    await sendEntries(this.#reading, this.#view, numbered)
    this.#after = numbered.at(-1)?.number ?? this.#after
  }
}
