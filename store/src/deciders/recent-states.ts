import { InvalidArgument } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import type { StoreShelf } from '../model/shelf.ts'
import { checkWhole } from '../model/whole-number.ts'
import type { Folding } from './fold-stream.ts'
import { type FactStore, StreamFacts } from './stream-facts.ts'
import type { AnyTask } from './task.ts'

const optionFields = fieldsOf<RecentStatesOptions>({ streamsMax: true })

/** The folded states that a process remembers. Made by {@link recentStates}. */
export interface RecentStates {
  /** Streams that are remembered at the most. */
  readonly streamsMax: number
}

/** Options of {@link recentStates}. */
export interface RecentStatesOptions {
  /** Streams that are remembered at the most; beyond that the one that was used longest ago is read again. Default `limits.recentStreams`. */
  readonly streamsMax?: number | undefined
}

/**
 * Remembers the states of the streams that commands of this process were executed on, for `execute` and
 * `Repository.execute`: the next command on a stream is decided without reading it. The append says whether the state was
 * the last one; if it was not, or if the answer would be anything else than an append, the stream is read first.
 *
 * @throws INVALID_ARGUMENT
 * @example
 * const recent = recentStates({ streamsMax: 1_000 })
 * await execute(store, { decider: cart, streamId: 'Cart-7', command: { add: 'tea' } }, { recent })
 */
export function recentStates(options: RecentStatesOptions = {}): RecentStates {
  refuseUnknownOptions(options, optionFields, 'recentStates')
  const { streamsMax = limits.recentStreams } = options
  checkWhole('streamsMax', streamsMax, 1)
  const states: RecentStates = { streamsMax }
  memories.set(states, new Memory(streamsMax))
  return states
}

const memories = new WeakMap<RecentStates, Memory>()

/** By shelf, which a store hands on to whatever is made of it, the stores whose states are not to be remembered. */
const forgetful = new WeakSet<StoreShelf>()

/** Says that states of the store with this shelf must not be remembered: what is in them may have to be forgotten. */
export function neverRemember(shelf: StoreShelf): void {
  forgetful.add(shelf)
}

/**
 * The memory behind what `recentStates` made.
 *
 * @throws INVALID_ARGUMENT when it is anything else, or when the store holds personal data.
 */
export function memoryOf(store: { readonly shelf: StoreShelf }, recent: RecentStates): Memory {
  const memory = memories.get(recent)
  if (memory === undefined) throw new InvalidArgument('recent', 'was not made by recentStates()')
  if (!forgetful.has(store.shelf)) return memory
  throw new InvalidArgument(
    'recent',
    'cannot be used with a store with personal data, which a remembered state would keep beyond `forget`: leave it out',
  )
}

/** What is remembered of one stream, and by which rules it was folded. */
export interface Recollection {
  /** Takes the state out. Whoever did may change it, and gives it back when it is what the stream holds. */
  take(): Folding<unknown> | undefined
  /** Remembers a state, unless the stream has changed in another way than by its version since `take`. */
  keep(folding: Folding<unknown>): void
  /** Says that a snapshot was taken, so that the next one is due later. */
  snapshotTaken(version: number): void
}

/** States by store and stream, those that were used last. */
export class Memory {
  readonly #streamsMax: number
  /** In the order of their last use. */
  readonly #slots = new Map<string, Slot>()
  readonly #stores = new WeakMap<FactStore, { readonly prefix: string; readonly facts: StreamFacts }>()
  #storesKnown = 0

  constructor(streamsMax: number) {
    this.#streamsMax = streamsMax
  }

  /** What is known of a stream, once everything is known that hides events of it. */
  async recall(store: FactStore, { streamId, decider }: Pick<AnyTask, 'streamId' | 'decider'>): Promise<Recollection> {
    const { prefix, facts } = this.#storeOf(store)
    await facts.upToDate()
    const key = prefix + streamId
    const known = this.#slots.get(key)
    const slot = known?.isOf(decider) === true ? known : new Slot(decider)
    this.#slots.delete(key)
    this.#slots.set(key, slot)
    const [oldest] = this.#slots.keys()
    if (this.#slots.size > this.#streamsMax && oldest !== undefined) this.#slots.delete(oldest)
    return {
      take: () => slot.take(),
      keep: (folding) => {
        facts.grown(folding.position)
        // A slot that was let go of meanwhile, because a fact was told, is nobody's any more.
        slot.put(folding)
      },
      snapshotTaken: (version) => slot.snapshotTaken(version),
    }
  }

  #storeOf(store: FactStore): { readonly prefix: string; readonly facts: StreamFacts } {
    const known = this.#stores.get(store)
    if (known !== undefined) return known
    const prefix = `${this.#storesKnown++} `
    const made = { prefix, facts: new StreamFacts(store, (streamId) => this.#slots.delete(prefix + streamId)) }
    this.#stores.set(store, made)
    return made
  }
}

class Slot {
  readonly #rules: AnyTask['decider']
  #folding: Folding<unknown> | undefined
  #snapshotVersion = 0

  constructor(rules: AnyTask['decider']) {
    this.#rules = rules
  }

  isOf({ events, initialState, evolve, snapshot }: AnyTask['decider']): boolean {
    const rules = this.#rules
    return (
      rules.events === events &&
      rules.initialState === initialState &&
      rules.evolve === evolve &&
      rules.snapshot === snapshot
    )
  }

  take(): Folding<unknown> | undefined {
    const folding = this.#folding
    this.#folding = undefined
    return folding
  }

  put(folding: Folding<unknown>): void {
    const isOutdone = folding.snapshotVersion < this.#snapshotVersion
    const eventsFolded = Math.max(0, folding.version - this.#snapshotVersion)
    this.#folding = isOutdone ? { ...folding, snapshotVersion: this.#snapshotVersion, eventsFolded } : folding
  }

  snapshotTaken(version: number): void {
    this.#snapshotVersion = Math.max(this.#snapshotVersion, version)
    const folding = this.take()
    if (folding !== undefined) this.put(folding)
  }
}
