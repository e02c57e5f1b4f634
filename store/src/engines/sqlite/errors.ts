import { EngineFailed, EngineUnavailable, isVarveError, StoreCorrupt } from '../../model/errors.ts'

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that mean something special here. */
const code = {
  error: 1,
  permission: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  inputOutput: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  constraint: 19,
  notADatabase: 26,
} as const

/** `SQLITE_IOERR_SHMSIZE`, an extended code: the file beside the store that its processes share could not be made. */
const noRoomToShare = 4874

const problems: Readonly<Record<number, string>> = {
  [code.permission]:
    'the file may not be accessed. Give this process the right to read and write the file and its folder',
  [code.readOnly]: 'the file is read-only. Give this process the right to write the file and its folder',
  [code.inputOutput]: 'the disk reported an error. Check the disk and the system log before going on',
  [code.full]: 'the disk is full. Free some space; nothing of this call was written',
  [noRoomToShare]: 'its -shm file cannot grow, most likely because the disk is full. Free some space',
  [code.cannotOpen]: 'the file cannot be opened. Check that its folder exists and may be written to',
  [code.constraint]: 'the database refused a change that breaks its rules. The log is append-only; nothing was written',
  [code.notADatabase]:
    'the file is no SQLite database. Give the path of a Varve store, or of a file that does not exist yet',
}

/** Whether another connection stands in the way, so that the same call may succeed in a moment. */
export function isBusy(error: unknown): boolean {
  const found = resultCode(error)
  return found === code.busy || found === code.locked
}

/** Whether a rollback found that SQLite had rolled back already, as it does by itself on a full disk. */
export function isNoTransaction(error: unknown): boolean {
  return resultCode(error) === code.error
}

/** An error of the driver as one of Varve's, told by SQLite's result code; any other error as it is. */
export function translated(error: unknown, path: string): unknown {
  const found = resultCode(error)
  if (found === undefined || isVarveError(error)) return error
  const cause = { cause: error }
  if (isBusy(error)) {
    return new EngineUnavailable('sqlite', `another connection holds the lock on ${path} for too long`, cause)
  }
  if (found === code.corrupt) return new StoreCorrupt(`SQLite cannot make sense of ${path}`, cause)
  const text = error instanceof Error ? error.message : String(error)
  const problem = problems[extendedCode(error) ?? found] ?? problems[found] ?? text
  return new EngineFailed('sqlite', `${path}: ${problem} (SQLite result code ${found})`, cause)
}

/** The primary result code; the extended one carries it in its low byte. */
function resultCode(error: unknown): number | undefined {
  const extended = extendedCode(error)
  return extended === undefined ? undefined : extended & 0xff
}

function extendedCode(error: unknown): number | undefined {
  const isOfDriver = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
  return isOfDriver ? (error.errcode as number) : undefined
}
