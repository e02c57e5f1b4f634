import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { type OpenedTarget, targetConformance } from '../../../conformance/index.ts'
import { type SqliteDatabase, sqliteTarget } from './index.ts'

const counting: OpenedTarget<SqliteDatabase>['counting'] = {
  empty: (db) =>
    db.exec('drop table if exists counts; create table counts (key text primary key, number integer not null) strict'),
  add: (db, { key, by }) =>
    db
      .prepare(
        'insert into counts (key, number) values (?, ?) on conflict (key) do update set number = number + excluded.number',
      )
      .run(key, by),
  count: (db, key) => Number(db.prepare('select number from counts where key = ?').get(key)?.number ?? 0),
}

describe('a SQLite target on a file keeps every promise of a target', () => {
  targetConformance({ test, open: onFile })
})

describe('a SQLite target in memory keeps every promise but to hide a write that waits', () => {
  targetConformance({
    test,
    open: () => ({ target: sqliteTarget({ path: ':memory:' }), counting, traits: { isolated: false } }),
  })
})

function onFile(): OpenedTarget<SqliteDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-target-'))
  const connect = (from: string) => sqliteTarget({ path: join(folder, from, 'models.db') })
  let crashes = 0
  let lying = 'storage'
  mkdirSync(join(folder, lying))
  return {
    target: connect(lying),
    counting,
    reopen: () => connect(lying),
    openBeside: () => connect(lying),
    // What a kill leaves are the files as the system has them, the log of transactions that nobody has committed included.
    afterCrash: () => {
      const copy = `crash-${++crashes}`
      cpSync(join(folder, lying), join(folder, copy), { recursive: true })
      lying = copy
      return connect(lying)
    },
    cleanUp: () => rmSync(folder, { recursive: true }),
  }
}
