import { EngineFailed, InvalidArgument } from '../../model/errors.ts'
import { quietPages } from './checkpoints.ts'
import { type Database, openDatabase } from './driver.ts'
import { translated } from './errors.ts'
import { checkOwner, migrate, pragma } from './migrate.ts'

/** How long opening waits for another process that opens, migrates or repairs the same file. */
const openBusyMs = 10_000

/** The path that stands for a database in memory, gone when it is closed. */
export const inMemory = ':memory:'

/**
 * Settings that hold for a connection.
 *
 * `synchronous = full` is the promise of durability: in WAL mode a commit then returns only after the log is synced,
 * while `normal`, which other drivers default to, syncs at checkpoints and loses acknowledged events with the power.
 * `fullfsync` matters on macOS alone, where a plain fsync stops at the drive's cache.
 * The WAL keeps its size: writing over blocks that exist is 1.6 times as fast as growing a file.
 */
const settings = `
  pragma synchronous = full;
  pragma fullfsync = on;
  pragma checkpoint_fullfsync = on;
  pragma foreign_keys = off;
  pragma temp_store = memory;
  pragma cache_size = -65536;
  pragma journal_size_limit = -1;
  pragma wal_autocheckpoint = ${quietPages};
`

/** Opens or creates a store's file; one that is not a store is refused and left as it is. */
export function openFile(path: string): Database {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new InvalidArgument('path', "is not the path of a file; give one as in 'shop.db', or ':memory:'")
  }
  try {
    return prepareFile(path)
  } catch (error) {
    throw translated(error, path)
  }
}

function prepareFile(path: string): Database {
  const db = openDatabase(path)
  try {
    db.exec(`pragma busy_timeout = ${openBusyMs}`)
    checkOwner(db, path)
    db.exec('pragma page_size = 4096')
    const [mode] = db.prepare<[string]>('pragma journal_mode = wal').get() ?? ['']
    if (mode !== 'wal' && path !== inMemory) {
      throw new EngineFailed(
        'sqlite',
        `${path} cannot be put into WAL mode (it is in ${mode}). Use a local file system`,
      )
    }
    db.exec(settings)
    migrate(db)
    assertDurable(db, path)
    // From here on the engine waits by itself, without blocking the process.
    db.exec('pragma busy_timeout = 0')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Reads the setting back: a build of SQLite may ignore a pragma without a word, and events would be lost. */
function assertDurable(db: Database, path: string): void {
  const level = pragma(db, 'synchronous')
  if (level !== 2) {
    throw new EngineFailed(
      'sqlite',
      `${path} runs with synchronous = ${level} instead of 2 (full); commits would not be durable`,
    )
  }
}
