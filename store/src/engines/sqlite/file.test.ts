import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { all, eventToStore, fill, request, storeFileOfEachTest } from '../../../../test/sqlite/store-file.ts'
import { sqlite } from './index.ts'
import { openFile } from './open-file.ts'

const file = storeFileOfEachTest()
const { connect } = file

describe('durability', () => {
  it('runs in WAL mode with synchronous = full, which syncs the log before a commit returns', () => {
    const db = openFile(file.path)
    const settings = ['journal_mode', 'synchronous', 'fullfsync', 'page_size', 'busy_timeout'].map(
      (name) => db.prepare<[string | number]>(`pragma ${name}`).get()?.[0],
    )
    db.close()
    expect(settings).toEqual(['wal', 2, 1, 4096, 0])
  })

  it('leaves one file behind when it is closed', async () => {
    const engine = connect()
    await fill(engine, 12)
    await engine.close()
    expect([existsSync(file.path), existsSync(`${file.path}-wal`), existsSync(`${file.path}-shm`)]).toEqual([
      true,
      false,
      false,
    ])
  })

  it('finds everything again that was committed but never checkpointed', async () => {
    const engine = connect()
    const events = await fill(engine, 12)
    copyFileSync(file.path, `${file.path}.copy`)
    copyFileSync(`${file.path}-wal`, `${file.path}.copy-wal`)
    const copy = connect({ path: `${file.path}.copy` })
    expect((await all(copy)).map(({ id }) => id)).toEqual(events.map(({ id }) => id))
  })
})

describe('the database guards the log', () => {
  it.each([
    ['update events set data = 1', 'events are append-only'],
    ['delete from events', 'events are append-only'],
    ['pragma recursive_triggers = on; insert or replace into events select * from events', 'events are append-only'],
    ['update stream_postings set list = 1', 'posting lists are append-only'],
    ['delete from stream_postings', 'posting lists are append-only'],
    ['update postings set list = 1', 'posting lists are append-only'],
    ['delete from postings', 'posting lists are append-only'],
    ['update chunks set fingerprints = 1', 'chunks are append-only'],
    ['delete from chunks', 'chunks are append-only'],
    ["update streams set name = name || 'x'", 'a stream keeps its number and its name'],
    ['delete from streams', 'a stream keeps its number and its name'],
    ["update types set name = name || 'x'", 'a type keeps its number and its name'],
    ['delete from types', 'a type keeps its number and its name'],
    ['insert or replace into stream_postings select * from stream_postings', 'posting lists are append-only'],
    ['insert or replace into postings select * from postings', 'posting lists are append-only'],
    ['insert or replace into chunks select * from chunks', 'chunks are append-only'],
    ["insert or replace into streams select number, 'x', 1, 0 from streams", 'a stream keeps its number and its name'],
    ['insert or replace into streams (name) select name from streams', 'a stream keeps its number and its name'],
    ["insert or replace into types select number, 'x' from types", 'a type keeps its number and its name'],
    ["insert or replace into contents values (1, 'x')", 'a content type keeps its number and its name'],
  ])('refuses: %s', async (sql, reason) => {
    const engine = connect()
    await fill(engine, 6)
    await engine.append([request(eventToStore({ contentType: 'image/png' }))])
    await engine.close()
    // As any tool opens the file: with SQLite's own settings, under which a replaced row fires no delete trigger.
    const db = new DatabaseSync(file.path)
    expect(() => db.exec(sql)).toThrow(reason)
    db.close()
  })
})

describe('files that are no store', () => {
  it('refuses a file of something else, and leaves it as it is', () => {
    const garbage = 'this is a shopping list, not a database\n'.repeat(50)
    writeFileSync(file.path, garbage)
    expect(() => sqlite({ path: file.path })).toThrow(
      expect.objectContaining({ code: 'ENGINE_FAILED', message: expect.stringContaining('no SQLite database') }),
    )
    expect(readFileSync(file.path, 'utf8')).toBe(garbage)
  })

  it("refuses another program's database, and leaves it as it is", () => {
    const db = new DatabaseSync(file.path)
    db.exec('create table customers (name text)')
    db.close()
    const before = readFileSync(file.path)
    expect(() => sqlite({ path: file.path })).toThrow(
      expect.objectContaining({ code: 'ENGINE_FAILED', message: expect.stringContaining('another program') }),
    )
    expect(readFileSync(file.path).equals(before)).toBe(true)
  })

  it('refuses the file of a newer Varve', async () => {
    await connect().close()
    const db = new DatabaseSync(file.path)
    db.exec('pragma user_version = 99')
    db.close()
    expect(() => sqlite({ path: file.path })).toThrow(expect.objectContaining({ code: 'STORE_TOO_NEW' }))
  })

  it('refuses a path in a folder that does not exist', () => {
    expect(() => sqlite({ path: join(file.folder, 'nowhere', 'store.db') })).toThrow(
      expect.objectContaining({ code: 'ENGINE_FAILED', message: expect.stringContaining('folder exists') }),
    )
  })

  it.each(['', 'a\0b', 7 as unknown as string])('refuses %j as a path', (wrong) => {
    expect(() => sqlite({ path: wrong })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'path' }),
    )
  })

  it.each([
    ['forward', 1, [1, 2, 3]],
    ['backward', 12, [12, 11, 10, 9, 8, 7, 6, 5]],
  ] as const)(
    'gives what lies before a row that is gone, and refuses to pass its place, %s',
    async (direction, from, whole) => {
      await fill(connect(), 12)
      const db = new DatabaseSync(file.path)
      db.exec('drop trigger events_are_never_deleted')
      db.exec('delete from events where position = 4')
      db.close()
      const query = { source: { query: 'everything' }, direction, limit: 100, maxBytes: 1_000_000 } as const
      const page = await connect().read({ ...query, from })
      expect(page.events.map(({ position }) => position)).toEqual(whole)
      expect(page).toMatchObject({ next: 4, end: false })
      await expect(connect().read({ ...query, from: 4 })).rejects.toThrow(
        expect.objectContaining({ code: 'STORE_CORRUPT' }),
      )
    },
  )

  it('reports damage as STORE_CORRUPT', async () => {
    const engine = connect()
    await fill(engine, 40)
    await engine.close()
    const bytes = readFileSync(file.path)
    bytes.fill(0xee, 4096)
    writeFileSync(file.path, bytes)
    expect(() => sqlite({ path: file.path })).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }))
  })
})
