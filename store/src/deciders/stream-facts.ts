import type { EventStore } from '../event-store.ts'
import { type LogPositions, positionsAfter } from '../model/log-shard.ts'
import { metadataEventType, subjectOf, tombstoneEventType } from '../model/stream.ts'

/** What {@link StreamFacts} reads of a store. */
export type FactStore = Pick<EventStore, 'heads' | 'readAll'>

/** Positions that the log may grow by before its facts are looked for from a later place on. */
const stepPositions = 10_000

/**
 * The facts that change what a stream shows without changing its version: it was truncated, deleted or tombstoned. They
 * are events like any other, so one read finds those about all streams; whoever asks at the same time shares it.
 *
 * Invariant: whoever has waited for `upToDate` has been told of every fact that was in the store when it asked.
 */
export class StreamFacts {
  readonly #store: FactStore
  readonly #changed: (streamId: string) => void
  #reading: Promise<void> | undefined
  #next: Promise<void> | undefined
  /** Every fact up to here is known; undefined before the first look, which is when it begins to matter. */
  #knownTo: LogPositions | undefined
  /** Where the log is known to have come to, in some of its shards. */
  readonly #grownTo: number[] = []

  constructor(store: FactStore, changed: (streamId: string) => void) {
    this.#store = store
    this.#changed = changed
  }

  /** Resolves once all facts are known that are in the store now. */
  upToDate(): Promise<void> {
    this.#next ??= this.#readNext()
    return this.#next
  }

  /** Says that the log has come to a position: what is before it need not be looked through again and again. */
  grown(position: number): void {
    if (this.#knownTo === undefined) return
    const shard = position % this.#knownTo.length
    this.#grownTo[shard] = Math.max(this.#grownTo[shard] ?? 0, position)
  }

  async #readNext(): Promise<void> {
    // A read that is under way may have begun before the last fact: whoever comes meanwhile waits for the one after it.
    await this.#reading?.catch(() => undefined)
    this.#next = undefined
    this.#reading = this.#read()
    await this.#reading
  }

  async #read(): Promise<void> {
    const known = this.#knownTo
    if (known === undefined) {
      this.#knownTo = await this.#store.heads()
      return
    }
    const isFar = known.some((position, shard) => (this.#grownTo[shard] ?? 0) - position > stepPositions * known.length)
    let knownTo = isFar ? await this.#store.heads() : known
    const filter = { types: [metadataEventType, tombstoneEventType] }
    for await (const { streamId, position } of this.#store.readAll({ after: known, filter })) {
      this.#changed(subjectOf(streamId) ?? streamId)
      if (position > (knownTo[position % known.length] ?? 0)) knownTo = positionsAfter(knownTo, { position })
    }
    this.#knownTo = knownTo
  }
}
