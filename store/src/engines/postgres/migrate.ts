import { EngineFailed, StoreTooNew } from '../../model/errors.ts'
import type { PostgresPool, PostgresPoolClient } from './driver.ts'
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
]

/** 'Varv' in hexadecimal: the first half of the advisory lock that migrations take, the second being the schema's. */
const lockClass = 0x56617276

/** A schema's name as an identifier. */
export function quotedSchema(schema: string): string {
  return `"${schema.replaceAll('"', '""')}"`
}

/** The version of the schema, 0 when there is none. */
export async function schemaVersion(pool: PostgresPool, schema: string): Promise<number> {
  const { rows } = await pool.query({
    text: `select to_regclass($1) is not null as there, current_setting('server_encoding') as encoding,
      current_setting('server_version_num')::int as server`,
    values: [`${quotedSchema(schema)}.migrations`],
  })
  const [found] = rows as readonly { readonly there: boolean; readonly encoding: string; readonly server: number }[]
  if (found?.encoding !== 'UTF8') {
    throw new EngineFailed(
      'postgres',
      `the database has the encoding ${found?.encoding}. Create one with encoding UTF8; nothing was changed in this one`,
    )
  }
  if (found.server < 150_000) {
    throw new EngineFailed('postgres', `the server is older than PostgreSQL 15 (${found.server}). Use 15 or later`)
  }
  if (!found.there) return 0
  const applied = await pool.query({
    text: `select coalesce(max(version), 0)::int as version from ${quotedSchema(schema)}.migrations`,
  })
  return Number((applied.rows[0] as { readonly version: number }).version)
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
    throw stateOf(error) === '42501' ? mayNot(schema, error) : error
  }
}

/** Refuses a schema that this code does not know. */
export function refuseNewer(version: number): void {
  if (version > migrations.length) throw new StoreTooNew(version, migrations.length)
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
  await client.query({ text: 'begin isolation level read committed' })
  await client.query({ text: 'set local lock_timeout = 0; set local statement_timeout = 0' })
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

/** What a role needs that appends and reads, and nothing more. Run by the owner of the schema. */
export function grantScript(schema: string, role: string): string {
  const [name, to] = [quotedSchema(schema), quotedSchema(role)]
  const named = (names: readonly string[]): string => names.map((one) => `${name}.${one}`).join(', ')
  return `grant usage on schema ${name} to ${to};
grant select on ${named(readable)} to ${to};
grant select, insert, update, delete on ${name}.shelf to ${to};
grant execute on function ${named(callable)} to ${to};
`
}

const readable = [
  'migrations',
  'log_head',
  'streams',
  'events',
  'event_keys',
  'event_tags',
  'partitioning',
  'event_parts',
]
const callable = [
  'append',
  'append_one',
  'append_together',
  'append_within',
  'events_at',
  'events_between',
  'stream_in_parts',
  'walk_in_parts',
]
