import { KeyStoreFailed } from '../../model/erasure-errors.ts'
import { InvalidArgument, isVarveError } from '../../model/errors.ts'
import type { KeyStore, SubjectKeys } from '../../model/key-store.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import { openPool, type PostgresPool } from './driver.ts'
import { isPassing, translated } from './errors.ts'
import { checkedPlace, type PostgresPlace } from './place.ts'

const optionFields = fieldsOf<PostgresKeysOptions>({ pool: true, url: true, schema: true, migrate: true })

/** Options of {@link postgresKeys}; one of `pool` and `url` must be given. */
export interface PostgresKeysOptions extends PostgresPlace {
  /** The schema that holds the keys, and nothing else. Default `'varve_keys'`. */
  readonly schema?: string | undefined
  /**
   * What happens when the tables are missing: `'up'` makes them, which needs the right to create; `'refuse'` rejects.
   * Default `'up'`.
   */
  readonly migrate?: 'up' | 'refuse' | undefined
}

const connectionsMax = 4
const pageSubjects = 1_000

/**
 * Keys in tables of a PostgreSQL database: best one of its own, since who restores a backup of it restores the keys in it.
 * What is deleted stays in dead rows until a vacuum, in the write-ahead log until it is recycled, and in backups until
 * they expire; wrap keys with `wrappedKeys` where that is too long. The application needs select, insert, update and
 * delete on both tables. Connects when it is first used.
 *
 * @throws INVALID_ARGUMENT without `pool` or `url`; by its calls KEY_STORE_FAILED, ENGINE_UNAVAILABLE, DRIVER_MISSING
 * @example
 * const keys = postgresKeys({ url: 'postgres://localhost/keys' })
 */
export function postgresKeys(options: PostgresKeysOptions): KeyStore {
  refuseUnknownOptions(options, optionFields, 'postgresKeys')
  const { schema: given = 'varve_keys', migrate = 'up' } = options
  const { source, schema } = checkedPlace({ ...options, schema: given }, connectionsMax)
  const sql = statementsFor(`"${schema}"`)
  let opened: Promise<PostgresPool> | undefined

  async function open(): Promise<PostgresPool> {
    const pool = 'pool' in source ? source.pool : await openPool(source.url, source.connectionsMax)
    pool.on('error', ignore)
    try {
      await makeTables(pool, schema, migrate)
      return pool
    } catch (error) {
      await giveBack(pool)
      throw error
    }
  }

  async function giveBack(pool: PostgresPool | undefined): Promise<void> {
    if ('pool' in source) pool?.off('error', ignore)
    else await pool?.end()
  }

  async function run(text: string, values: unknown[]): Promise<readonly KeyRow[]> {
    try {
      opened ??= open()
      const pool = await opened.catch((error: unknown) => {
        // The next call tries again.
        opened = undefined
        throw error
      })
      return (await pool.query({ text, values })).rows as readonly KeyRow[]
    } catch (error) {
      throw failure(schema, error)
    }
  }

  async function close(): Promise<void> {
    const pool = await opened?.catch(() => undefined)
    opened = Promise.reject(new KeyStoreFailed(schema, 'it is closed.'))
    opened.catch(ignore)
    await giveBack(pool)
  }

  let closed: Promise<void> | undefined
  const closeOnce = (): Promise<void> => {
    closed ??= close()
    return closed
  }
  return { ...keysOver(sql, run), close: closeOnce, [Symbol.asyncDispose]: closeOnce }
}

interface KeyRow {
  readonly subject: string
  readonly forgotten: boolean
  readonly added: boolean
  readonly version: number | null
  readonly key: Uint8Array
}

type RunQuery = (text: string, values: unknown[]) => Promise<readonly KeyRow[]>

