import { asText, type PostgresClient, type Row } from '../../../engines/postgres/driver.ts'
import { encodeName } from '../../../engines/postgres/names.ts'
import type { TargetChange, TargetCheckpoint } from '../../../model/target.ts'

/** The table of checkpoints in each schema that holds a read model. */
export const checkpointTable = (schema: string): string => `
  create table ${schema}.varve_checkpoints (
    projection text collate "C" primary key,
    version    bigint not null,
    position   bigint not null,
    epoch      bigint not null,
    parked     text   not null
  )`

/** A checkpoint under lock. */
export interface Locked {
  readonly found: TargetCheckpoint | undefined
  /** Id of the transaction that holds the lock. */
  readonly transaction: string
}

/**
 * Locks a checkpoint to the end of the transaction. One that is not there is locked by putting it there: whoever does the
 * same at the same time waits, and finds it.
 */
export async function locked(
  client: PostgresClient,
  sql: CheckpointStatements,
  { projection, next }: Pick<TargetChange<never>, 'projection' | 'next'>,
): Promise<Locked> {
  for (;;) {
    const row = await rowOf(client, sql.lock, [encodeName(projection)])
    if (row !== undefined) return { found: checkpointOf(row), transaction: String(row[4]) }
    const inserted = await rowOf(client, sql.insert, valuesOf(projection, next))
    if (inserted !== undefined) return { found: undefined, transaction: String(inserted[0]) }
  }
}

/** A checkpoint as it is committed. */
export async function loaded(
  client: PostgresClient,
  sql: CheckpointStatements,
  name: string,
): Promise<TargetCheckpoint | undefined> {
  const row = await rowOf(client, sql.load, [encodeName(name)])
  return row && checkpointOf(row)
}

/** Saves a checkpoint that is locked. False in another transaction than the one that holds the lock. */
export async function saved(
  client: PostgresClient,
  sql: CheckpointStatements,
  { projection, next, transaction }: Pick<TargetChange<never>, 'projection' | 'next'> & Pick<Locked, 'transaction'>,
): Promise<boolean> {
  return (await rowOf(client, sql.save, [...valuesOf(projection, next), transaction])) !== undefined
}

/** What is asked about checkpoints. */
export type CheckpointStatements = Readonly<Record<'load' | 'lock' | 'insert' | 'save', string>>

/** The statements about the checkpoints in a schema, which is quoted. */
export function checkpointStatements(schema: string): CheckpointStatements {
  const table = `${schema}.varve_checkpoints`
  return {
    load: `select version, position, epoch, parked from ${table} where projection = $1`,
    lock: `select version, position, epoch, parked, pg_current_xact_id() from ${table} where projection = $1 for update`,
    insert: `insert into ${table} (projection, version, position, epoch, parked) values ($1, $2, $3, $4, $5)
      on conflict do nothing returning pg_current_xact_id()`,
    // Only in the transaction that holds the lock.
    save: `update ${table} set version = $2, position = $3, epoch = $4, parked = $5
      where projection = $1 and pg_current_xact_id() = $6::xid8 returning 1`,
  }
}

function valuesOf(projection: string, { version, position, epoch, parked }: TargetCheckpoint): unknown[] {
  return [encodeName(projection), version, position, epoch, JSON.stringify(parked)]
}

async function rowOf(client: PostgresClient, text: string, values: unknown[]): Promise<Row | undefined> {
  const { rows } = await client.query({ text, values, rowMode: 'array', types: asText })
  return rows[0] as Row | undefined
}

function checkpointOf([version, position, epoch, parked]: Row): TargetCheckpoint {
  return {
    position: Number(position),
    version: Number(version),
    epoch: Number(epoch),
    parked: JSON.parse(String(parked)),
  }
}
