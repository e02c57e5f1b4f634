import { DriverMissing } from '../../../model/errors.ts'
import { translated } from './errors.ts'

/** What a SQLite column takes and gives. */
export type SqliteValue = null | number | bigint | string | Uint8Array

/** A row by column name. */
export type SqliteRow = Record<string, SqliteValue>

/** A prepared statement: a `StatementSync` of node:sqlite, as far as it is the same on every Node. */
export interface SqliteStatement {
  /** Runs it for its effect. */
  run(...parameters: readonly SqliteValue[]): { readonly changes: number | bigint }
  /** The first row, or undefined. */
  get(...parameters: readonly SqliteValue[]): SqliteRow | undefined
  /** All rows. */
  all(...parameters: readonly SqliteValue[]): SqliteRow[]
}

/**
 * What readers and handlers get of a SQLite target. As much of a `DatabaseSync` of node:sqlite as is the same on every
 * Node; typed here, so that the types of Varve stand without those of Node.
 */
export interface SqliteDatabase {
  /** Runs one or more statements without parameters. */
  exec(sql: string): void
  /** Compiles one statement, or finds it compiled. */
  prepare(sql: string): SqliteStatement
}

/** A connection with what only the target itself needs. */
export interface Connection extends SqliteDatabase {
  /** Undefined before Node 22.16. */
  readonly isTransaction: boolean | undefined
  prepare(sql: string): SqliteStatement & { iterate(...parameters: readonly SqliteValue[]): Iterable<SqliteRow> }
  function(
    name: string,
    options: { readonly varargs: boolean; readonly useBigIntArguments: boolean },
    run: (...given: readonly SqliteValue[]) => SqliteValue,
  ): void
  close(): void
}

/** The path that stands for a database in memory. */
export const inMemory = ':memory:'

/**
 * Opens a database, with the tables that the target keeps in it.
 *
 * @throws DRIVER_MISSING on a Node without node:sqlite; TARGET_UNAVAILABLE, TARGET_FAILED
 */
export function openConnection(path: string, busyMs: number, prepare = ''): Connection {
  // Loaded only now, so that importing this file is safe on any Node.
  const driver = process.getBuiltinModule?.('node:sqlite')
  if (driver === undefined) {
    throw new DriverMissing('node:sqlite', `Run on Node 22.13 or newer; this is Node ${process.versions.node}.`)
  }
  try {
    const connection = new driver.DatabaseSync(path) as unknown as Connection
    try {
      connection.exec(`pragma busy_timeout = ${busyMs}`)
      connection.exec(prepare)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  } catch (error) {
    throw translated(error, path)
  }
}

/** Statements that a connection keeps compiled. */
const statementsMax = 200

/**
 * A connection that keeps its statements compiled: handlers ask for the same ones with each event of each batch. Tables are
 * made and changed by `exec`, after which each is compiled anew.
 */
export function keepCompiled(connection: SqliteDatabase): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()
  return {
    exec: (sql) => {
      statements.clear()
      connection.exec(sql)
    },
    prepare: (sql) => {
      const known = statements.get(sql)
      if (known !== undefined) return known
      if (statements.size >= statementsMax) statements.clear()
      const statement = connection.prepare(sql)
      statements.set(sql, statement)
      return statement
    },
  }
}

/** A connection lent out, with its statements compiled once; `check` runs before each use. */
export function lend(connection: SqliteDatabase, check: () => void): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()

  function compiled(sql: string): SqliteStatement {
    const known = statements.get(sql)
    if (known !== undefined) return known
    if (statements.size >= statementsMax) statements.clear()
    const { run, get, all } = bound(connection.prepare(sql))
    const statement: SqliteStatement = {
      run: (...parameters) => {
        check()
        return run(...parameters)
      },
      get: (...parameters) => {
        check()
        return get(...parameters)
      },
      all: (...parameters) => {
        check()
        return all(...parameters)
      },
    }
    statements.set(sql, statement)
    return statement
  }

  return {
    exec: (sql) => {
      check()
      connection.exec(sql)
    },
    prepare: (sql) => {
      check()
      return compiled(sql)
    },
  }
}

function bound(statement: SqliteStatement): SqliteStatement {
  return {
    run: (...parameters) => statement.run(...parameters),
    get: (...parameters) => statement.get(...parameters),
    all: (...parameters) => statement.all(...parameters),
  }
}
