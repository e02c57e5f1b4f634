import { EngineFailed } from '../../model/errors.ts'
import { openPool, type PostgresPool } from './driver.ts'
import { migrateUp, migrations, refuseNewer, schemaVersion } from './migrate.ts'
import type { PoolSource } from './place.ts'

/** Where the store lies and what may be done about its schema. */
export interface ConnectionParts {
  readonly source: PoolSource
  readonly schema: string
  readonly migrate: 'up' | 'refuse'
}

/** The pool of an engine: opened and looked at when it is first needed. */
export interface Connection {
  /** The pool, as soon as the driver is there. */
  readonly open: () => Promise<PostgresPool>
  /** The pool, once the schema is known to be as this code needs it. */
  readonly ready: () => Promise<PostgresPool>
  /** False when the pool is too small to give one connection away for good. */
  readonly canListen: boolean
  readonly close: () => Promise<void>
}

/** A connection that nothing has used yet. */
export function createConnection({ source, schema, migrate }: ConnectionParts): Connection {
  let pool: Promise<PostgresPool> | undefined
  let checked: Promise<PostgresPool> | undefined

  async function openWithListener(): Promise<PostgresPool> {
    const opened = 'pool' in source ? source.pool : await openPool(source.url, source.connectionsMax)
    // An idle connection that breaks is the pool's to replace; without a listener it would end the process.
    opened.on('error', ignore)
    return opened
  }

  function open(): Promise<PostgresPool> {
    pool ??= openWithListener()
    return pool
  }

  async function check(): Promise<PostgresPool> {
    const opened = await open()
    if (migrate === 'up') await migrateUp(opened, schema)
    else refuseOther(await schemaVersion(opened, schema), schema)
    return opened
  }

  return {
    open,
    ready: () => {
      checked ??= check().catch((error: unknown) => {
        // The next call tries again.
        checked = undefined
        throw error
      })
      return checked
    },
    canListen: !('pool' in source) || (source.pool.options?.max ?? 10) >= 2,
    close: async () => {
      const opened = await pool?.catch(() => undefined)
      // The driver ends a pool before its connections have hung up: what breaks meanwhile must still find a listener.
      if ('pool' in source) opened?.off('error', ignore)
      else await opened?.end()
    },
  }
}

function ignore(): void {}

function refuseOther(version: number, schema: string): void {
  refuseNewer(version)
  if (version === migrations.length) return
  const name = JSON.stringify(schema)
  const says =
    version === 0
      ? `there is no store in schema ${name}. Check the URL and the schema, or make one`
      : `schema ${name} is at version ${version}, this code needs ${migrations.length}. Bring it up to date`
  throw new EngineFailed('postgres', `${says}: 'varve migrate --up', as the owner`)
}
