import type { Capabilities } from '../engine/capabilities.ts'
import type { Engine } from '../engine/engine.ts'
import type { EventStore } from '../event-store.ts'

/** What a case belongs to: a promise of docs/guarantees.md, or a part of the port that the promises rest on. */
export type PromiseName =
  | 'append-only'
  | 'atomic'
  | 'ordered'
  | 'versioned'
  | 'idempotent'
  | 'durable'
  | 'live'
  | 'conditions'
  | 'bounded'
  | 'honest'
  | 'batches'
  | 'reads'
  | 'names'
  | 'lifecycle'
  | 'shelf'
  | 'closing'
  | 'shards'
  | 'model'

/** A capability that an engine may lack. */
export type Need = Exclude<keyof Capabilities, 'engine' | 'batchesInFlight' | 'readsOverNetwork' | 'logShards'>

/** One thing that must hold, as data. */
export interface Case<Subject> {
  readonly promise: PromiseName
  /** The rule the case stands for, unique in meaning: `ordered/versions`. Several cases may stand for one rule. */
  readonly rule: string
  /** What must hold, as a sentence. */
  readonly name: string
  /** Capabilities without which the case says nothing; the cases of `honest` then assert the refusal. */
  readonly needs?: readonly Need[]
  /**
   * `'one'`: speaks of the order of the whole log. On an engine with several log shards it is said of each shard: the case
   * sees one of them as a log. `'several'`: says something only of an engine with several. Default: holds of any.
   */
  readonly shards?: 'one' | 'several'
  /** Resolves when the rule held, rejects with an `AssertionError` when not. */
  readonly run: (subject: Subject) => Promise<void>
}

/** A case about an engine, spoken through the port. */
export type EngineCase = Case<EngineSubject>

/** A case about a whole store, spoken through the public API. */
export type StoreCase = Case<StoreSubject>

/** The engine a case looks at: fresh and empty at first. */
export interface EngineSubject {
  readonly engine: Engine
  /** Closes the engine, opens its storage again and gives the new engine. For cases that need `durable`. */
  readonly reopen: () => Promise<Engine>
  /** Opens the same storage a second time, beside the first. For cases that need `sharedStorage`. */
  readonly openBeside: () => Promise<Engine>
  /** Where randomness begins; printed when a random case fails. */
  readonly seed: number
  /** Events of the cases that need many. */
  readonly bulkEvents: number
}

/** The store a case looks at: fresh and empty at first. */
export interface StoreSubject {
  readonly store: EventStore
  /** Closes the store, opens its storage again and gives the new store. For cases that need `durable`. */
  readonly reopen: () => Promise<EventStore>
}

/**
 * Registers one test: vitest's and node:test's `test`, mocha's `it`.
 * A test that gets a context with `skip(reason)`, as all three give, reports what does not apply with its reason.
 */
export type RegisterTest = (name: string, run: () => Promise<void>) => unknown
