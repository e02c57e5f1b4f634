import { type EventStore, isVarveError, type ShelfItem } from 'varve'
import { CallFailed } from '../grpc/status.ts'

/** What a projection is told to be, as the store's shelf keeps it. */
export interface Registered {
  readonly name: string
  /** Another one for each projection that ever had the name: what is kept for one is no other's. */
  readonly id: string
  readonly mode: Mode
  /** The user's source. */
  readonly query: string
  readonly emitEnabled: boolean
  readonly trackEmitted: boolean
  readonly engineVersion: number
  /** Rises with each reset: what was folded before counts no more. */
  readonly epoch: number
  /** Rises from 0 with each change of the source. */
  readonly version: number
  readonly wanted: 'running' | 'stopped' | 'aborted'
  /** Why it cannot go on, until it is enabled, changed or reset. */
  readonly fault: string | null
  /** True: a query that has come to its end. */
  readonly completed: boolean
}

/** How long a projection runs: for ever, once to the end, or once without leaving anything. */
export type Mode = 'continuous' | 'one_time' | 'transient'

/** A registration and the version of its entry. */
export interface Kept {
  readonly registered: Registered
  readonly entryVersion: number
}

const prefix = 'kurrent-projection/'
const nameChars = 200
/** Bytes of a source: it is one entry of the shelf, with room for the rest. */
const queryBytes = 900_000
const attemptsMax = 8

/** The projections of a store. */
export class Registry {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  /** @throws CallFailed when there is one of that name. */
  async create(registered: Registered): Promise<void> {
    try {
      await this.#store.shelf.put(keyOf(registered.name), registered, { expectedVersion: 0 })
    } catch (error) {
      if (isVarveError(error, 'SHELF_CONFLICT')) {
        throw new CallFailed('alreadyExists', `There is a projection ${registered.name} already.`)
      }
      throw error
    }
  }

  async find(name: string): Promise<Kept | undefined> {
    const item = await this.#store.shelf.get(keyOf(name))
    return item && keptFrom(item)
  }

  async all(): Promise<readonly Kept[]> {
    const items = await this.#store.shelf.list({ prefix }).toArray()
    return items.map(keptFrom)
  }

  /**
   * Changes a projection, whoever else changes it at the same time.
   *
   * @param change what it is to be; undefined to leave it as it is.
   * @throws CallFailed when there is none of that name.
   */
  async change(name: string, change: (registered: Registered) => Registered | undefined): Promise<Registered> {
    for (let attempt = 1; ; attempt++) {
      const kept = await this.find(name)
      if (kept === undefined) throw notThere(name)
      const next = change(kept.registered)
      if (next === undefined) return kept.registered
      try {
        await this.#store.shelf.put(keyOf(name), next, { expectedVersion: kept.entryVersion })
        return next
      } catch (error) {
        if (!isVarveError(error, 'SHELF_CONFLICT') || attempt === attemptsMax) throw error
      }
    }
  }

  async remove(name: string, { entryVersion }: Kept): Promise<void> {
    await this.#store.shelf.delete(keyOf(name), { expectedVersion: entryVersion })
  }
}

/** There is no projection of that name. */
export function notThere(name: string): CallFailed {
  return new CallFailed('notFound', `There is no projection ${name.slice(0, nameChars)}.`)
}

/** @throws CallFailed when a projection cannot have the name or the source. */
export function refuseUnfit(name: string, query: string): void {
  const says = (problem: string): CallFailed => new CallFailed('invalidArgument', problem)
  if (name === '' || name.length > nameChars || !name.isWellFormed()) {
    throw says(`A projection's name has 1 to ${nameChars} characters; this one has ${name.length}.`)
  }
  if (name.startsWith('$')) throw says(`${name} begins with $, as only the projections of the system do.`)
  refuseUnfitQuery(query)
}

/** @throws CallFailed when a projection cannot have the source. */
export function refuseUnfitQuery(query: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(query))
  if (bytes <= queryBytes) return
  throw new CallFailed('invalidArgument', `A query has at most ${queryBytes} bytes; this one has ${bytes}.`)
}

function keyOf(name: string): string {
  return prefix + name
}

function keptFrom({ value, version }: ShelfItem): Kept {
  return { registered: value as Registered, entryVersion: version }
}
