import { type Patience, patiently } from '../engine/patience.ts'
import type { RecordedEvent } from '../model/event.ts'
import { readPlaces } from './group-events.ts'
import type { Group } from './group-state.ts'
import type { Held } from './held.ts'
import { isServed } from './holding.ts'
import { ReadAhead, type ReadAheadOptions, type ReadEvent } from './read-ahead.ts'
import { keyNumbers } from './strategy.ts'

/** What a member gets its events with. */
export interface SupplyOptions extends Patience, Omit<ReadAheadOptions, 'settings' | 'keyOf'> {
  readonly keyOf: ((event: RecordedEvent) => string) | undefined
  /** Called with an event that was to be read, or without one where there is none any more. */
  readonly read: (held: Held, event: RecordedEvent | undefined) => void
}

/** Where the events of a member come from: the log after what was taken in, and single events by their places. */
export class Supply {
  readonly #options: SupplyOptions
  /** Events that were taken in behind others of their key: they come next, and are not read again for that. */
  #kept: ReadonlyMap<number, RecordedEvent> = new Map()
  #following: { readonly keys: string; readonly reader: ReadAhead } | undefined
  #reached = 0

  constructor(options: SupplyOptions) {
    this.#options = options
  }

  /** What was read and not taken in yet. */
  get ahead(): { readonly events: readonly ReadEvent[]; readonly through: number } {
    const { events = [], through = 0 } = this.#following?.reader ?? {}
    return { events, through }
  }

  /** What was read of the events that a write has given out; keeps those that are nobody's yet, up to so many. */
  given(group: Group, ahead: readonly ReadEvent[], keptMax: number): ReadonlyMap<number, RecordedEvent> {
    const contents = new Map([...this.#kept, ...ahead.map(({ place, event }) => [place, event] as const)])
    const isOrdered = group.settings.strategy === 'pinned'
    const next = isOrdered ? group.unfinished.filter(({ holder }) => holder === undefined) : []
    const kept = next.flatMap(({ place }) => {
      const event = contents.get(place)
      return event === undefined ? [] : [[place, event] as const]
    })
    this.#kept = new Map(kept.slice(0, keptMax))
    return contents
  }

  /**
   * Reads the events that a member holds and has not read, and new ones: so many that the next write finds as many as
   * there will be room for, instead of waiting for the log after each.
   */
  bring(
    group: Group,
    wanted: { readonly member: string; readonly ahead: number; readonly toRead: readonly Held[] },
  ): void {
    const { reached, stopped } = group
    if (wanted.toRead.length > 0) void this.#read(group, wanted.toRead)
    const reader = this.#readerFor(group)
    reader.drop(reached)
    reader.want(stopped === undefined && isServed(group, wanted.member) ? wanted.ahead : 0)
  }

  close(): void {
    this.#following?.reader.close()
  }

  /** What keys were made of in another way is read again. */
  #readerFor({ settings, reached }: Group): ReadAhead {
    const keys = `${settings.strategy}/${settings.pinnedBy}`
    // A group that has done nothing yet may be told to begin earlier than it was.
    const isRewound = reached < this.#reached
    this.#reached = reached
    if (this.#following?.keys === keys && !isRewound) return this.#following.reader
    this.close()
    const keyOf = keyNumbers(settings, this.#options.keyOf)
    const reader = new ReadAhead(reached, { ...this.#options, settings, keyOf })
    this.#following = { keys, reader }
    return reader
  }

  async #read({ settings }: Group, wanted: readonly Held[]): Promise<void> {
    const { store, signal, read, failed } = this.#options
    const places = wanted.map(({ place }) => place)
    try {
      const found = await patiently(this.#options, () => readPlaces(store, settings, places, signal))
      for (const held of wanted) read(held, found.get(held.place))
    } catch (error) {
      if (!signal.aborted) failed(error)
    }
  }
}
