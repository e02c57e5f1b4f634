import { EngineFailed, StoreTooNew } from '../../model/errors.ts'
import { type PostgresClient, type PostgresPool, type PostgresPoolClient, rowOf, withoutLimits } from './driver.ts'
import { stateOf } from './errors.ts'
import { theLog } from './migrations/0001-the-log.ts'
import { conditionMatch } from './migrations/0002-condition-match.ts'
import { theAppend } from './migrations/0003-the-append.ts'
import { callerTransactions } from './migrations/0004-caller-transactions.ts'
import { appendOne } from './migrations/0005-append-one.ts'
import { parts } from './migrations/0006-parts.ts'
import { readingParts } from './migrations/0007-reading-parts.ts'
import { matchInParts } from './migrations/0008-match-in-parts.ts'
import { appendTogether } from './migrations/0009-append-together.ts'
import { newIds } from './migrations/0010-new-ids.ts'

/** One step of the schema. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** In order. Forward only, never edited once released. */
export const migrations: readonly Migration[] = [
  { version: 1, name: 'the log', sql: theLog },
  { version: 2, name: 'condition match', sql: conditionMatch },
  { version: 3, name: 'the append', sql: theAppend },
  { version: 4, name: 'caller transactions', sql: callerTransactions },
  { version: 5, name: 'append one', sql: appendOne },
  { version: 6, name: 'parts', sql: parts },
  { version: 7, name: 'reading parts', sql: readingParts },
  { version: 8, name: 'match in parts', sql: matchInParts },
  { version: 9, name: 'append together', sql: appendTogether },
  { version: 10, name: 'new ids', sql: newIds },
]

/** 'Varv' in hexadecimal: the first half of the advisory lock that migrations take, the second being the schema's. */
const lockClass = 0x56617276

/** SQLSTATEs of what somebody else's tables and functions bring about. */
const otherTable: readonly (string | undefined)[] = ['42703', '42804']
const takenNames: readonly string[] = ['42703', '42P07', '42710', '42723', '42725']

/** A schema's name as an identifier. */
export function quotedSchema(schema: string): string {
  return `"${schema.replaceAll('"', '""')}"`
}

/**
 * $1: schema. Not by `to_regclass`: a session whose transaction is open would remember that the schema is not there, also
 * after another one has made it.
 */
const selectServer = `
  select current_setting('server_encoding'), current_setting('server_version_num'), exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = 'migrations')`

/** The version of the schema, 0 when there is none; whatever parses the types of the connection. */
export async function schemaVersion(client: PostgresClient, schema: string): Promise<number> {
  const [encoding, server, there] = await rowOf(client, { text: selectServer, values: [schema] })
  if (encoding !== 'UTF8') {
    throw new EngineFailed(
      'postgres',
      `the database has the encoding ${encoding}. Create one with encoding UTF8; nothing was changed in this one`,
    )
  }
  if (Number(server) < 150_000) {
    throw new EngineFailed('postgres', `the server is older than PostgreSQL 15 (${server}). Use 15 or later`)
  }
  if (there === 'f') return 0
  const text = `select coalesce(max(version), 0)::int from ${quotedSchema(schema)}.migrations`
  const [version] = await rowOf(client, { text }).catch((error: unknown) => {
    throw otherTable.includes(stateOf(error)) ? takenByOthers(schema, error) : error
  })
  return Number(version)
}

/**
 * Brings the schema up to date, in one transaction. Of several processes that start together one does it and the others
 * wait: the lock belongs to the transaction, so that it works behind a pooler.
 *
 * @returns the versions applied by this call.
 */
export async function migrateUp(pool: PostgresPool, schema: string): Promise<readonly Migration[]> {
  const version = await schemaVersion(pool, schema)
  refuseNewer(version)
  if (version === migrations.length) return []
  const client = await pool.connect()
  try {
    const applied = await migrateWith(client, schema)
    client.release()
    return applied
  } catch (error) {
    client.release(true)
    const state = stateOf(error) ?? ''
    if (state === '42501') throw mayNot(schema, error)
    throw takenNames.includes(state) ? takenByOthers(schema, error) : error
  }
}

/** Refuses a schema that this code does not know. */
export function refuseNewer(version: number): void {
  if (version > migrations.length) throw new StoreTooNew(version, migrations.length)
}

function takenByOthers(schema: string, cause: unknown): EngineFailed {
  const says = cause instanceof Error ? cause.message : String(cause)
  return new EngineFailed(
    'postgres',
    `the schema ${JSON.stringify(schema)} has objects under names that Varve needs, and Varve has not made them (${says}). ` +
      'Nothing was changed. Give the store a schema of its own',
    { cause },
  )
}

function mayNot(schema: string, cause: unknown): EngineFailed {
  const name = JSON.stringify(schema)
  return new EngineFailed(
    'postgres',
    `the schema ${name} is missing or old, and this role may not change that. Run 'varve migrate --up' as the owner of the ` +
      `database or of the schema, or give this role the right: grant create on database …; then 'varve migrate --grant'`,
    { cause },
  )
}

async function migrateWith(client: PostgresPoolClient, schema: string): Promise<readonly Migration[]> {
  // In one message: between two the transaction is idle, which may be limited too.
  await client.query({ text: `begin isolation level read committed; ${withoutLimits}` })
  await client.query({ text: 'select pg_advisory_xact_lock($1, hashtext($2))', values: [lockClass, schema] })
  const { rows: found } = await client.query({ text: 'select to_regnamespace($1)', values: [quotedSchema(schema)] })
  const [place] = found as readonly { readonly to_regnamespace: string | null }[]
  await client.query({ text: opening(schema, place?.to_regnamespace === null) })
  const { rows } = await client.query({ text: 'select coalesce(max(version), 0)::int as version from migrations' })
  const { version } = rows[0] as { readonly version: number }
  // Somebody newer may have been here while this call waited.
  refuseNewer(version)
  const missing = migrations.slice(version)
  for (const { version, name, sql } of missing) {
    await client.query({ text: sql })
    await client.query({ text: 'insert into migrations (version, name) values ($1, $2)', values: [version, name] })
  }
  await client.query({ text: 'commit' })
  return missing
}

/** `create schema if not exists` would ask for the right to create also where the schema is there. */
function opening(schema: string, isNew: boolean): string {
  const name = quotedSchema(schema)
  return `${isNew ? `create schema ${name};\n` : ''}set local search_path = ${name}, pg_temp;
create table if not exists migrations (
  version int primary key, name text not null, applied_at timestamptz not null default now()
);`
}

/** The SQL that brings a schema from a version to the newest, for people who run it themselves. */
export function migrationScript(schema: string, from: number): string {
  const steps = migrations
    .slice(from)
    .map(
      ({ version, name, sql }) =>
        `-- ${version}: ${name}\n${sql.trim()}\ninsert into migrations (version, name) values (${version}, '${name}');\n`,
    )
  const start = from === 0 ? `create schema if not exists ${quotedSchema(schema)};\n` : ''
  return `begin isolation level read committed;\n${start}${opening(schema, false)}\n\n${steps.join('\n')}\ncommit;\n`
}
