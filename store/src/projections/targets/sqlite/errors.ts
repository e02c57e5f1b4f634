import { isVarveError } from '../../../model/errors.ts'
import { TargetFailed, TargetUnavailable } from '../../../model/target-errors.ts'

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that mean something special here. */
const code = { busy: 5, locked: 6, readOnly: 8, full: 13, cannotOpen: 14, notADatabase: 26 } as const

const problems: Readonly<Record<number, string>> = {
  [code.readOnly]: 'the file is read-only. Give this process the right to write the file and its folder',
  [code.full]: 'the disk is full. Free some space; nothing of this write was kept',
  [code.cannotOpen]: 'the file cannot be opened. Check that its folder exists and may be written to',
  [code.notADatabase]: 'the file is no SQLite database. Give the path of one, or of a file that does not exist yet',
}

/** Whether another connection stands in the way, so that the same call may succeed in a moment. */
export function isBusy(error: unknown): boolean {
  const found = resultCode(error)
  return found === code.busy || found === code.locked
}

/** Whether there is no file to open. */
export function isNoFile(error: unknown): boolean {
  return resultCode(error) === code.cannotOpen
}

/** An error of the driver as one of Varve's, told by SQLite's result code; any other error as it is. */
export function translated(error: unknown, path: string): unknown {
  const found = resultCode(error)
  if (found === undefined || isVarveError(error)) return error
  const cause = { cause: error }
  if (isBusy(error)) {
    return new TargetUnavailable('sqlite', `another connection holds the lock on ${path} for too long`, cause)
  }
  const text = error instanceof Error ? error.message : String(error)
  return new TargetFailed('sqlite', `${path}: ${problems[found] ?? text} (SQLite result code ${found})`, cause)
}

/** The primary result code; the extended one carries it in its low byte. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}
