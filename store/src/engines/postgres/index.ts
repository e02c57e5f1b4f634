import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { systemClock } from '../../engine/system-clock.ts'
import { InvalidArgument } from '../../model/errors.ts'
import type { PostgresPool } from './driver.ts'
import { openEngine } from './open-engine.ts'

export type { PostgresClient, PostgresPool, PostgresPoolClient, PostgresQuery, PostgresResult } from './driver.ts'

/** Options of {@link postgres}; one of `pool` and `url` must be given. */
export interface PostgresOptions {
  /** A `pg` Pool of yours. It stays yours: closing the store does not end it. It should have at least four connections. */
  readonly pool?: PostgresPool
  /** Where the database is, as in `postgres://user:secret@host:5432/name`. The engine then opens a pool of its own. */
  readonly url?: string
  /** Connections of the pool that `url` opens, at the most. Default 8. */
  readonly connectionsMax?: number
  /** The schema that holds the store; several stores may lie in one database. Default `'varve'`. */
  readonly schema?: string
  /**
   * What happens when the schema is missing or older than this code: `'up'` brings it up to date, which needs the right to
   * create; `'refuse'` rejects with what to do. Default `'up'`.
   */
  readonly migrate?: 'up' | 'refuse'
  /** False behind a pooler that cannot carry prepared statements, such as PgBouncer before 1.21. Default true. */
  readonly prepare?: boolean
  /** False behind a pooler that cannot carry LISTEN: commits of other processes are then found by polling. Default true. */
  readonly listen?: boolean
  /** Where timers come from. Default: the system's. */
  readonly clock?: Clock
}

/**
 * The engine on PostgreSQL 15 or later, through the `pg` package. Any number of processes may use one store; the order of
 * positions is the order of commits. Connects when it is first used.
 *
 * @throws INVALID_ARGUMENT without `pool` or `url`; DRIVER_MISSING, by the first call, when `pg` is not installed.
 * @example
 * const store = openStore({ engine: postgres({ url: 'postgres://localhost/shop' }) })
 */
export function postgres(options: PostgresOptions): Engine {
  const { pool, url, connectionsMax = 8, schema = 'varve', migrate = 'up', prepare = true, listen = true } = options
  if ((pool === undefined) === (url === undefined)) {
    throw new InvalidArgument('options', 'needs one of pool and url: a pg Pool of yours, or where the database is')
  }
  if (typeof schema !== 'string' || !/^[^\0"]{1,50}$/.test(schema)) {
    throw new InvalidArgument('schema', 'is not a name of 1 to 50 characters without quotes')
  }
  if (!Number.isSafeInteger(connectionsMax) || connectionsMax < 3) {
    throw new InvalidArgument('connectionsMax', 'is not a whole number from 3 on: two for appends, one to listen')
  }
  const source = pool === undefined ? { url: url as string, connectionsMax } : { pool }
  return openEngine({ source, schema, migrate, prepare, listen, clock: options.clock ?? systemClock })
}
