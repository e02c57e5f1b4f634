import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { systemClock } from '../../engine/system-clock.ts'
import { InvalidArgument } from '../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import { createMaintenance, type PostgresMaintenance } from './maintenance.ts'
import { openEngine } from './open-engine.ts'
import { checkedPlace, type PostgresPlace } from './place.ts'

const optionFields = fieldsOf<PostgresOptions>({
  pool: true,
  url: true,
  schema: true,
  connectionsMax: true,
  migrate: true,
  prepare: true,
  listen: true,
  clock: true,
})

export type { PostgresClient, PostgresPool, PostgresPoolClient, PostgresQuery, PostgresResult } from './driver.ts'
export type { PostgresFinding } from './inspect.ts'
export { type PostgresKeysOptions, postgresKeys } from './keys.ts'
export type { PostgresLayout, PostgresPart } from './layout.ts'
export type { PostgresMaintenance, PostgresMigration, PostgresStatus } from './maintenance.ts'
export type { PostgresPartitioning } from './partition.ts'
export type { PostgresPlace } from './place.ts'

/** Options of {@link postgres}; one of `pool` and `url` must be given. */
export interface PostgresOptions extends PostgresPlace {
  /** Connections of the pool that `url` opens, at the most. Default 8. */
  readonly connectionsMax?: number | undefined
  /**
   * What happens when the schema is missing or older than this code: `'up'` brings it up to date, which needs the right to
   * create; `'refuse'` rejects with what to do. Default `'up'`.
   */
  readonly migrate?: 'up' | 'refuse' | undefined
  /** False behind a pooler that cannot carry prepared statements, such as PgBouncer before 1.21. Default true. */
  readonly prepare?: boolean | undefined
  /** False behind a pooler that cannot carry LISTEN: commits of other processes are then found by polling. Default true. */
  readonly listen?: boolean | undefined
  /** Where timers come from. Default: the system's. */
  readonly clock?: Clock | undefined
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
  refuseUnknownOptions(options, optionFields, 'postgres')
  const { connectionsMax = 8, migrate = 'up', prepare = true, listen = true } = options
  const { source, schema } = checkedPlace(options, connectionsMax)
  if (!Number.isSafeInteger(connectionsMax) || connectionsMax < 3) {
    throw new InvalidArgument('connectionsMax', 'is not a whole number from 3 on: two for appends, one to listen')
  }
  return openEngine({ source, schema, migrate, prepare, listen, clock: options.clock ?? systemClock })
}

/**
 * Looks after the schema of a store: how far it is, bringing it up to date, the SQL for it, rights for the role that appends,
 * and a comparison of what the tables say about each other. `varve migrate` and `varve doctor` do the same from a command line.
 * Connects when it is first used.
 *
 * @throws INVALID_ARGUMENT without `pool` or `url`; by its calls DRIVER_MISSING when `pg` is not installed, STORE_TOO_NEW
 *   for a schema that a newer Varve made, ENGINE_FAILED for a database that cannot hold a store or a right that is missing.
 * @example
 * async function deploy(url: string) {
 *   await using maintenance = postgresMaintenance({ url, schema: 'shop_events' })
 *   const applied = await maintenance.up()
 *   await maintenance.grant('shop_app')
 *   console.log(applied.map(({ version, name }) => `${version}: ${name}`), await maintenance.status())
 * }
 */
export function postgresMaintenance(place: PostgresPlace): PostgresMaintenance {
  // Who has the options of the engine in one object may give it here as well.
  refuseUnknownOptions(place, optionFields, 'postgresMaintenance')
  return createMaintenance(place, systemClock)
}
