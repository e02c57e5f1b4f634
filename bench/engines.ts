import { join } from 'node:path'
import type { Engine } from '../store/src/engine/engine.ts'
import { memory } from '../store/src/engines/memory/index.ts'
import { sqlite } from '../store/src/engines/sqlite/index.ts'
import type { EventStore } from '../store/src/event-store.ts'
import { openStore } from '../store/src/open-store.ts'

/** The engines that every workload runs on, by name. Sources, not the build: what is measured is what is on disk. */
const engines: Readonly<Record<string, (folder: string) => Engine>> = {
  sqlite: (folder) => sqlite({ path: join(folder, 'store.db') }),
  memory: () => memory(),
}

/** The names of all engines. */
export const engineNames: readonly string[] = Object.keys(engines)

/** Those that keep events in files, where another process finds them. */
export const durableEngines: readonly string[] = engineNames.filter((name) => name !== 'memory')

/** How each engine makes an acknowledged event durable. */
export const durability: Readonly<Record<string, string>> = {
  sqlite: 'WAL, synchronous=FULL: one fsync per commit, before the acknowledgement',
  memory: 'none',
  'raw log': 'one write and one fdatasync per batch, before the acknowledgement',
  'raw SQLite': 'WAL, synchronous=FULL: one fsync per transaction',
}

/** Opens a store through the public API, in a folder. */
export function openBenchStore(engine: string, folder: string): EventStore {
  const open = engines[engine]
  if (open === undefined) throw new RangeError(`There is no engine ${engine}. Engines: ${engineNames.join(', ')}.`)
  return openStore({ engine: open(folder) })
}
