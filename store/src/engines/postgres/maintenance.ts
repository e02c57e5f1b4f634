import type { Clock } from '../../engine/clock.ts'
import { EngineFailed } from '../../model/errors.ts'
import { archiveParts, attachParts } from './archive.ts'
import { createConnection } from './connection.ts'
import type { PostgresPool } from './driver.ts'
import { translated } from './errors.ts'
import { grantScript, grantTo } from './grant.ts'
import { inspect, type PostgresFinding } from './inspect.ts'
import { layoutOf, type PostgresLayout, type PostgresPart } from './layout.ts'
import { migrateUp, migrationScript, migrations, refuseNewer, schemaVersion } from './migrate.ts'
import type { OwnedStore } from './owned.ts'
import { makePartsAhead, type PostgresPartitioning, partitionEvents } from './partition.ts'
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
  /** How events lie; absent unless the schema is of the newest version. */
  readonly layout?: PostgresLayout
}

/** What an owner does about the schema of a store, apart from the program that appends and reads. */
export interface PostgresMaintenance extends AsyncDisposable {
  /** How far the schema is. Changes nothing, also when there is none. */
  status(): Promise<PostgresStatus>
  /**
   * Brings the schema up to date in one transaction, and makes it when it is missing. Of several callers at once one does
   * it and the others wait. Where events lie in parts, the next two are made ahead.
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
  /**
   * Puts events into parts of so many positions each, and keeps them so; brings the schema up to date first. Events are
   * copied, which takes their disk space once more, while the store goes on being used; the last step locks it for a moment.
   * Whoever was interrupted calls it again.
   *
   * @throws INVALID_ARGUMENT for another size than the store has; ENGINE_FAILED when others hold the table of events, or
   *   objects of yours are built on it.
   */
  partition(positionsPerPart: number, options?: PostgresPartitioning): Promise<void>
  /**
   * Detaches the parts below a position, which has to be the first of a part. Their tables stay as they are; reads that
   * need their events are refused with EVENTS_ARCHIVED from then on. Event ids, versions and tags of theirs stay known.
   *
   * @returns the parts that this call detached, in order.
   * @throws INVALID_ARGUMENT for a position inside of a part or above the last full one; ENGINE_FAILED when events lie in
   *   one table, or others hold it.
   */
  archive(before: number): Promise<readonly PostgresPart[]>
  /**
   * Attaches archived parts again, from the one with a position on, after each was found to have all of its events.
   *
   * @returns the parts that this call attached, in order.
   * @throws ENGINE_FAILED when the table of one is not there or not complete, or others hold the table of events.
   */
  attach(from: number): Promise<readonly PostgresPart[]>
  /** Ends the connections that a `url` opened. Closing twice is fine. */
  close(): Promise<void>
}

/** Looks after the schema at a place. */
export function createMaintenance(place: PostgresPlace, clock: Clock): PostgresMaintenance {
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

  /** A store of the newest version, to change how its events lie. */
  function changed<Result>(work: (store: OwnedStore) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    return run(async (pool) => {
      const version = await knownVersion(pool)
      if (version < migrations.length) throw version === 0 ? missing(schema) : old(schema, version)
      return work({ pool, schema, clock, signal })
    })
  }

  return {
    status: () => run((pool) => statusOf(pool, schema)),
    up: () =>
      run(async (pool) => {
        const applied = await migrateUp(pool, schema)
        await makePartsAhead({ pool, schema })
        return applied.map(named)
      }),
    script: () =>
      run(async (pool) => {
        const version = await knownVersion(pool)
        return version === migrations.length ? '' : migrationScript(schema, version)
      }),
    grantScript: (role) => grantScript(schema, role),
    grant: (role) =>
      run(async (pool) => {
        if ((await knownVersion(pool)) === 0) throw missing(schema)
        await grantTo(pool, schema, role)
      }),
    inspect: () =>
      run(async (pool) => {
        const version = await knownVersion(pool)
        if (version === 0) throw missing(schema)
        return inspect(pool, schema, { version, newest: migrations.length })
      }),
    partition: async (positionsPerPart, { onProgress = () => undefined, signal } = {}) => {
      await run((pool) => migrateUp(pool, schema))
      await changed((store) => partitionEvents(store, positionsPerPart, onProgress), signal)
    },
    archive: (before) => changed((store) => archiveParts(store, before)),
    attach: (from) => changed((store) => attachParts(store, from)),
    close: connection.close,
    [Symbol.asyncDispose]: connection.close,
  }
}

async function statusOf(pool: PostgresPool, schema: string): Promise<PostgresStatus> {
  const version = await schemaVersion(pool, schema)
  const layout = version === migrations.length ? await layoutOf(pool, schema) : undefined
  const missing = migrations.slice(version).map(named)
  return { version, newest: migrations.length, missing, ...(layout !== undefined && { layout }) }
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

function old(schema: string, version: number): EngineFailed {
  return new EngineFailed(
    'postgres',
    `schema ${JSON.stringify(schema)} is at version ${version}, this code needs ${migrations.length}. Run 'varve migrate --up' first`,
  )
}
