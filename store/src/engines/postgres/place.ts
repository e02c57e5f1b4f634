import { InvalidArgument } from '../../model/errors.ts'
import type { PostgresPool } from './driver.ts'

/** Where a store lies in PostgreSQL; one of `pool` and `url` must be given. */
export interface PostgresPlace {
  /** A `pg` Pool of yours. It stays yours: closing does not end it. The engine wants it to have at least four connections. */
  readonly pool?: PostgresPool | undefined
  /** Where the database is, as in `postgres://user:secret@host:5432/name`. A pool of its own is then opened. */
  readonly url?: string | undefined
  /** The schema that holds the store; several stores may lie in one database. Default `'varve'`. */
  readonly schema?: string | undefined
}

/** Of the 63 that a name may have. */
const schemaBytes = 50

/** How to get at a database. */
export type PoolSource = { readonly pool: PostgresPool } | { readonly url: string; readonly connectionsMax: number }

/** A place that was given, checked. */
export function checkedPlace(
  { pool, url, schema = 'varve' }: PostgresPlace,
  connectionsMax: number,
): { readonly source: PoolSource; readonly schema: string } {
  if ((pool === undefined) === (url === undefined)) {
    throw new InvalidArgument('options', 'needs one of pool and url: a pg Pool of yours, or where the database is')
  }
  // PostgreSQL cuts names after 63 bytes without a word, and the channel for commits is named after the schema.
  if (typeof schema !== 'string' || !/^[^\0"]+$/.test(schema) || Buffer.byteLength(schema) > schemaBytes) {
    throw new InvalidArgument('schema', `is not a name of 1 to ${schemaBytes} bytes without quotes`)
  }
  return { source: pool === undefined ? { url: url as string, connectionsMax } : { pool }, schema }
}
