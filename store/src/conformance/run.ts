import type { Capabilities } from '../engine/capabilities.ts'
import type { Engine } from '../engine/engine.ts'
import type { EventStore } from '../event-store.ts'
import type { Case, EngineCase, EngineSubject, Need, StoreCase, StoreSubject } from './case.ts'
import { asSeenBy } from './one-shard.ts'

/** A storage with an engine opened on it. */
export interface OpenedEngine {
  readonly engine: Engine
  /**
   * Opens an engine on the same storage: after the first was closed, and beside it when the engine says `sharedStorage`.
   * May be left out only by an engine that is neither `durable` nor `sharedStorage`.
   */
  readonly reopen?: () => Engine | Promise<Engine>
  /** Removes the storage. Every engine opened on it was closed before. */
  readonly cleanUp?: () => void | Promise<void>
}

/** A storage with a store opened on it. */
export interface OpenedStore {
  readonly store: EventStore
  /** Opens a store on the same storage after the first was closed. May be left out when the store is not `durable`. */
  readonly reopen?: () => EventStore | Promise<EventStore>
  /** Removes the storage. Every store opened on it was closed before. */
  readonly cleanUp?: () => void | Promise<void>
}

/** How large the costly cases are, and where their randomness begins. */
export interface Sizes {
  /** Where randomness begins; replays a random case that failed. Default: another one each time. */
  readonly seed?: number | undefined
  /** Random runs of the model-based test, each a case of its own. Default 40. */
  readonly modelRuns?: number | undefined
  /** Events in the cases that need many. Default 100,000; less where an append costs money. */
  readonly bulkEvents?: number | undefined
}

/** Runs one case on a fresh engine and leaves nothing open. Gives the reason when the case does not apply. */
export async function runEngineCase(
  one: EngineCase,
  open: () => OpenedEngine | Promise<OpenedEngine>,
  sizes: Sizes = {},
): Promise<string | undefined> {
  const opened = await open()
  const engines = [opened.engine]
  const seed = sizes.seed ?? Math.floor(Math.random() * 0x1_0000_0000)
  const seen = (engine: Engine): Engine => asSeenBy(one, engine, seed)

  async function again(): Promise<Engine> {
    if (opened.reopen === undefined) {
      throw new TypeError('open() gave no reopen, which an engine that says durable or sharedStorage must have.')
    }
    const engine = await opened.reopen()
    engines.push(engine)
    return seen(engine)
  }

  const subject: EngineSubject = {
    engine: seen(opened.engine),
    openBeside: again,
    reopen: async () => {
      for (const engine of engines.splice(0)) await engine.close()
      return again()
    },
    seed,
    bulkEvents: sizes.bulkEvents ?? 100_000,
  }
  return settle(one, subject, subject.engine.capabilities, async () => {
    for (const engine of engines) await engine.close()
    await opened.cleanUp?.()
  })
}

/** Runs one case on a fresh store and leaves nothing open. Gives the reason when the case does not apply. */
export async function runStoreCase(
  one: StoreCase,
  open: () => OpenedStore | Promise<OpenedStore>,
): Promise<string | undefined> {
  const opened = await open()
  const stores = [opened.store]
  const subject: StoreSubject = {
    store: opened.store,
    reopen: async () => {
      if (opened.reopen === undefined) {
        throw new TypeError('open() gave no reopen, which a store that says durable must have.')
      }
      for (const store of stores.splice(0)) await store.close()
      const store = await opened.reopen()
      stores.push(store)
      return store
    },
  }
  return settle(one, subject, opened.store.capabilities, async () => {
    for (const store of stores) await store.close()
    await opened.cleanUp?.()
  })
}

async function settle<Subject>(
  one: Case<Subject>,
  subject: Subject,
  capabilities: Capabilities,
  cleanUp: () => Promise<void>,
): Promise<string | undefined> {
  try {
    const lacking = one.needs?.find((need) => !capabilities[need])
    if (lacking !== undefined) return reasonToSkip(capabilities.engine, lacking)
    const { engine, logShards } = capabilities
    if (one.shards === 'several' && logShards === 1) return `the log of the ${engine} engine has one shard`
    if (one.shards === 'one' && logShards > 1) return `the log of the ${engine} engine has ${logShards} shards`
    await one.run(subject)
    return undefined
  } finally {
    await cleanUp()
  }
}

function reasonToSkip(engine: string, need: Need): string {
  return `the ${engine} engine says it has no ${need}; the cases of "honest" hold it to that`
}
