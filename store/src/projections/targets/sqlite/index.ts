import { resolve } from 'node:path'
import type { Clock } from '../../../engine/clock.ts'
import { systemClock } from '../../../engine/system-clock.ts'
import { InvalidArgument, StoreClosed } from '../../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../../model/known-fields.ts'
import type { Target } from '../../../model/target.ts'
import { openBuild, targetOn } from './build.ts'
import { inMemory, type SqliteDatabase } from './database.ts'
import { openGenerations } from './generations.ts'
import type { Patience } from './patience.ts'

const optionFields = fieldsOf<SqliteTargetOptions>({ path: true, busyMs: true, clock: true })

export type { SqliteDatabase, SqliteRow, SqliteStatement, SqliteValue } from './database.ts'

/** Options of {@link sqliteTarget}. */
export interface SqliteTargetOptions {
  /**
   * The database file, created when it is not there; `:memory:` for none. Best a file of its own: in the file of an
   * event store its transactions and the appends would wait for each other.
   */
  readonly path: string
  /** How long a write waits for another process that writes to the file, in milliseconds. Default 5,000. */
  readonly busyMs?: number | undefined
  /** Where timers come from. Default: the system's. */
  readonly clock?: Clock | undefined
}

/**
 * Read models in a SQLite file. Handlers get a connection inside the transaction that also saves the checkpoint, in the
 * table `varve_checkpoints`; they neither begin nor commit one. Any number of projections may share a target: their
 * transactions take turns. Readers of `readModel` see what is committed, and cannot write.
 *
 * A generation lies in a file of its own beside the main one; readers find its tables under their plain names once it is
 * published. Up to nine projections of one target may have a published generation. In memory there are none.
 *
 * @throws INVALID_ARGUMENT; DRIVER_MISSING on a Node without node:sqlite; TARGET_UNAVAILABLE, TARGET_FAILED
 * @example
 * await using target = sqliteTarget({ path: 'read-models.db' })
 */
export function sqliteTarget(options: SqliteTargetOptions): Target<SqliteDatabase> {
  refuseUnknownOptions(options, optionFields, 'sqliteTarget')
  const { path, patience } = checked(options)
  const build = openBuild(path, patience, () => true)
  if (path === inMemory) return targetOn(build)

  let closed = false
  const check = (): void => {
    if (closed) throw new StoreClosed('The target')
  }
  const { generations, readModel, close: closeGenerations } = openGenerations(path, patience, check)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed = true
    closing ??= closeGenerations().finally(build.close)
    return closing
  }
  return { ...targetOn(build), readModel, generations, close, [Symbol.asyncDispose]: close }
}

function checked({ path, busyMs = 5_000, clock = systemClock }: SqliteTargetOptions): {
  readonly path: string
  readonly patience: Patience
} {
  if (typeof path !== 'string' || path === '' || path.includes('\0') || path.startsWith('file:')) {
    throw new InvalidArgument('path', "is not the path of a file; give one as in 'read-models.db', or ':memory:'")
  }
  if (!Number.isSafeInteger(busyMs) || busyMs < 0) {
    throw new InvalidArgument('busyMs', 'is not a whole number from 0 on')
  }
  // Generations are opened later, perhaps from another working directory.
  return { path: path === inMemory ? path : resolve(path), patience: { clock, busyMs } }
}
