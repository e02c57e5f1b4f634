import { join } from 'node:path'
import { type EventStore, openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { start, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import { envelopesInFile, headOfFile } from '../../../test/kurrent/copies.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

const linesOf = (name: string) => envelopesInFile(folder.path, name)
const headOf = (name: string) => headOfFile(folder.path, name)
const importing = (from: string, to: string, ...options: readonly string[]) => [
  'import',
  ...['--from', `sqlite:${from}`, '--store', `sqlite:${to}`, '--json', ...options],
]

/** Opens the store in a file of the folder; several processes may have it open at once. */
function opened(name: string): EventStore {
  return openStore({ engine: sqlite({ path: join(folder.path, name) }) })
}

async function inStore<Result>(name: string, work: (store: EventStore) => Promise<Result>): Promise<Result> {
  await using store = opened(name)
  return await work(store)
}

/** Events of several streams in turns, with everything that is said about streams. */
function fill(name: string, turns: number): Promise<void> {
  return inStore(name, async (store) => {
    for (let at = 0; at < turns; at++) {
      await store.append(`Turn-${at % 3}`, [{ type: 'Turned', data: { at }, tags: [`turn:${at % 2}`] }])
    }
    await store.append('Scan-1', [{ type: 'Scanned', data: new Uint8Array([0, 255]), contentType: 'image/png' }])
    await store.truncateBefore('Turn-0', 2)
    await store.deleteStream('Turn-1')
    await store.append('Turn-1', [{ type: 'Turned', data: {} }], { expectedVersion: 'no_stream' })
    await store.tombstone('Turn-2')
  })
}

describe('varve import --from a store', () => {
  it('copies everything as it is, and again only what is new', async () => {
    await fill('old.db', 20)

    const first = await varve(folder.path, importing('old.db', 'new.db'))
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(first.stdout)).toMatchObject({ imported: 25, already_present: 0, positions_kept: true })
    expect(await linesOf('new.db')).toEqual(await linesOf('old.db'))

    await inStore('old.db', (store) => store.append('Turn-0', [{ type: 'Turned', data: {} }]))
    const second = await varve(folder.path, importing('old.db', 'new.db'))
    expect(JSON.parse(second.stdout)).toMatchObject({ imported: 1, already_present: 0, position: 26 })
    expect(await linesOf('new.db')).toEqual(await linesOf('old.db'))
  })

  it('follows a store that is written to, until it is ended', async () => {
    await fill('written.db', 5)
    await using store = opened('written.db')
    const copying = start(folder.path, importing('written.db', 'followed.db', '--follow'))
    const caughtUp = new Promise<void>((resolve) => {
      copying.child.stderr?.on('data', (said) => String(said).includes('caught up') && resolve())
    })

    await caughtUp
    for (let at = 0; at < 100; at++) await store.append(`Late-${at % 7}`, [{ type: 'Turned', data: { at } }])
    await expect.poll(() => headOf('followed.db')).toBe(await store.head())
    copying.child.kill('SIGINT')

    expect(await copying.ended).toMatchObject({ code: 0 })
    expect(await linesOf('followed.db')).toEqual(await linesOf('written.db'))
  })

  it('goes on after it was killed, without an event twice', async () => {
    await fill('large.db', 2_000)
    const { child, ended } = start(folder.path, importing('large.db', 'killed.db'))
    await expect.poll(() => headOf('killed.db').catch(() => 0), { interval: 5 }).toBeGreaterThan(0)
    child.kill('SIGKILL')
    await ended

    const again = await varve(folder.path, importing('large.db', 'killed.db'))
    expect(again).toMatchObject({ code: 0 })
    expect(await linesOf('killed.db')).toEqual(await linesOf('large.db'))
  })
})

describe('varve import --from --shelf --checkpoint', () => {
  it('brings along what is kept beside the log, where events lie at their positions', async () => {
    await fill('shelved.db', 5)
    await inStore('shelved.db', async (store) => {
      await store.shelf.put('deadline/1', { at: [1] })
      await store.checkpoints.save('mails', 4)
    })

    const { stdout } = await varve(folder.path, importing('shelved.db', 'moved.db', '--shelf', '--checkpoint', 'mails'))

    expect(JSON.parse(stdout)).toMatchObject({ shelf_entries: 1 })
    await inStore('moved.db', async (store) => {
      expect(await store.shelf.get('deadline/1')).toMatchObject({ value: { at: [1] } })
      expect(await store.checkpoints.load('mails')).toMatchObject({ position: 4 })
    })
  })

  it('leaves it where positions mean something else', async () => {
    await fill('third.db', 3)
    await inStore('own.db', (store) => store.append('Own-1', [{ type: 'Own', data: {} }]))

    const ended = await varve(folder.path, importing('third.db', 'own.db', '--shelf'))

    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining('were not copied') })
  })
})

describe('varve import --from, as it is asked for', () => {
  it.each([
    ['the store itself', ['--from', 'sqlite:same.db', '--store', 'sqlite:same.db'], /name the same store/],
    [
      'a store that is not there',
      ['--from', 'sqlite:missing.db', '--store', 'sqlite:to.db'],
      /no store at sqlite:missing/,
    ],
    ['a file to follow', ['shop.ndjson', '--follow'], /--follow is for --from/],
    ['a KurrentDB to follow', ['--from', 'kurrentdb://localhost:1', '--follow'], /not for a KurrentDB/],
    ['a file besides', ['shop.ndjson', '--from', 'sqlite:old.db'], /there is a file besides/],
  ])('refuses %s', async (_what, words, says) => {
    const { code, stderr } = await varve(folder.path, ['import', ...words])
    expect(code).not.toBe(0)
    expect(stderr).toMatch(says)
  })
})
