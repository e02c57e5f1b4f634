import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { firstCheckpoint, type Generations, type Target } from '../../../model/target.ts'
import { type SqliteDatabase, sqliteTarget } from './index.ts'

let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-target-'))
  path = join(folder, 'models.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

const filesIn = (): readonly string[] => readdirSync(folder).filter((name) => !/-(wal|shm)$/.test(name))

function write(
  target: Target<SqliteDatabase>,
  apply: (db: SqliteDatabase) => unknown,
  projection = 'stock',
): Promise<void> {
  return target.write({ projection, expected: 'any', next: firstCheckpoint(1), empty: false, apply })
}

const make = (db: SqliteDatabase): void => db.exec('create table stock (sku text primary key, cups integer)')

function generationsOf({ generations }: Target<SqliteDatabase>): Generations<SqliteDatabase> {
  if (generations === undefined) throw new Error('A file has generations.')
  return generations
}

async function built(target: Target<SqliteDatabase>, generation = 1, projection = 'stock'): Promise<void> {
  await using build = await generationsOf(target).open({ projection, generation })
  await write(build, make, projection)
}

it('lets readers see what is committed and change nothing', async () => {
  await using target = sqliteTarget({ path })
  await write(target, make)
  throws(() => target.readModel.exec("insert into stock values ('tea', 1)"), /readonly/)
  const rows = target.readModel.prepare('select count(*) as n from stock')
  await write(target, (db) => db.prepare("insert into stock values ('tea', 1)").run())
  equal(rows.get()?.n, 1)
})

it('shows a transaction of a reader one generation to its end', async () => {
  await using target = sqliteTarget({ path })
  for (const generation of [1, 2]) await built(target, generation)
  await generationsOf(target).publish({ projection: 'stock', generation: 1 })
  const files = target.readModel.prepare("select name from pragma_database_list where name like 'varve_g%'")
  target.readModel.exec('begin')
  await generationsOf(target).publish({ projection: 'stock', generation: 2 })
  equal(files.get()?.name, 'varve_g1')
  target.readModel.exec('commit')
  equal(files.get()?.name, 'varve_g2')
})

it('refuses a handler that goes on after its write', async () => {
  await using target = sqliteTarget({ path })
  let late: (() => void) | undefined
  await write(target, (db) => {
    const statement = db.prepare('select 1')
    late = () => statement.get()
  })
  throws(() => late?.(), { code: 'TARGET_FAILED', message: /after its write/ })
})

it('refuses a statement of a write that is over, also while another write goes on', async () => {
  await using target = sqliteTarget({ path })
  let late: (() => void) | undefined
  await write(target, (db) => {
    const statement = db.prepare('select 1')
    late = () => statement.get()
  })
  const using = write(target, (db) => {
    equal(db.prepare('select 1 as one').get()?.one, 1)
    late?.()
  })
  await rejects(using, { code: 'TARGET_FAILED', message: /after its write/ })
})

it('shows handlers their tables as they are now, also with statements that they have used before', async () => {
  await using target = sqliteTarget({ path })
  await write(target, make)
  const add = (db: SqliteDatabase): unknown => db.prepare("insert into stock (sku) values ('tea') returning *").get()
  const columns: unknown[] = []
  const seen = (db: SqliteDatabase): number => columns.push(Object.keys(add(db) as object))
  await write(target, seen)
  await write(target, (db) => db.exec('drop table stock; create table stock (sku text, cups integer, rack text)'))
  await write(target, seen)
  deepEqual(columns, [
    ['sku', 'cups'],
    ['sku', 'cups', 'rack'],
  ])
})

it('saves nothing when a handler ends the transaction: what is committed without its checkpoint would come again', async () => {
  await using target = sqliteTarget({ path })
  const writing = write(target, (db) => {
    db.exec('create table notes (note text)')
    db.exec('commit; begin')
    throw new Error('too late')
  })
  await rejects(writing, { code: 'INVALID_ARGUMENT', argument: 'sql' })
  equal(target.readModel.prepare("select count(*) as n from sqlite_schema where name = 'notes'").get()?.n, 0)
  equal(await target.checkpoint('stock'), undefined)
})

it('waits for another process without stopping this one, and gives up in time', async () => {
  await using target = sqliteTarget({ path, busyMs: 200 })
  const other = new DatabaseSync(path)
  other.exec('begin immediate')
  await rejects(write(target, make), { code: 'TARGET_UNAVAILABLE', retryable: true, target: 'sqlite' })
  const waiting = write(target, make)
  await new Promise(setImmediate)
  other.exec('rollback')
  await waiting
  other.close()
})

it('keeps each generation in a file of its own, which goes when it is dropped', async () => {
  await using target = sqliteTarget({ path })
  for (const generation of [1, 2]) await built(target, generation)
  deepEqual(filesIn(), ['models.db', 'models.db.g1', 'models.db.g2'])
  await generationsOf(target).drop({ projection: 'stock', generation: 1 })
  await built(target, 1)
  deepEqual(filesIn(), ['models.db', 'models.db.g2', 'models.db.g3'])
})

it('removes what a crash left of a dropped generation when it is opened again', async () => {
  const target = sqliteTarget({ path })
  await built(target)
  await target.close()
  const other = new DatabaseSync(path)
  other.exec("update varve_generations set state = 'dropped'")
  await sqliteTarget({ path }).close()
  deepEqual(filesIn(), ['models.db'])
  equal(other.prepare('select count(*) as n from varve_generations').get()?.n, 0)
  other.close()
})

it('begins with an empty file where one of that name was left', async () => {
  writeFileSync(`${path}.g1`, 'not a database')
  await using target = sqliteTarget({ path })
  await built(target)
  await generationsOf(target).publish({ projection: 'stock', generation: 1 })
  equal(target.readModel.prepare('select count(*) as n from stock').get()?.n, 0)
})

it('does not publish a generation whose file is gone', async () => {
  await using target = sqliteTarget({ path })
  await built(target)
  rmSync(`${path}.g1`)
  const publishing = generationsOf(target).publish({ projection: 'stock', generation: 1 })
  await rejects(publishing, { code: 'INVALID_ARGUMENT', argument: 'generation' })
})

it('says how many projections may have a published generation', async () => {
  await using target = sqliteTarget({ path })
  for (let nth = 0; nth < 10; nth++) await built(target, 1, `projection ${nth}`)
  for (let nth = 0; nth < 9; nth++) {
    await generationsOf(target).publish({ projection: `projection ${nth}`, generation: 1 })
  }
  const tenth = { projection: 'projection 9', generation: 1 }
  await rejects(generationsOf(target).publish(tenth), { code: 'INVALID_ARGUMENT', message: /up to 9/ })
  equal(await generationsOf(target).published('projection 9'), undefined)
  equal(target.readModel.prepare('select count(*) as n from stock').get()?.n, 0)
})

it('shows the published generation in front of a table of the main file', async () => {
  await using target = sqliteTarget({ path })
  await write(target, (db) => db.exec('create table stock as select 1 as cups'))
  await built(target)
  await generationsOf(target).publish({ projection: 'stock', generation: 1 })
  equal(target.readModel.prepare('select count(*) as n from stock').get()?.n, 0)
})

it('lists rows of every kind of table by key, and tells values apart by type', async () => {
  await using target = sqliteTarget({ path })
  const generation = { projection: 'stock', generation: 1 }
  await using build = await generationsOf(target).open(generation)
  await write(build, (db) => {
    db.exec(`create table "quoted "" name" (b any, a any, primary key (a, b)) strict, without rowid;
      create table twice (word text);
      create virtual table words using fts5(text);
      create view derived as select 1 as one;
      insert into twice values ('x'), ('x');
      insert into words values ('tea');`)
    db.prepare('insert into "quoted "" name" values (?, ?)').run(1.5, 1n)
    db.prepare('insert into "quoted "" name" values (?, ?)').run(new Uint8Array([1, 255]), 'one')
  })
  const entries: string[] = []
  for await (const { key, value } of generationsOf(target).entries(generation)) entries.push(`${key} ${value}`)
  deepEqual(entries, [
    '["quoted \\" name","one",{"bytes":"01ff"}] ["a","one","b",{"bytes":"01ff"}]',
    '["quoted \\" name",1,1.5] ["a",1,"b",1.5]',
    '["twice","x",1] ["word","x"]',
    '["twice","x",2] ["word","x"]',
    '["words","tea",1] ["text","tea"]',
  ])
})

it('has no generations in memory', () => {
  equal(sqliteTarget({ path: ':memory:' }).generations, undefined)
})

it.each([[{ path: '' }], [{ path: 'file:models.db' }], [{ path: 'a\0b' }], [{ path: ':memory:', busyMs: -1 }]])(
  'is refused %j',
  (options) => {
    expect(() => sqliteTarget(options)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  },
)

it('says what is wrong with a file', () => {
  writeFileSync(path, 'not a database'.repeat(100))
  expect(() => sqliteTarget({ path })).toThrowError(expect.objectContaining({ code: 'TARGET_FAILED' }))
  const nowhere = join(folder, 'no', 'models.db')
  expect(() => sqliteTarget({ path: nowhere })).toThrowError(expect.objectContaining({ code: 'TARGET_FAILED' }))
})
