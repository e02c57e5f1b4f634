import { Refused } from '../refusal.ts'
import { afterAll, type KurrentEvent, kurrentEventOf } from './kurrent-event.ts'
import { type Followed, type Reading, sendEvent } from './reading.ts'
import { standingOf } from './standing.ts'

/**
 * Follows one stream, which need not be there yet.
 *
 * @throws Refused when it is closed for ever, or is closed while it is followed.
 */
export async function followStream(reading: Reading, stream: string): Promise<Followed> {
  const { store, clock, signal, request } = reading
  const { version } = await standingOf(store, clock, stream, signal)
  const { from } = request
  return new StreamFollowed(reading, stream, typeof from === 'number' ? from : from === 'start' ? -1 : version - 1)
}

class StreamFollowed implements Followed {
  readonly #reading: Reading
  readonly #stream: string
  /** The revision of the last event that was sent or passed over. */
  #after: number

  constructor(reading: Reading, stream: string, after: number) {
    this.#reading = reading
    this.#stream = stream
    this.#after = after
  }

  async catchUp(): Promise<void> {
    const { store, clock, signal } = this.#reading
    const { firstShown, shownFromMs, isSubjectHidden } = await standingOf(store, clock, this.#stream, signal)
    const from = Math.min(Math.max(this.#after + 2, firstShown), Number.MAX_SAFE_INTEGER)
    for await (const stored of store.readStream(this.#stream, { from, signal })) {
      this.#after = stored.version - 1
      if (stored.recordedAtMs < shownFromMs) continue
      const full = sendEvent(this.#reading, kurrentEventOf(stored, isSubjectHidden))
      if (full !== undefined) await full
    }
  }

  caughtUp(): void {
    const { responses, clock } = this.#reading
    responses.caughtUp({ revision: this.#after }, clock.now())
  }

  wants(event: KurrentEvent): boolean {
    return event.stream === this.#stream && event.revision > this.#after
  }

  async sendLive(events: readonly KurrentEvent[]): Promise<void> {
    for (const event of events) {
      if (event.revision <= this.#after) continue
      const full = sendEvent(this.#reading, event)
      if (full !== undefined) await full
      this.#after = event.revision
      if (event.revision !== afterAll) continue
      await this.#reading.responses.send()
      throw new Refused({ kind: 'stream_deleted', stream: this.#stream })
    }
  }
}
