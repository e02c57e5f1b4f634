import { StoreClosed } from '../../../model/errors.ts'
import { CheckpointConflict } from '../../../model/shelf-errors.ts'
import { checkpointHolds, type Target, type TargetChange, type TargetCheckpoint } from '../../../model/target.ts'
import { TargetFailed } from '../../../model/target-errors.ts'
import { createTurns } from '../turns.ts'
import {
  type Connection,
  inMemory,
  keepCompiled,
  lend,
  openConnection,
  type SqliteDatabase,
  type SqliteRow,
} from './database.ts'
import { translated } from './errors.ts'
import { keepingTransaction } from './own-transaction.ts'
import { type Patience, untilUnlocked } from './patience.ts'

/** The table of checkpoints, which lies beside the tables of the read model. */
export const checkpointTable = 'varve_checkpoints'

// The read model and its checkpoint are durable together or not at all, and what a power cut takes is projected again:
// so the log is synced at checkpoints of the WAL, not at every commit.
const prepareFile = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  create table if not exists ${checkpointTable} (
    projection text primary key,
    version    integer not null,
    position   integer not null,
    epoch      integer not null,
    parked     text    not null
  ) strict, without rowid;`

// Parameters: projection.
const load = `select version, position, epoch, parked from ${checkpointTable} where projection = ?`

// Parameters: projection, version, position, epoch, parked.
const save = `
  insert into ${checkpointTable} (projection, version, position, epoch, parked) values (?, ?, ?, ?, ?)
  on conflict (projection) do update
  set version = excluded.version, position = excluded.position, epoch = excluded.epoch, parked = excluded.parked`

const transactionOver =
  'a handler ended the transaction of its write, so that changes may be kept without their checkpoint: rebuild the read model.'

/** A read model in one file, with its checkpoints. */
export interface SqliteBuild {
  readonly path: string
  /** What readers of this file read. */
  readonly readModel: SqliteDatabase
  checkpoint(name: string): Promise<TargetCheckpoint | undefined>
  write(change: TargetChange<SqliteDatabase>): Promise<void>
  /** Closes its connections after the writes that were called before. */
  close(): Promise<void>
}

/** Opens a file. `isThere` says whether it still belongs to the target: one that was dropped takes no more writes. */
export function openBuild(path: string, patience: Patience, isThere: () => boolean): SqliteBuild {
  const connection = openConnection(path, patience.busyMs, prepareFile)
  // From here on waiting is up to `untilUnlocked`.
  connection.exec('pragma busy_timeout = 0')
  const compiled = keepCompiled(connection)
  const readers = openReading(path, connection, patience)
  const inTurn = createTurns()
  let open = true

  function check(): void {
    if (!open) throw new StoreClosed('The target')
  }

  function checkpoint(name: string): TargetCheckpoint | undefined {
    const row = compiled.prepare(load).get(name)
    return row && checkpointOf(row)
  }

  async function write({ projection, expected, next, apply }: TargetChange<SqliteDatabase>): Promise<void> {
    check()
    if (!isThere()) throw new CheckpointConflict(projection)
    // Immediate: between looking at the checkpoint and moving it, no other process may.
    await untilUnlocked(patience, path, () => connection.exec('begin immediate'))
    const session = lendForWrite(compiled)
    try {
      const found = orTranslated(path, () => checkpoint(projection))
      if (!checkpointHolds(expected, found)) throw new CheckpointConflict(projection)
      // Handlers that do not wait are not waited for: who shares a database in memory sees all of their changes or none.
      const applying = apply(session.database)
      if (applying !== undefined) await applying
      session.end()
      if (connection.isTransaction === false) throw new TargetFailed('sqlite', transactionOver)
      const { version, position, epoch, parked } = next
      orTranslated(path, () => {
        compiled.prepare(save).run(projection, version, position, epoch, JSON.stringify(parked))
        connection.exec('commit')
      })
    } catch (error) {
      session.end()
      // Some failures, a full disk for one, have rolled back already.
      if (connection.isTransaction !== false) connection.exec('rollback')
      throw error
    }
    // A file that was removed meanwhile took the write, and took it along.
    if (!isThere()) throw new CheckpointConflict(projection)
  }

  return {
    path,
    readModel: lend(readers.connection, check),
    checkpoint: (name) =>
      inTurn(async () => {
        check()
        return isThere() ? orTranslated(path, () => checkpoint(name)) : undefined
      }),
    write: (change) => inTurn(() => write(change)),
    close: () =>
      inTurn(async () => {
        if (!open) return
        open = false
        readers.close()
        connection.close()
      }),
  }
}

/** One file as a target. */
export function targetOn(build: SqliteBuild): Target<SqliteDatabase> {
  return {
    readModel: build.readModel,
    emptiesItself: false,
    checkpoint: build.checkpoint,
    write: build.write,
    close: build.close,
    [Symbol.asyncDispose]: build.close,
  }
}

/** A connection lent out for as long as a transaction lasts: what a handler does later would be in none. */
function lendForWrite(connection: SqliteDatabase): { readonly database: SqliteDatabase; readonly end: () => void } {
  let over = false
  const kept: SqliteDatabase = {
    exec: (sql) => connection.exec(keepingTransaction(sql)),
    prepare: (sql) => connection.prepare(keepingTransaction(sql)),
  }
  const database = lend(kept, () => {
    if (over) throw new TargetFailed('sqlite', 'a handler uses the database after its write. Await what it begins.')
  })
  return {
    database,
    end: () => {
      over = true
    },
  }
}

function orTranslated<Result>(path: string, run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    throw translated(error, path)
  }
}

/**
 * Readers have a connection of their own, which sees what is committed; opened for the first of them. In memory there is one
 * database per connection.
 */
function openReading(
  path: string,
  writing: Connection,
  { busyMs }: Patience,
): { readonly connection: SqliteDatabase; readonly close: () => void } {
  if (path === inMemory) return { connection: writing, close: () => undefined }
  let opened: Connection | undefined
  const reading = (): Connection => {
    opened ??= openConnection(path, busyMs, 'pragma query_only = on')
    return opened
  }
  return {
    connection: { exec: (sql) => reading().exec(sql), prepare: (sql) => reading().prepare(sql) },
    close: () => opened?.close(),
  }
}

function checkpointOf({ version, position, epoch, parked }: SqliteRow): TargetCheckpoint {
  return {
    position: Number(position),
    version: Number(version),
    epoch: Number(epoch),
    parked: JSON.parse(String(parked)),
  }
}
