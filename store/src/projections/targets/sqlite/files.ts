import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { TargetFailed } from '../../../model/target-errors.ts'

/** What SQLite puts beside a database. */
const parts = ['', '-wal', '-shm', '-journal']

/**
 * Removes a database. False where it could not be, because somebody has it open on a system that minds; on others it goes
 * when the last one closes it.
 */
export function removed(path: string): boolean {
  try {
    for (const part of parts) rmSync(`${path}${part}`, { force: true })
    return true
  } catch (error) {
    if (['EBUSY', 'EPERM', 'EACCES'].includes(codeOf(error))) return false
    throw new TargetFailed('sqlite', `${path} cannot be removed`, { cause: error })
  }
}

/** Brings a database, what was committed to it, and its name onto the disk. */
export function synced(path: string): void {
  for (const file of [path, `${path}-wal`, dirname(path)]) sync(file)
}

function sync(path: string): void {
  try {
    const descriptor = openSync(path, 'r')
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    // There is no log when nobody has the database open; and Windows opens no folders.
    if (!['ENOENT', 'EISDIR', 'EPERM', 'EACCES'].includes(codeOf(error))) {
      throw new TargetFailed('sqlite', `${path} cannot be synced to the disk`, { cause: error })
    }
  }
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code)
}
