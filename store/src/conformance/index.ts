import type { Engine } from '../engine/engine.ts'
import type { EventStore } from '../event-store.ts'
import { fieldsOf, refuseUnknownFields } from '../model/known-fields.ts'
import { openStore } from '../open-store.ts'
import type { Case, RegisterTest, StoreCase } from './case.ts'
import { engineCases } from './engine-cases.ts'
import { asSeenBy } from './one-shard.ts'
import { register } from './register.ts'
import { type OpenedEngine, type OpenedStore, runEngineCase, runStoreCase, type Sizes } from './run.ts'
import { storeCases } from './store-cases.ts'

export { type BlobStoreConformance, blobStoreConformance, type OpenedBlobs } from './blob-stores.ts'
export type {
  Case,
  EngineCase,
  EngineSubject,
  Need,
  PromiseName,
  RegisterTest,
  StoreCase,
  StoreSubject,
} from './case.ts'
export { engineCases } from './engine-cases.ts'
export { type KeyStoreConformance, keyStoreConformance, type OpenedKeys } from './key-stores.ts'
export { type OpenedEngine, type OpenedStore, runEngineCase, runStoreCase, type Sizes } from './run.ts'
export { runTargetCase } from './run-target.ts'
export { storeCases } from './store-cases.ts'
export { targetCases } from './target-cases.ts'
export { type TargetConformance, targetConformance } from './target-conformance.ts'
export type {
  Addition,
  CountingReadModel,
  OpenedTarget,
  TargetCase,
  TargetNeed,
  TargetPromise,
  TargetSubject,
  TargetTraits,
} from './targets/target-case.ts'

const suiteFields = fieldsOf<EngineConformance>({
  test: true,
  open: true,
  seed: true,
  modelRuns: true,
  bulkEvents: true,
})

/** What {@link engineConformance} takes. */
export interface EngineConformance extends Sizes {
  /** Registers one test. */
  readonly test: RegisterTest
  /** Gives a fresh, empty storage with an engine on it; called once for each case. */
  readonly open: () => OpenedEngine | Promise<OpenedEngine>
}

/**
 * Registers a test for every promise an engine makes, through the port and through a store opened on it,
 * as docs/for-engine-authors.md tells.
 *
 * @example
 * engineConformance({ test, open: () => ({ engine: memory() }) })
 */
export function engineConformance(suite: EngineConformance): void {
  refuseUnknownFields(suite, suiteFields, 'suite')
  const { test, open, seed = Math.floor(Math.random() * 0x1_0000_0000), ...sizes } = suite
  for (const one of engineCases(sizes.modelRuns))
    register(test, nameOf(one), () => runEngineCase(one, open, { ...sizes, seed }))
  for (const one of storeCases)
    register(test, nameOf(one), () => runStoreCase(one, async () => storeOn(await open(), one, seed)))
}

/** What {@link storeConformance} takes. */
export interface StoreConformance {
  /** Registers one test. */
  readonly test: RegisterTest
  /** Gives a store on a fresh, empty storage; called once for each case. */
  readonly open: () => OpenedStore | Promise<OpenedStore>
}

/**
 * Registers a test for everything that can be told of a store through the public API, embedded or remote.
 *
 * @example
 * storeConformance({ test, open: () => ({ store: openStore({ engine: memory() }) }) })
 */
export function storeConformance({ test, open }: StoreConformance): void {
  for (const one of storeCases) register(test, nameOf(one), () => runStoreCase(one, open))
}

/** Opens a store on each engine, so that an engine's suite covers both. */
function storeOn({ engine, reopen, cleanUp }: OpenedEngine, one: StoreCase, seed: number): OpenedStore {
  const open = (opened: Engine): EventStore => openStore({ engine: asSeenBy(one, opened, seed) })
  return {
    store: open(engine),
    ...(reopen !== undefined && { reopen: async () => open(await reopen()) }),
    ...(cleanUp !== undefined && { cleanUp }),
  }
}

function nameOf({ promise, name }: Case<never>): string {
  return `${promise}: ${name}`
}
