import { asText, type PostgresPool, type Row } from '../../../engines/postgres/driver.ts'
import { TargetFailed } from '../../../model/target-errors.ts'
import { checkpointTable } from './checkpoints.ts'
import { literal, quoted } from './names.ts'

/** Makes the tables that a target keeps beside its read models, when they are not there; or refuses. */
export async function prepareTarget(pool: PostgresPool, schema: string, migrate: 'up' | 'refuse'): Promise<void> {
  const name = quoted(schema)
  const { rows } = await pool.query({
    text: 'select to_regclass($1) is not null',
    values: [`${name}.varve_generations`],
    rowMode: 'array',
    types: asText,
  })
  if ((rows[0] as Row)[0] === 't') return
  if (migrate === 'refuse') {
    throw new TargetFailed('postgres', `schema ${name} has no tables of a target. Check the URL and the schema.`)
  }
  // One implicit transaction; the lock is for processes that start together, which `if not exists` does not keep apart.
  await pool.query({
    text: `select ${registryLock(schema)};
      create schema if not exists ${name};
      ${checkpointTable(name).replace('create table', 'create table if not exists')};
      create table if not exists ${name}.varve_generations (
        id         bigint generated always as identity primary key,
        projection text collate "C" not null,
        generation bigint not null,
        schema     text not null generated always as (${literal(`${schema}_g`)} || id) stored,
        published  boolean not null default false,
        views      text not null default '[]',
        unique (projection, generation)
      );
      create unique index if not exists varve_generations_published on ${name}.varve_generations (projection)
      where published`,
  })
}

/** The lock under which a target's own tables and schemas change, to the end of the transaction. */
export function registryLock(schema: string): string {
  return `pg_advisory_xact_lock(hashtextextended(${literal(`varve target ${schema}`)}, 0))`
}
