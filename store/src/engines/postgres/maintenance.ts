import { EngineFailed } from '../../model/errors.ts'
import { createConnection } from './connection.ts'
import type { PostgresPool } from './driver.ts'
import { stateOf, translated } from './errors.ts'
import { inspect, type PostgresFinding } from './inspect.ts'
import { grantScript, migrateUp, migrationScript, migrations, refuseNewer, schemaVersion } from './migrate.ts'
import { checkedPlace, type PostgresPlace } from './place.ts'

/** One step of the schema: its number, and what it brings. */
export interface PostgresMigration {
  readonly version: number
  readonly name: string
}

/** How far a schema is. */
export interface PostgresStatus {
  /** The version of the schema that is there; 0 when there is none. */
  readonly version: number
  /** The version that this package brings, and its engine needs. */
  readonly newest: number
  /** What is missing, in order. */
  readonly missing: readonly PostgresMigration[]
}

/** What an owner does about the schema of a store, apart from the program that appends and reads. */
export interface PostgresMaintenance extends AsyncDisposable {
  /** How far the schema is. Changes nothing, also when there is none. */
  status(): Promise<PostgresStatus>
  /**
   * Brings the schema up to date in one transaction, and makes it when it is missing. Of several callers at once one does
   * it and the others wait.
   *
   * @returns what this call applied; nothing when all was there.
   */
  up(): Promise<readonly PostgresMigration[]>
  /** The SQL that `up` would run, for people who run it themselves; an empty text when nothing is missing. */
  script(): Promise<string>
  /** The SQL that `grant` would run. */
  grantScript(role: string): string
  /**
   * Gives a role what it needs to append, to read and to keep checkpoints, and nothing that could change what was appended.
   * Run it again after `up`: new tables and functions bring new rights.
   *
   * @throws ENGINE_FAILED when the schema or the role is missing, or belongs to somebody else.
   */
  grant(role: string): Promise<void>
  /**
   * Compares what the tables say about each other: the head and the last position, events and the versions of their streams,
   * tags and the index of tags, and the triggers that guard the log. Reads every event; changes nothing.
   */
  inspect(): Promise<readonly PostgresFinding[]>
  /** Ends the connections that a `url` opened. Closing twice is fine. */
  close(): Promise<void>
}

/** Looks after the schema at a place. */
export function createMaintenance(place: PostgresPlace): PostgresMaintenance {
  const { source, schema } = checkedPlace(place, 2)
  const connection = createConnection({ source, schema, migrate: 'refuse' })

  async function run<Result>(work: (pool: PostgresPool) => Promise<Result>): Promise<Result> {
    try {
      return await work(await connection.open())
    } catch (error) {
      throw translated(error)
    }
  }

  /** The version of a schema that this code knows. */
  async function knownVersion(pool: PostgresPool): Promise<number> {
    const version = await schemaVersion(pool, schema)
    refuseNewer(version)
    return version
  }

  return {
    status: () =>
      run(async (pool) => {
        const version = await schemaVersion(pool, schema)
        return { version, newest: migrations.length, missing: migrations.slice(version).map(named) }
      }),
    up: () => run(async (pool) => (await migrateUp(pool, schema)).map(named)),
    script: () =>
      run(async (pool) => {
        const version = await knownVersion(pool)
        return version === migrations.length ? '' : migrationScript(schema, version)
      }),
    grantScript: (role) => grantScript(schema, role),
    grant: (role) =>
      run(async (pool) => {
        if ((await knownVersion(pool)) === 0) throw missing(schema)
        await pool.query({ text: grantScript(schema, role) }).catch((error: unknown) => {
          throw stateOf(error) === '42704' ? noRole(role, error) : error
        })
      }),
    inspect: () =>
      run(async (pool) => {
        const version = await knownVersion(pool)
        if (version === 0) throw missing(schema)
        return inspect(pool, schema, { version, newest: migrations.length })
      }),
    close: connection.close,
    [Symbol.asyncDispose]: connection.close,
  }
}

function named({ version, name }: PostgresMigration): PostgresMigration {
  return { version, name }
}

function missing(schema: string): EngineFailed {
  return new EngineFailed(
    'postgres',
    `there is no store in schema ${JSON.stringify(schema)}. Make it with 'varve migrate --up' as the owner to be`,
  )
}

function noRole(role: string, cause: unknown): EngineFailed {
  return new EngineFailed(
    'postgres',
    `the role ${JSON.stringify(role)} does not exist. Create it first: create role "${role}" login`,
    { cause },
  )
}
