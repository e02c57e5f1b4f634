import { existsSync, statSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { eventToStore, request, storeFileOfEachTest } from '../../../../test/sqlite/store-file.ts'
import type { AppendRequest } from '../../engine/engine.ts'
import { type CheckpointThread, createCheckpoints, type StartThread } from './checkpoints.ts'
import type { Database } from './driver.ts'
import { openFile } from './open-file.ts'

const file = storeFileOfEachTest()
const { connect } = file

/** As many appenders make it: 64 events of 20 kB, which is some 330 pages. */
const shared = (): AppendRequest[] =>
  Array.from({ length: 64 }, (_, nth) => request(eventToStore({ streamId: `S-${nth}`, data: 'x'.repeat(20_000) })))

const sizeOf = (path: string): number => statSync(path).size

/** A thread that does nothing but count, and says what a test wants it to say. */
function witness() {
  const says = { asked: 0, closed: 0, answered: (_: number): void => {}, failed: (): void => {} }
  const start: StartThread = vi.fn((_file, answered, failed): CheckpointThread => {
    Object.assign(says, { answered, failed })
    return { ask: () => says.asked++, close: async () => void says.closed++ }
  })
  return { says, start }
}

function opened(start: StartThread): {
  readonly db: Database
  readonly checkpoints: ReturnType<typeof createCheckpoints>
} {
  const db = openFile(file.path)
  return { db, checkpoints: createCheckpoints(db, start) }
}

/** How many pages the WAL has, or how many are to come into the file; writes none of them. */
function walPages(db: Database, which: 'all' | 'to come' = 'all'): number {
  const [, all = 0, written = 0] = db.prepare<[number, number, number]>('pragma wal_checkpoint(noop)').get() ?? []
  return which === 'all' ? all : all - written
}

/** Pages after which a commit writes into the file. */
const pagesForCommits = (db: Database): number | undefined =>
  db.prepare<[number]>('pragma wal_autocheckpoint').get()?.[0]

describe('checkpoints beside the commits', () => {
  it('are made by a thread, after which the next commit begins the WAL anew', async () => {
    const db = openFile(file.path)
    const checkpoints = createCheckpoints(db)
    // Until a thread is begun, which nobody has asked for anything yet, and commits leave checkpoints to it.
    while (pagesForCommits(db) === 1_000) checkpoints.appended(shared())
    expect(pagesForCommits(db)).toBe(16_000)
    const before = sizeOf(file.path)
    for (let nth = 0; nth < 5; nth++) db.exec(`insert into contents (name) values ('${nth}' || hex(zeroblob(2000000)))`)
    const large = walPages(db)
    expect([large > 4_500, sizeOf(file.path)]).toEqual([true, before])
    checkpoints.appended(shared())
    await vi.waitUntil(() => walPages(db, 'to come') === 0, { timeout: 20_000, interval: 10 })
    expect(sizeOf(file.path)).toBeGreaterThan(before + 18_000_000)
    db.exec("insert into contents (name) values ('last')")
    expect(walPages(db)).toBeLessThan(large)
    await checkpoints.close()
    db.close()
  })

  it('leave one file behind when a store of many appenders is closed', async () => {
    const engine = connect({ chunkEvents: 8_192 })
    for (let nth = 0; nth < 30; nth++) await engine.append(shared())
    await engine.close()
    expect([existsSync(`${file.path}-wal`), existsSync(`${file.path}-shm`)]).toEqual([false, false])
    expect(await connect({ chunkEvents: 8_192 }).head()).toBe(30 * 64)
  })

  it.each<[string, () => readonly AppendRequest[]]>([
    ['one append at a time', () => [request(eventToStore({ data: 'x'.repeat(200_000) }))]],
    ['one large append at a time', () => [request(...shared().flatMap(({ events }) => events))]],
  ])('are left to the commits of %s', (_, batch) => {
    const { says, start } = witness()
    const { db, checkpoints } = opened(start)
    for (let nth = 0; nth < 100; nth++) checkpoints.appended(batch())
    expect([vi.mocked(start).mock.calls.length, says.asked, pagesForCommits(db)]).toEqual([0, 0, 1_000])
    db.close()
  })

  it('are asked of the thread one at a time, and the rest is written here when the WAL is large', () => {
    const { says, start } = witness()
    const { db, checkpoints } = opened(start)
    for (let nth = 0; nth < 20; nth++) checkpoints.appended(shared())
    expect([says.asked, pagesForCommits(db)]).toEqual([1, 16_000])
    db.exec("insert into types (name) values ('a'); insert into contents (name) values ('a')")
    says.answered(4_001)
    checkpoints.appended(shared())
    // All of it is in the file, so that the next commit begins the WAL anew.
    const before = walPages(db)
    db.exec("insert into types (name) values ('b')")
    expect([walPages(db) < before, says.asked]).toEqual([true, 2])
    db.close()
  })

  it('go back to the commits when the thread is gone, or there can be none', () => {
    const { says, start } = witness()
    const { db, checkpoints } = opened(start)
    for (let nth = 0; nth < 20; nth++) checkpoints.appended(shared())
    says.failed()
    for (let nth = 0; nth < 20; nth++) checkpoints.appended(shared())
    expect([vi.mocked(start).mock.calls.length, says.asked, pagesForCommits(db)]).toEqual([1, 1, 1_000])
    const without = createCheckpoints(db, () => {
      throw new Error('no threads here')
    })
    for (let nth = 0; nth < 20; nth++) without.appended(shared())
    expect(pagesForCommits(db)).toBe(1_000)
    db.close()
  })

  it('end with the store', async () => {
    const { says, start } = witness()
    const { db, checkpoints } = opened(start)
    for (let nth = 0; nth < 20; nth++) checkpoints.appended(shared())
    await checkpoints.close()
    says.failed()
    checkpoints.appended(shared())
    expect([says.closed, says.asked]).toEqual([1, 1])
    db.close()
  })
})
