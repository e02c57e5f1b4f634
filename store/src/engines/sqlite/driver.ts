import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { DriverMissing } from '../../model/errors.ts'

/** What a column holds. */
export type Value = null | number | string | Uint8Array

/** A prepared statement; rows are tuples in the order of the columns. */
export interface Statement<Row = never> {
  run(...values: readonly Value[]): unknown
  get(...values: readonly Value[]): Row | undefined
  all(...values: readonly Value[]): Row[]
}

/** One connection to a database file. */
export interface Database {
  exec(sql: string): void
  prepare<Row = never>(sql: string): Statement<Row>
  close(): void
}

/** Opens a connection. Loads the driver only now, so that importing the engine is free and safe on any Node. */
export function openDatabase(path: string): Database {
  const { DatabaseSync } = loadDriver()
  const connection: DatabaseSync = new DatabaseSync(path)
  return {
    exec: (sql) => connection.exec(sql),
    prepare: <Row>(sql: string) => asTuples<Row>(connection.prepare(sql)),
    close: () => connection.close(),
  }
}

function loadDriver(): typeof import('node:sqlite') {
  const driver = process.getBuiltinModule?.('node:sqlite')
  if (driver === undefined) {
    throw new DriverMissing('node:sqlite', `Run on Node 22.13 or newer; this is Node ${process.versions.node}.`)
  }
  return driver
}

/** Rows as arrays cost half of what rows as objects do, but Node learned to give them only in 22.16 and 24.0. */
function asTuples<Row>(statement: StatementSync): Statement<Row> {
  if (typeof statement.setReturnArrays === 'function') {
    statement.setReturnArrays(true)
    return statement as unknown as Statement<Row>
  }
  return {
    run: (...values) => statement.run(...values),
    get: (...values) => {
      const row = statement.get(...values)
      return row && (Object.values(row) as Row)
    },
    all: (...values) => statement.all(...values).map((row) => Object.values(row) as Row),
  }
}

/**
 * Text out of a column read as `cast(… as blob)`. Names may hold NUL, and Node before 22.16 cuts text off there;
 * a blob always comes back whole.
 */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
