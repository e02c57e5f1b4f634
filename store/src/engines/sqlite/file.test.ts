import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../engine/clock.ts'
import type { AppendRequest, Engine } from '../../engine/engine.ts'
import { systemClock } from '../../engine/system-clock.ts'
import type { EventToStore, StoredEvent } from '../../model/event.ts'
import { sqlite } from './index.ts'
import { openEngine } from './open-engine.ts'
import { openFile } from './open-file.ts'

let folder: string
let path: string
const open = new Set<Engine>()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-'))
  path = join(folder, 'store.db')
})
afterEach(async () => {
  for (const engine of open) await engine.close()
  open.clear()
  rmSync(folder, { recursive: true })
})

function connect(options: { chunkEvents?: number; clock?: Clock } = {}): Engine {
  const engine = openEngine({ path, clock: systemClock, chunkEvents: 5, ...options })
  open.add(engine)
  return engine
}

let ids = 0
function event(fields: Partial<EventToStore> = {}): EventToStore {
  return {
    id: `00000000-0000-4000-8000-${String(ids++).padStart(12, '0')}`,
    streamId: 'Order-1',
    type: 'Placed',
    schemaVersion: 1,
    contentType: 'application/json',
    data: '{}',
    metadataContentType: 'application/json',
    metadata: '{}',
    tags: [],
    recordedAtMs: 1_700_000_000_000,
    ...fields,
  }
}

function request(...events: EventToStore[]): AppendRequest {
  return { events, checks: [] }
}

async function fill(engine: Engine, count: number): Promise<EventToStore[]> {
  const events = Array.from({ length: count }, (_, index) =>
    event({ streamId: `Order-${index % 3}`, tags: [`n:${index % 2}`] }),
  )
  for (const one of events) await engine.append([request(one)])
  return events
}

async function all(engine: Engine): Promise<readonly StoredEvent[]> {
  const page = await engine.read({
    source: { query: 'everything' },
    direction: 'forward',
    from: 1,
    limit: 1_000,
    maxBytes: 1e6,
  })
  return page.events
}

describe('durability', () => {
  it('runs in WAL mode with synchronous = full, which syncs the log before a commit returns', () => {
    const db = openFile(path)
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
    expect([existsSync(path), existsSync(`${path}-wal`), existsSync(`${path}-shm`)]).toEqual([true, false, false])
  })

  it('finds everything again that was committed but never checkpointed', async () => {
    const engine = connect()
    const events = await fill(engine, 12)
    copyFileSync(path, `${path}.copy`)
    copyFileSync(`${path}-wal`, `${path}.copy-wal`)
    const copy = sqlite({ path: `${path}.copy` })
    open.add(copy)
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
    await engine.append([request(event({ contentType: 'image/png' }))])
    await engine.close()
    // As any tool opens the file: with SQLite's own settings, under which a replaced row fires no delete trigger.
    const db = new DatabaseSync(path)
    expect(() => db.exec(sql)).toThrow(reason)
    db.close()
  })
})

describe('files that are no store', () => {
  it('refuses a file of something else, and leaves it as it is', () => {
    const garbage = 'this is a shopping list, not a database\n'.repeat(50)
    writeFileSync(path, garbage)
    expect(() => sqlite({ path })).toThrow(
      expect.objectContaining({ code: 'ENGINE_FAILED', message: expect.stringContaining('no SQLite database') }),
    )
    expect(readFileSync(path, 'utf8')).toBe(garbage)
  })

  it("refuses another program's database, and leaves it as it is", () => {
    const db = new DatabaseSync(path)
    db.exec('create table customers (name text)')
    db.close()
    const before = readFileSync(path)
    expect(() => sqlite({ path })).toThrow(
      expect.objectContaining({ code: 'ENGINE_FAILED', message: expect.stringContaining('another program') }),
    )
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('refuses the file of a newer Varve', async () => {
    await connect().close()
    const db = new DatabaseSync(path)
    db.exec('pragma user_version = 99')
    db.close()
    expect(() => sqlite({ path })).toThrow(expect.objectContaining({ code: 'STORE_TOO_NEW' }))
  })

  it('refuses a path in a folder that does not exist', () => {
    expect(() => sqlite({ path: join(folder, 'nowhere', 'store.db') })).toThrow(
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
      const db = new DatabaseSync(path)
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
    const bytes = readFileSync(path)
    bytes.fill(0xee, 4096)
    writeFileSync(path, bytes)
    expect(() => sqlite({ path })).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }))
  })
})
