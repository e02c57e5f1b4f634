import { DriverMissing, InvalidArgument, StoreClosed } from '../../model/errors.ts'
import { CheckpointConflict } from '../../model/shelf-errors.ts'
import { checkpointHolds, type Target, type TargetChange, type TargetCheckpoint } from '../../model/target.ts'
import { createTurns } from './turns.ts'

/** Options of {@link sqliteTarget}. */
export interface SqliteTargetOptions {
  /**
   * The database file, created when it is not there; `:memory:` for none. Best a file of its own: in the file of an
   * event store its transactions and the appends would wait for each other.
   */
  readonly path: string
  /** How long a write waits for another process that writes to the file, in milliseconds. Default 5,000. */
  readonly busyMs?: number
}

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
 * The connection of a SQLite target: a `DatabaseSync` of node:sqlite. Typed here, so that the types of Varve stand
 * without those of Node.
 */
export interface SqliteDatabase {
  /** Runs one or more statements without parameters. */
  exec(sql: string): void
  /** Compiles one statement. */
  prepare(sql: string): SqliteStatement
}

/** The connection with what only the target itself needs. */
interface Connection extends SqliteDatabase {
  /** Undefined before Node 22.16. */
  readonly isTransaction: boolean | undefined
  close(): void
}

// The read model and its checkpoint are durable together or not at all, and what a power cut takes is projected again:
// so the log is synced at checkpoints of the WAL, not at every commit.
const open = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  create table if not exists varve_checkpoints (
    projection text primary key,
    version    integer not null,
    position   integer not null,
    epoch      integer not null,
    parked     text    not null
  ) strict, without rowid;`

// Parameters: projection.
const load = 'select version, position, epoch, parked from varve_checkpoints where projection = ?'

// Parameters: projection, version, position, epoch, parked.
const save = `
  insert into varve_checkpoints (projection, version, position, epoch, parked) values (?, ?, ?, ?, ?)
  on conflict (projection) do update
  set version = excluded.version, position = excluded.position, epoch = excluded.epoch, parked = excluded.parked`

/**
 * Read models in a SQLite file. Handlers get the connection inside the transaction that
 * also saves the checkpoint, in the table `varve_checkpoints`; they neither begin nor commit one. Any number of
 * projections may share a target: their transactions take turns.
 *
 * @throws DRIVER_MISSING on a Node without node:sqlite.
 * @example
 * await using target = sqliteTarget({ path: 'read-models.db' })
 */
export function sqliteTarget(options: SqliteTargetOptions): Target<SqliteDatabase> {
  const database = openDatabase(options)
  const inTurn = createTurns()
  let closed = false

  function check(): void {
    if (closed) throw new StoreClosed('The target')
  }

  function checkpoint(projection: string): TargetCheckpoint | undefined {
    const row = database.prepare(load).get(projection)
    return row && checkpointOf(row)
  }

  async function write({ projection, expected, next, apply }: TargetChange<SqliteDatabase>): Promise<void> {
    check()
    // Immediate: between looking at the checkpoint and moving it, no other process may.
    database.exec('begin immediate')
    try {
      if (!checkpointHolds(expected, checkpoint(projection))) throw new CheckpointConflict(projection)
      const applied = apply(database)
      if (applied !== undefined) await applied
      const { version, position, epoch, parked } = next
      database.prepare(save).run(projection, version, position, epoch, JSON.stringify(parked))
      database.exec('commit')
    } catch (error) {
      // Some failures, a full disk for one, have rolled back already.
      if (database.isTransaction !== false) database.exec('rollback')
      throw error
    }
  }

  const target: Target<SqliteDatabase> = {
    readModel: database,
    emptiesItself: false,
    checkpoint: (projection) =>
      inTurn(async () => {
        check()
        return checkpoint(projection)
      }),
    write: (change) => inTurn(() => write(change)),
    close: () =>
      inTurn(async () => {
        if (!closed) database.close()
        closed = true
      }),
    [Symbol.asyncDispose]: () => target.close(),
  }
  return target
}

function checkpointOf({ version, position, epoch, parked }: SqliteRow): TargetCheckpoint {
  return {
    position: Number(position),
    version: Number(version),
    epoch: Number(epoch),
    parked: JSON.parse(String(parked)),
  }
}

function openDatabase({ path, busyMs = 5_000 }: SqliteTargetOptions): Connection {
  if (typeof path !== 'string' || path === '') throw new InvalidArgument('path', 'is not a non-empty string')
  if (!Number.isSafeInteger(busyMs) || busyMs < 0)
    throw new InvalidArgument('busyMs', 'is not a whole number from 0 on')
  // Loaded only now, so that importing this file is safe on any Node.
  const driver = process.getBuiltinModule?.('node:sqlite')
  if (driver === undefined) {
    throw new DriverMissing('node:sqlite', `Run on Node 22.13 or newer; this is Node ${process.versions.node}.`)
  }
  const database: Connection = new driver.DatabaseSync(path)
  database.exec(`pragma busy_timeout = ${busyMs}`)
  database.exec(open)
  return database
}
