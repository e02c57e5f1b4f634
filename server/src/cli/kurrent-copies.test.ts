import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { binaryEvent, jsonEvent } from '@kurrent/kurrentdb-client'
import type { EventStore } from 'varve'
import { afterAll, describe, expect, it } from 'vitest'
import { start, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import {
  type CopiedDatabase,
  comparable,
  envelopesIn,
  envelopesInFile,
  headOfFile,
  inFile,
  securedDatabase,
  servedDatabase,
  withoutPosition,
} from '../../../test/kurrent/copies.ts'
import { quickConnection } from '../../../test/kurrent/quick-connection.ts'
import { certificates } from '../../../test/security/certificates.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

const importFrom = ({ url }: CopiedDatabase, name: string) =>
  varve(folder.path, ['import', '--from', url, '--store', `sqlite:${name}`, '--json'])
const exportTo = ({ url }: CopiedDatabase, name: string) =>
  varve(folder.path, ['export', '--to', url, '--store', `sqlite:${name}`, '--json'])
const linesOf = (name: string) => envelopesInFile(folder.path, name)
const headOf = (name: string) => headOfFile(folder.path, name)

/** What a client can put into a database. */
async function fillDatabase({ client }: CopiedDatabase): Promise<void> {
  const placed = jsonEvent({
    type: 'OrderPlaced',
    data: { total: 1.5 },
    metadata: { $correlationId: 'c', user: 'ada' },
  })
  const scan = binaryEvent({ type: 'Scan', data: new Uint8Array([0, 255, 34]), metadata: new Uint8Array([1, 2]) })
  await client.appendToStream('Order-1', [placed, scan], { streamState: 'no_stream' })
  await client.appendToStream('Order-2', { ...placed, type: 'OrderCopied' }, { streamState: 'no_stream' })
  const link = binaryEvent({ type: '$>', data: Buffer.from('1@Order-1') })
  await client.appendToStream('Large', link)
  await client.setStreamMetadata('Order-1', { maxCount: 5, truncateBefore: 1, acl: { readRoles: ['ada'] }, own: 1 })
  await client.appendToStream('Gone-1', [jsonEvent({ type: 'A', data: {} }), jsonEvent({ type: 'B', data: [] })])
  await client.deleteStream('Gone-1')
  await client.appendToStream('Gone-1', jsonEvent({ type: 'C', data: 'again' }))
  await client.appendToStream('Closed-1', jsonEvent({ type: 'A', data: {} }))
  await client.tombstoneStream('Closed-1')
  await client.appendToStream('$mine', jsonEvent({ type: 'A', data: {} }))
}

/** A store with everything that KurrentDB has no place for. */
async function fillStore(store: EventStore): Promise<void> {
  await store.append('Order-1', [
    { type: 'OrderPlaced', data: { total: 1 }, tags: ['customer:ada', 'näme:"$varve":{'], schemaVersion: 3 },
    { type: 'Scan', data: new Uint8Array([0, 255, 10]), contentType: 'image/png', metadata: { user: 'ada' } },
  ])
  const texts = ['{ "a" : 1.0 }', '{"a":1,"a":2}', '1e400', '12345678901234567890', 'no json', '', '-0', '"\\ud800"']
  const odd = texts.map((text) => ({ type: 'Odd', data: Buffer.from(text), contentType: 'application/json' }))
  await store.append('Odd-"\t💾', odd)
  const bytes = ['[1]', ' {"a":1} ', '{ }', '{"$varve":{"time":"2026-01-01"}}', '{"timestamp":1,"a":2}', '{"a":{}}']
  const metadata = bytes.map((text) => ({
    type: 'OddMetadata',
    data: null,
    metadata: Buffer.from(text),
    metadataContentType: 'application/json',
  }))
  await store.append('Odd-2', metadata)
  await store.append('Odd-2', [{ type: 'B', data: {}, metadata: Buffer.from('{}'), metadataContentType: 'text/plain' }])
  await store.truncateBefore('Odd-2', 3)
  await store.setStreamMetadata('Odd-2', { owner: 'billing' })
  await store.deleteStream('Order-1')
  await store.append('Order-1', [{ type: 'OrderPlaced', data: {} }], { expectedVersion: 'no_stream' })
  await store.append('Gone-1', [{ type: 'A', data: {} }])
  await store.deleteStream('Gone-1')
  await store.append('Closed-1', [{ type: 'A', data: {} }])
  await store.tombstone('Closed-1')
  await store.append('Order-2', [{ type: 'OrderPlaced', data: {}, timestamp: '2020-01-15T10:30:00.123Z' }])
}

/** Streams that take turns: each event is an append of its own. */
async function fillAlternating(store: EventStore, events: number): Promise<void> {
  for (let at = 0; at < events; at++) await store.append(`Turn-${at % 2}`, [{ type: 'A', data: { at } }])
}

describe('a database of KurrentDB that is imported', () => {
  it.concurrent('is what its clients appended, byte for byte, in order, but for streams of the system, and then what is new', async (test) => {
    const database = await servedDatabase(test)
    await fillDatabase(database)
    const imported = await importFrom(database, 'imported.db')
    expect(imported.stderr).toBe('')
    expect(JSON.parse(imported.stdout)).toMatchObject({ imported: 11, already_present: 0, left_out: 1, scavenged: 0 })
    const source = await envelopesIn(database.server.store)
    const expected = source.filter(({ stream_id: stream }) => stream !== '$mine')
    expect((await linesOf('imported.db')).map(withoutPosition)).toEqual(expected.map(withoutPosition))
    await database.client.appendToStream('Order-2', jsonEvent({ type: 'Paid', data: {} }))
    const second = await importFrom(database, 'imported.db')
    expect(JSON.parse(second.stdout)).toMatchObject({ imported: 1, already_present: 0 })
    expect(await headOf('imported.db')).toBe(12)
  })

  it.concurrent('is gone through from its start when it is another one than before', async (test) => {
    const first = await servedDatabase(test)
    await first.client.appendToStream('Old-1', jsonEvent({ type: 'A', data: {} }))
    await importFrom(first, 'moved.db')
    await first.client.dispose()
    await first.server.close()
    const second = await servedDatabase(test, Number(new URL(first.server.url).port))
    await second.client.appendToStream('New-1', jsonEvent({ type: 'A', data: {} }))
    const imported = await importFrom(second, 'moved.db')
    expect(imported.stderr).toMatch(/no longer has event .* Going through it from its start\.\n$/)
    expect((await linesOf('moved.db')).map(({ stream_id: stream }) => stream)).toEqual(['Old-1', 'New-1'])
  })

  it.concurrent('stops at an event whose version is taken, with what comes before it', async (test) => {
    const database = await servedDatabase(test)
    await fillDatabase(database)
    await inFile(folder.path, 'taken.db', (store) => store.append('Order-2', [{ type: 'Mine', data: {} }]))
    const imported = await importFrom(database, 'taken.db')
    expect(imported).toMatchObject({ code: 3, stdout: '' })
    expect(imported.stderr).toMatch(/Stopped at 0@Order-2: .* Everything before it is in the store \(2 imported/)
    expect(await headOf('taken.db')).toBe(3)
  })

  it.concurrent('is whole after an import that was killed half-way, and another one', {
    timeout: 120_000,
  }, async (test) => {
    const database = await servedDatabase(test)
    await fillDatabase(database)
    await fillAlternating(database.server.store, 1_500)
    const { child, ended } = start(folder.path, ['import', '--from', database.url, '--store', 'sqlite:killed.db'])
    await expect.poll(() => headOf('killed.db'), { interval: 5, timeout: 20_000 }).toBeGreaterThan(10)
    child.kill('SIGKILL')
    await ended
    expect(await headOf('killed.db')).toBeLessThan(1_511)
    await importFrom(database, 'killed.db')
    const source = (await envelopesIn(database.server.store)).filter(({ stream_id: stream }) => stream !== '$mine')
    expect((await linesOf('killed.db')).map(withoutPosition)).toEqual(source.map(withoutPosition))
    expect(await headOf('killed.db')).toBe(1_511)
  })
})

describe('a store that is exported to a KurrentDB', () => {
  it.concurrent('comes back as it was, but for ids and times of tombstones, although a first run was killed half-way', async (test) => {
    await inFile(folder.path, 'there.db', async (store) => {
      await fillStore(store)
      await fillAlternating(store, 150)
    })
    const database = await servedDatabase(test)
    const { child, ended } = start(folder.path, ['export', '--to', database.url, '--store', 'sqlite:there.db'])
    await expect.poll(() => database.server.store.head(), { interval: 2, timeout: 20_000 }).toBeGreaterThan(10)
    child.kill('SIGKILL')
    await ended
    expect(await database.server.store.head()).toBeLessThan(await headOf('there.db'))
    expect((await exportTo(database, 'there.db')).stderr).toBe('')
    await importFrom(database, 'back.db')
    expect((await linesOf('back.db')).map(comparable)).toEqual((await linesOf('there.db')).map(comparable))
    expect(await shownTo(database, 'Order-1')).toEqual([['OrderPlaced', 2]])
    expect(await shownTo(database, 'Odd-2')).toEqual([...[0, 1, 2, 3, 4, 5].map((at) => ['OddMetadata', at]), ['B', 6]])
    await expect(shownTo(database, 'Gone-1')).rejects.toMatchObject({ type: 'stream-not-found' })
  })

  it.concurrent('is refused by a database that somebody else writes to', async (test) => {
    await inFile(folder.path, 'refused.db', fillStore)
    const database = await servedDatabase(test)
    await database.client.appendToStream('Other-1', jsonEvent({ type: 'A', data: {} }))
    const ended = await exportTo(database, 'refused.db')
    expect(ended).toMatchObject({ code: 3, stdout: '' })
    expect(ended.stderr).toMatch(/0@Other-1, is none of the store's/)
    expect(await database.server.store.head()).toBe(1)
  })
})

describe('a database over TLS, with logins', () => {
  const files = certificates()
  const others = certificates()
  afterAll(() => {
    files.remove()
    others.remove()
  })

  it.concurrent('is imported from and exported to by a connection string with a user and an authority', async (test) => {
    const [from, to] = [await securedDatabase(test, files), await securedDatabase(test, files)]
    await fillDatabase(from)
    expect((await importFrom(from, 'secured.db')).stderr).toBe('')
    const source = (await envelopesIn(from.server.store)).filter(({ stream_id: stream }) => stream !== '$mine')
    expect((await linesOf('secured.db')).map(withoutPosition)).toEqual(source.map(withoutPosition))
    expect((await exportTo(to, 'secured.db')).stderr).toBe('')
    await importFrom(to, 'secured-again.db')
    expect((await linesOf('secured-again.db')).map(comparable)).toEqual((await linesOf('secured.db')).map(comparable))
  })

  it.concurrent('says what is missing: a right, the password, the authority, its file', async (test) => {
    const database = await securedDatabase(test, files)
    await database.client.appendToStream('Order-1', jsonEvent({ type: 'A', data: {} }))
    await inFile(folder.path, 'own.db', (store) => store.append('Order-1', [{ type: 'A', data: {} }]))
    const { port } = new URL(database.server.url)
    const as = (user: string, ca = files.ca) => ({
      ...database,
      url: `kurrentdb://${user}localhost:${port}?tls=true&tlsCAFile=${ca}&${quickConnection}`,
    })
    const untrusted = new URL(database.url).href.replace(files.ca, others.ca)
    const run = { import: importFrom, export: exportTo }
    for (const [verb, url, code, says] of [
      ['import', as('ada:ada@').url, 1, /\$admins/],
      ['export', as('').url, 1, /\$admins/],
      ['import', as('admin:wr0ng@').url, 1, /\$admins/],
      ['export', untrusted, 4, /tlsCAFile where its authority is your own/],
      ['import', as('', '/nowhere/ca.crt').url, 2, /\/nowhere\/ca\.crt as tlsCAFile, which cannot be read \(ENOENT\)/],
    ] as const) {
      const ended = await run[verb]({ ...database, url }, verb === 'import' ? 'none.db' : 'own.db')
      expect(ended).toMatchObject({ code, stdout: '' })
      expect(ended.stderr).toMatch(says)
      expect(ended.stderr).not.toMatch(/wr0ng|s3cret/)
    }
    expect(existsSync(join(folder.path, 'none.db'))).toBe(false)
  })
})

describe('a connection string', () => {
  it.each([
    ['import', '--from', 'ftp://ada:s3cret@127.0.0.1:1'],
    ['export', '--to', 'kurrentdb://127.0.0.1:1', '--from', '3'],
  ])('is refused: %s %s %s %s', async (...words: readonly string[]) => {
    const ended = await varve(folder.path, [...words.filter((word) => word !== undefined), '--store', 'memory:'])
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).not.toContain('s3cret')
  })

  it.concurrent('that leads nowhere ends the command, and its password is not told', async () => {
    const url = 'kurrentdb://ada:s3cret@127.0.0.1:1?tls=false&maxDiscoverAttempts=1'
    const ended = await varve(folder.path, ['import', '--from', url, '--store', 'sqlite:nowhere.db', '--verbose'])
    expect(ended.code).toBe(4)
    expect(ended.stderr).toContain('127.0.0.1:1')
    expect(existsSync(join(folder.path, 'nowhere.db'))).toBe(false)
    expect(ended.stderr).not.toContain('s3cret')
  })
})

async function shownTo({ client }: CopiedDatabase, stream: string): Promise<readonly (readonly unknown[])[]> {
  const shown: (readonly unknown[])[] = []
  for await (const { event } of client.readStream(stream)) shown.push([event?.type, Number(event?.revision)])
  return shown
}
