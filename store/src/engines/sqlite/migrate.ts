import { EngineFailed, StoreTooNew } from '../../model/errors.ts'
import type { Database } from './driver.ts'
import { theLog } from './migrations/0001-the-log.ts'
import { noRowIsReplaced } from './migrations/0002-no-row-is-replaced.ts'
import { correlations } from './migrations/0003-correlations.ts'

/** Marks a file as Varve's, in SQLite's own header: 'Varv'. */
const applicationId = 0x56617276

/** In order; the number of a migration is its place here, from 1. Forward only, never edited once released. */
const migrations: readonly string[] = [theLog, noRowIsReplaced, correlations]

/** The schema that this code writes. */
export const schemaVersion: number = migrations.length

/** Refuses a file that is not ours or is newer than this code. Reads only. */
export function checkOwner(db: Database, path: string): void {
  const owner = pragma(db, 'application_id')
  const [objects] = db.prepare<[number]>('select count(*) from sqlite_schema').get() ?? [0]
  if (owner !== applicationId && (owner !== 0 || objects > 0)) {
    throw new EngineFailed(
      'sqlite',
      `${path} is a database of another program and was left as it is. Give the path of a Varve store, or of a new file`,
    )
  }
  const version = pragma(db, 'user_version')
  if (version > schemaVersion) throw new StoreTooNew(version, schemaVersion)
}

/** Brings the schema up to date in one transaction; of several processes starting together one does it. */
export function migrate(db: Database): void {
  if (pragma(db, 'user_version') === schemaVersion) return
  db.exec('begin immediate')
  try {
    // Read again under the lock: another process may have been faster.
    for (const migration of migrations.slice(pragma(db, 'user_version'))) db.exec(migration)
    db.exec(`pragma application_id = ${applicationId}; pragma user_version = ${schemaVersion}`)
    db.exec('commit')
  } catch (error) {
    db.exec('rollback')
    throw error
  }
}

/** The number that a pragma answers with. */
export function pragma(db: Database, name: string): number {
  return db.prepare<[number]>(`pragma ${name}`).get()?.[0] ?? 0
}
