import type { Clock } from '../../../engine/clock.ts'
import { systemClock } from '../../../engine/system-clock.ts'
import type { PostgresPool } from '../../../engines/postgres/driver.ts'
import { checkedPlace } from '../../../engines/postgres/place.ts'
import { InvalidArgument, StoreClosed } from '../../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../../model/known-fields.ts'
import type { Target } from '../../../model/target.ts'
import { openBuild } from './build.ts'
import { createGenerations } from './generations.ts'
import { quoted } from './names.ts'
import { prepareTarget } from './prepare.ts'
import type { PostgresReadModel } from './read-model.ts'
import { createRegistry } from './registry.ts'
import { createSessions } from './session.ts'

export type {
  PostgresClient,
  PostgresPool,
  PostgresPoolClient,
  PostgresQuery,
  PostgresResult,
} from '../../../engines/postgres/driver.ts'

const optionFields = fieldsOf<PostgresTargetOptions>({
  pool: true,
  url: true,
  schema: true,
  searchPath: true,
  connectionsMax: true,
  migrate: true,
  statementTimeoutMs: true,
  lockTimeoutMs: true,
  idleTimeoutMs: true,
  clock: true,
})

export { type DocumentTargetOptions, documentTarget } from './document-target.ts'
export type { Documents, StoredDocument } from './documents.ts'
export type { Containing, DocumentQuestion, FieldOf } from './question.ts'
export type { PostgresReadModel, PostgresRows } from './read-model.ts'

/** Options of {@link postgresTarget}; one of `pool` and `url` must be given. */
export interface PostgresTargetOptions {
  /** A `pg` Pool of yours, that of the store for instance. It stays yours: closing does not end it. */
  readonly pool?: PostgresPool | undefined
  /** Where the database is, as in `postgres://user:secret@host:5432/name`. A pool of its own is then opened. */
  readonly url?: string | undefined
  /** The schema in which readers find the read models. Default `'varve_read_models'`; made when it is not there. */
  readonly schema?: string | undefined
  /** Schemas that SQL may use besides, that of an extension for instance. What handlers drop is looked for there as well. */
  readonly searchPath?: readonly string[] | undefined
  /** Connections of the pool that `url` opens, at the most: one for each partition that writes, and some to read. Default 8. */
  readonly connectionsMax?: number | undefined
  /**
   * What happens when the target's own tables are missing: `'up'` makes them, which needs the right to create schemas in the
   * database; `'refuse'` rejects. Default `'up'`.
   */
  readonly migrate?: 'up' | 'refuse' | undefined
  /** How long one statement may take, in milliseconds. Default 60,000. */
  readonly statementTimeoutMs?: number | undefined
  /** How long a write waits for another one, in milliseconds. Default 10,000. */
  readonly lockTimeoutMs?: number | undefined
  /**
   * After how long the server gives up a transaction whose process says nothing, in milliseconds: so long can one that was
   * paused keep the next owner of a projection waiting. Default 5,000.
   */
  readonly idleTimeoutMs?: number | undefined
  /** Where timers come from. Default: the system's. */
  readonly clock?: Clock | undefined
}

/**
 * Read models in a PostgreSQL database, 15 or later, through the `pg` package. Handlers get the connection of the transaction
 * that also saves the checkpoint, in the table `varve_checkpoints`, and say plain table names. Writes of different
 * projections and partitions run on connections of their own, at the same time.
 *
 * A generation lies in a schema of its own; once it is published, views of its tables are in the target's schema. Connects
 * when it is first used.
 *
 * @throws INVALID_ARGUMENT without `pool` or `url`; by its calls DRIVER_MISSING when `pg` is not installed,
 *   TARGET_UNAVAILABLE, TARGET_FAILED
 * @example
 * const target = postgresTarget({ url: 'postgres://localhost/shop', schema: 'shop_views' })
 */
export function postgresTarget(options: PostgresTargetOptions): Target<PostgresReadModel> {
  refuseUnknownOptions(options, optionFields, 'postgresTarget')
  const { source, schema, migrate, timeouts, pathOf, clock } = checked(options)
  let closed = false
  const check = (): void => {
    if (closed) throw new StoreClosed('The target')
  }
  const registry = createRegistry(schema)
  const prepare = (pool: PostgresPool): Promise<void> => prepareTarget(pool, schema, migrate)
  const sessions = createSessions({ source, timeouts, clock, prepare })
  const searchPath = pathOf(schema)
  const build = openBuild({
    ...{ sessions, schema: quoted(schema), searchPath, isGeneration: false, check },
    emptied: (_, write) => write(),
  })
  const { opened, ...generations } = createGenerations({ sessions, registry, pathOf, check })

  async function closeAll(): Promise<void> {
    await Promise.all([build, ...opened].map((one) => one.close()))
    await sessions.close()
  }
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed = true
    closing ??= closeAll()
    return closing
  }
  return { ...build, generations, close, [Symbol.asyncDispose]: close }
}

function checked(options: PostgresTargetOptions) {
  const { connectionsMax = 8, migrate = 'up', searchPath = [], clock = systemClock } = options
  const { statementTimeoutMs = 60_000, lockTimeoutMs = 10_000, idleTimeoutMs = 5_000 } = options
  const timeouts = { statementTimeoutMs, lockTimeoutMs, idleTimeoutMs }
  const { source, schema } = checkedPlace({ ...options, schema: options.schema ?? 'varve_read_models' }, connectionsMax)
  // A generation's schema is named after it, and PostgreSQL cuts names after 63 bytes.
  if (Buffer.byteLength(schema) > 50) throw new InvalidArgument('schema', 'is a name of more than 50 bytes')
  for (const [name, value] of Object.entries({ connectionsMax, ...timeouts })) {
    if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgument(name, 'is not a whole number from 1 on')
  }
  const others = searchPath.map(quoted)
  const pathOf = (own: string): string => [quoted(own), ...others].join(', ')
  return { source, schema, migrate, timeouts, clock, pathOf }
}