function keysOver(sql: Statements, run: RunQuery): Omit<KeyStore, 'close' | typeof Symbol.asyncDispose> {
  return {
    load: async (subject) => keysFrom(await run(sql.load, [subject])),
    add: async (subject, version, key) => {
      const [row] = await run(sql.add, [subject, checkedVersion(version), key])
      if (row?.forgotten === true) return 'forgotten'
      return row?.added === true ? 'added' : 'taken'
    },
    replace: async (subject, version, key) => {
      const rows = await run(sql.replace, [subject, checkedVersion(version), key])
      return rows.length > 0 ? 'replaced' : 'absent'
    },
    // Two statements, so that the second sees a key whose adding the first one waited for. The first one alone is enough
    // for everybody to take the subject for forgotten.
    destroy: async (subject) => {
      await run(sql.mark, [subject])
      await run(sql.remove, [subject])
    },
    subjects: async function* () {
      for (let after = ''; ; ) {
        const rows = await run(sql.subjects, [after, pageSubjects])
        for (const { subject } of rows) yield subject
        const last = rows.at(-1)
        if (last === undefined || rows.length < pageSubjects) return
        after = last.subject
      }
    },
  }
}

function keysFrom(rows: readonly KeyRow[]): SubjectKeys | 'forgotten' | undefined {
  if (rows[0]?.forgotten === true) return 'forgotten'
  const keys = new Map<number, Uint8Array>()
  for (const { version, key } of rows) if (version !== null) keys.set(version, key)
  return keys.size === 0 ? undefined : keys
}

type Statements = Readonly<Record<'load' | 'add' | 'replace' | 'mark' | 'remove' | 'subjects', string>>

/** An upsert locks the subject's row and returns its newest version: who adds and who forgets go one after the other. */
function statementsFor(schema: string): Statements {
  return {
    load: `select s.forgotten_at is not null as forgotten, k.version, k.key
      from ${schema}.subjects s left join ${schema}.keys k on k.subject = s.subject where s.subject = $1`,
    add: `with subject as (
        insert into ${schema}.subjects (subject) values ($1)
        on conflict (subject) do update set subject = excluded.subject returning forgotten_at
      ), added as (
        insert into ${schema}.keys (subject, version, key)
        select $1, $2::integer, $3::bytea from subject where forgotten_at is null
        on conflict do nothing returning version
      )
      select forgotten_at is not null as forgotten, exists (select from added) as added from subject`,
    replace: `update ${schema}.keys set key = $3::bytea where subject = $1 and version = $2::integer returning version`,
    mark: `insert into ${schema}.subjects (subject, forgotten_at) values ($1, now())
      on conflict (subject) do update set forgotten_at = coalesce(subjects.forgotten_at, excluded.forgotten_at)`,
    remove: `delete from ${schema}.keys where subject = $1`,
    subjects: `select distinct subject from ${schema}.keys where subject > $1 order by subject limit $2`,
  }
}

async function makeTables(pool: PostgresPool, schema: string, migrate: 'up' | 'refuse'): Promise<void> {
  const name = `"${schema}"`
  const exists = 'select to_regclass($1) is not null as forgotten'
  const { rows } = await pool.query({ text: exists, values: [`${name}.keys`] })
  if ((rows[0] as KeyRow).forgotten) return
  if (migrate === 'refuse') throw new KeyStoreFailed(schema, 'it has no tables for keys. Check the URL and the schema.')
  // One implicit transaction; the lock is for processes that start together, which `if not exists` does not keep apart.
  await pool.query({
    text: `select pg_advisory_xact_lock(hashtextextended('varve keys', 0));
      create schema if not exists ${name};
      create table if not exists ${name}.subjects (
        subject text collate "C" primary key,
        forgotten_at timestamptz
      );
      create table if not exists ${name}.keys (
        subject text collate "C" references ${name}.subjects,
        version integer check (version > 0),
        key bytea not null,
        primary key (subject, version)
      )`,
  })
}

function failure(schema: string, error: unknown): unknown {
  if (isVarveError(error)) return error
  if (isPassing(error)) return translated(error)
  return new KeyStoreFailed(schema, error instanceof Error ? `${error.message}.` : String(error), { cause: error })
}

function checkedVersion(version: number): number {
  if (Number.isInteger(version) && version >= 1 && version < 2 ** 31) return version
  throw new InvalidArgument('version', 'is not a whole number from 1 on')
}

function ignore(): void {}
