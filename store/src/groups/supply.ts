import { type Patience, patiently } from '../engine/patience.ts'
import type { RecordedEvent } from '../model/event.ts'
import { readPlaces } from './group-events.ts'
import type { Group } from './group-state.ts'
import type { Held } from './held.ts'
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
  #following: { readonly keys: string; readonly reader: ReadAhead } | undefined

  constructor(options: SupplyOptions) {
    this.#options = options
  }

  /** What was read and not taken in yet. */
  get ahead(): { readonly events: readonly ReadEvent[]; readonly through: number } {
    const { events = [], through = 0 } = this.#following?.reader ?? {}
    return { events, through }
  }

  /**
   * Reads the events that a member holds and has not read, and new ones: so many that the next write finds as many as
   * there will be room for, instead of waiting for the log after each.
   */
  bring(
    group: Group,
    wanted: { readonly member: string; readonly ahead: number; readonly toRead: readonly Held[] },
  ): void {
    const { settings, members, reached, stopped } = group
    if (wanted.toRead.length > 0) void this.#read(group, wanted.toRead)
    const isServed = settings.strategy !== 'single' || members[0]?.id === wanted.member
    const reader = this.#readerFor(group)
    reader.drop(reached)
    reader.want(isServed && stopped === undefined ? wanted.ahead : 0)
  }

  close(): void {
    this.#following?.reader.close()
  }

  /** What keys were made of in another way is read again. */
  #readerFor({ settings, reached }: Group): ReadAhead {
    const keys = `${settings.strategy}/${settings.pinnedBy}`
    if (this.#following?.keys === keys) return this.#following.reader
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
