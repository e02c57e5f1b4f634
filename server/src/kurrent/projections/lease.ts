import { type Clock, type EventStore, isVarveError } from 'varve'
import type { Figures } from './run.ts'

/**
 * Who runs a projection: one server of those that share the store. The owner shows that it lives by writing its entry of the
 * shelf, with the figures of the run; whoever sees an entry stand still for the time of a lease, by its own clock, takes it
 * over. That two run at once for a moment does no harm: each step says which checkpoint it follows, and one is refused.
 */

/** What an owner writes. */
export interface Entry {
  /** Empty when nobody runs it. */
  readonly owner: string
  readonly beat: number
  /** Id of the projection that the figures are of. */
  readonly id: string
  readonly figures: Figures | null
}

/** A projection that this server runs. */
export interface Lease {
  /** Shows that the owner lives. False when others have taken it for lost. */
  beat(figures: Figures): Promise<boolean>
  /** Gives it back, with the figures that the run ended with. */
  release(figures: Figures): Promise<void>
}

/** What leases need. */
export interface LeaseParts {
  readonly store: EventStore
  readonly clock: Clock
  /** This server: another one each time that it starts. */
  readonly owner: string
  readonly leaseMs: number
}

const prefix = 'kurrent-projection-run/'

/** The leases of a store, as one server sees them. */
export class Leases {
  readonly #parts: LeaseParts
  /** When an entry was first seen at its version. */
  readonly #seen = new Map<string, { readonly version: number; readonly sinceMs: number }>()

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  /** What the owner wrote last. */
  async look(name: string): Promise<Entry | undefined> {
    return (await this.#parts.store.shelf.get(prefix + name))?.value as Entry | undefined
  }

  /** Takes a projection that nobody runs, or whose owner is lost. */
  async take(name: string, id: string): Promise<Lease | undefined> {
    const { store, clock, owner, leaseMs } = this.#parts
    const item = await store.shelf.get(prefix + name)
    const version = item?.version ?? 0
    const entry = item?.value as Entry | undefined
    if (entry !== undefined && entry.owner !== '' && entry.owner !== owner) {
      const nowMs = clock.now()
      const seen = this.#seen.get(name)
      const sinceMs = seen?.version === version ? seen.sinceMs : nowMs
      this.#seen.set(name, { version, sinceMs })
      if (nowMs - sinceMs < leaseMs) return undefined
    }
    this.#seen.delete(name)
    const first = await this.#put(name, { owner, beat: 1, id, figures: null }, version)
    return first === undefined ? undefined : this.#lease(name, id, first)
  }

  /** Removes what is left of a projection that is deleted. */
  async forget(name: string): Promise<void> {
    this.#seen.delete(name)
    await this.#parts.store.shelf.delete(prefix + name)
  }

  #lease(name: string, id: string, first: number): Lease {
    const { owner, store } = this.#parts
    let version = first
    let beat = 1
    const write = async (entry: Entry): Promise<boolean> => {
      const written = await this.#put(name, entry, version)
      if (written !== undefined) {
        version = written
        return true
      }
      // An answer may have been lost, and what was said in it not.
      const item = await store.shelf.get(prefix + name)
      const found = item?.value as Entry | undefined
      if (item === undefined || found?.owner !== owner || found.id !== id) return false
      version = item.version
      const again = await this.#put(name, entry, version)
      version = again ?? version
      return again !== undefined
    }
    return {
      beat: (figures) => write({ owner, beat: ++beat, id, figures }),
      release: async (figures) => void (await write({ owner: '', beat: ++beat, id, figures })),
    }
  }

  async #put(name: string, entry: Entry, expectedVersion: number): Promise<number | undefined> {
    try {
      return await this.#parts.store.shelf.put(prefix + name, entry, { expectedVersion })
    } catch (error) {
      if (isVarveError(error, 'SHELF_CONFLICT')) return undefined
      throw error
    }
  }
}
