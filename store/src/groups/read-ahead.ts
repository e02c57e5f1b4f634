import type { SubscriptionItem } from '../model/call.ts'
import type { GroupSettings } from '../model/consumer-group.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { following, type GroupStore, placeOf } from './group-events.ts'
import type { Ahead } from './holding.ts'

/** What reading ahead needs. */
export interface ReadAheadOptions {
  readonly store: GroupStore
  readonly settings: GroupSettings
  /** What an event's key comes to. */
  readonly keyOf: (event: RecordedEvent) => number | undefined
  /** Called when there is something new, or reading has failed. */
  readonly arrived: () => void
  /** Called when the store was closed. */
  readonly ended: () => void
  readonly failed: (error: unknown) => void
}

/** An event that was read and not yet taken in. */
export interface ReadEvent {
  readonly place: number
  readonly key: number | undefined
  readonly event: RecordedEvent
}

/** Reads what a group has not taken in yet, no further than it is told to. */
export class ReadAhead implements Ahead {
  readonly #options: ReadAheadOptions
  #events: ReadEvent[] = []
  #through: number
  #wanted = 0
  #run: Run | undefined

  constructor(after: number, options: ReadAheadOptions) {
    this.#options = options
    this.#through = after
  }

  get events(): readonly ReadEvent[] {
    return this.#events
  }

  get through(): number {
    return this.#through
  }

  /** Reads on until so many events are there. */
  want(count: number): void {
    this.#wanted = count
    if (count <= this.#events.length || this.#run?.isReading === true) return
    this.#run ??= this.#begun()
    void this.#read(this.#run)
  }

  /** Forgets what was taken in; what others took in far beyond what was read is not read at all. */
  drop(reached: number): void {
    const kept = this.#events.findIndex(({ place }) => place > reached)
    this.#events = kept < 0 ? [] : this.#events.slice(kept)
    if (reached - this.#through > limits.pageEvents) this.close()
    this.#through = Math.max(this.#through, reached)
  }

  /** Ends the subscription. It begins again where it was when events are wanted. */
  close(): void {
    this.#run?.leaving.abort()
    void this.#run?.items.return?.().catch(() => undefined)
    this.#run = undefined
  }

  #begun(): Run {
    const leaving = new AbortController()
    const { store, settings } = this.#options
    const items = following(store, settings, { after: this.#through, signal: leaving.signal })
    return { leaving, items: items[Symbol.asyncIterator](), isReading: false }
  }

  async #read(run: Run): Promise<void> {
    const { arrived, ended, failed } = this.#options
    run.isReading = true
    try {
      while (this.#events.length < this.#wanted) {
        const { value, done } = await run.items.next()
        if (this.#run !== run) return
        if (done === true) return ended()
        this.#take(value)
        arrived()
      }
    } catch (error) {
      if (this.#run === run) failed(error)
    } finally {
      run.isReading = false
    }
  }

  #take(item: SubscriptionItem): void {
    const { settings, keyOf } = this.#options
    const place = item.kind === 'event' ? placeOf(settings, item.event) : item.position
    if (place <= this.#through) return
    if (item.kind === 'event') this.#events.push({ place, key: keyOf(item.event), event: item.event })
    this.#through = place
  }
}

interface Run {
  readonly leaving: AbortController
  readonly items: AsyncIterator<SubscriptionItem>
  isReading: boolean
}
