import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isSystemError } from './failure.ts'
import { damage, type Finding, ok, warning } from './finding.ts'

/** Free space below which a log that grows is in danger, in bytes. */
const freeBytesLow = 268_435_456

/** Checks the file of an embedded store and the disk it lies on, without changing anything. */
export async function examineFile(path: string): Promise<readonly Finding[]> {
  return [await examineSize(path), await examineDisk(path), ...examinePages(path)]
}

async function examineSize(path: string): Promise<Finding> {
  const { size } = await stat(path)
  const wal = await sizeIfThere(`${path}-wal`)
  return ok('file', `${path}, ${bytesText(size)}, and ${bytesText(wal)} in its write-ahead log`)
}

async function examineDisk(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dirname(path))
  const free = bavail * bsize
  const says = `${bytesText(free)} free on its disk`
  return free >= freeBytesLow
    ? ok('disk', says)
    : warning('disk', says, 'Make room, or move the store: appends fail when the disk is full.')
}

/** SQLite's own check of its pages and indexes. A file that SQLite does not take for its own is left to the opening. */
function examinePages(path: string): readonly Finding[] {
  const driver = process.getBuiltinModule?.('node:sqlite')
  if (driver === undefined) return []
  let problems: readonly string[]
  try {
    const db = new driver.DatabaseSync(path, { readOnly: true })
    try {
      problems = db
        .prepare('pragma integrity_check(10)')
        .all()
        .map((row) => String(Object.values(row)[0]))
    } finally {
      db.close()
    }
  } catch (error) {
    return isNoDatabase(error) ? [] : [damage('pages', `SQLite cannot read the file: ${(error as Error).message}`)]
  }
  if (problems.length === 1 && problems[0] === 'ok') return [ok('pages', "SQLite's integrity check finds nothing")]
  return [damage('pages', `SQLite's integrity check says: ${problems.slice(0, 3).join('; ')}`)]
}

/** SQLite result codes for a file of another kind and for one that cannot be opened at all; opening explains these. */
function isNoDatabase(error: unknown): boolean {
  const code = (error as { readonly errcode?: unknown }).errcode
  return code === 26 || code === 14
}

async function sizeIfThere(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return 0
    throw error
  }
}

const units = ['KiB', 'MiB', 'GiB', 'TiB']

function bytesText(bytes: number): string {
  let [value, unit] = [bytes / 1024, 0]
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 ? Math.ceil(value) : value.toFixed(1)} ${units[unit]}`
}
