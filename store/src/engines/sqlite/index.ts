import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { systemClock } from '../../engine/system-clock.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import { openEngine } from './open-engine.ts'

const optionFields = fieldsOf<SqliteOptions>({ path: true, clock: true })

/** Events after which posting lists are written. Larger chunks seal seldom but with longer pauses; 32,768 doubled p99. */
const chunkEvents = 8_192

/** Options of {@link sqlite}. */
export interface SqliteOptions {
  /** The store's file, created when it is missing; its folder must exist. `':memory:'` for a store that is gone on close. */
  readonly path: string
  /** Where timers come from. Default: the system's. */
  readonly clock?: Clock | undefined
}

/**
 * The embedded engine: one SQLite file, durable before every acknowledgement, no package to install.
 * Several engines, in one process or many on one machine, may have the same file open.
 *
 * @throws DRIVER_MISSING before Node 22.13; STORE_TOO_NEW for a file of a newer Varve; ENGINE_FAILED when the file is
 *   of another kind, which is left as it is, or cannot be opened.
 * @example
 * const store = openStore({ engine: sqlite({ path: 'shop.db' }) })
 */
export function sqlite(options: SqliteOptions): Engine {
  refuseUnknownOptions(options, optionFields, 'sqlite')
  const { path, clock = systemClock } = options
  return openEngine({ path, clock, chunkEvents })
}
