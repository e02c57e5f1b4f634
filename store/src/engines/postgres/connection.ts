import { EngineFailed } from '../../model/errors.ts'
import { openPool, type PostgresClient, type PostgresPool } from './driver.ts'
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
  /**
   * The same for one connection of the caller's, which is looked at itself as long as nothing else was: the caller may hold
   * the last connection of the pool.
   */
  readonly readyOn: (client: PostgresClient) => Promise<void>
  /** False when the pool is too small to give one connection away for good. */
  readonly canListen: boolean
  readonly close: () => Promise<void>
}

/** A connection that nothing has used yet. */
export function createConnection({ source, schema, migrate }: ConnectionParts): Connection {
  let pool: Promise<PostgresPool> | undefined
  let checked: Promise<PostgresPool> | undefined
  let isCurrent = false

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
    isCurrent = true
    return opened
  }

  async function ready(): Promise<PostgresPool> {
    checked ??= check().catch((error: unknown) => {
      // The next call tries again.
      checked = undefined
      throw error
    })
    const opened = await checked
    if (opened.ending === true) throw ended()
    return opened
  }

  return {
    open,
    ready,
    readyOn: async (client) => {
      if (isCurrent) return
      isCurrent = (await schemaVersion(client, schema)) === migrations.length
      if (!isCurrent) await ready()
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

/** Of the pool's own error nothing but the text tells it from one that passes. */
function ended(): EngineFailed {
  return new EngineFailed('postgres', 'the pool was ended, and the store still used it. Close the store first')
}

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
