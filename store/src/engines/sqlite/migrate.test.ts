import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Engine, ReadQuery } from '../../engine/engine.ts'
import type { EventToStore } from '../../model/event.ts'
import { sqlite } from './index.ts'

const fixture = fileURLToPath(new URL('../../../../test/fixtures/sqlite-v1', import.meta.url))
const expected = JSON.parse(readFileSync(`${fixture}.json`, 'utf8'), (_, value: { base64?: string }) =>
  typeof value?.base64 === 'string' ? new Uint8Array(Buffer.from(value.base64, 'base64')) : value,
) as { events: EventToStore[]; streams: unknown[] }

let folder: string
let engine: Engine

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-'))
  const path = join(folder, 'store.db')
  copyFileSync(`${fixture}.db`, path)
  engine = sqlite({ path })
})
afterEach(async () => {
  await engine.close()
  rmSync(folder, { recursive: true })
})

async function read(
  source: ReadQuery['source'],
): Promise<readonly { streamId: string; version: number; position: number }[]> {
  const { events } = await engine.read({ source, direction: 'forward', from: 1, limit: 1_000, maxBytes: 1e6 })
  return events
}

describe('a store of schema 1', () => {
  it('gives back every event as it was, binary payloads and odd names included', async () => {
    const page = await read({ query: 'everything' })
    expect(page.map(plain)).toEqual(expected.events.map(plain))
  })

  it('knows its streams, truncated and tombstoned ones included', async () => {
    const listing = await engine.streams({ prefix: '', after: '', limit: 100 })
    expect(listing).toEqual({ streams: expected.streams, end: true })
    expect((await read({ streamId: 'Order-1' })).map(({ version }) => version)).toEqual([3, 4, 5, 6, 7, 8, 9])
    expect(await read({ streamId: 'Order-2' })).toEqual([])
  })

  it('finds events by tag, through sealed lists and the rest', async () => {
    const tags = ['customer:3']
    const found = await read({ query: [{ types: [], tags, categories: ['Order'], streamPrefix: '' }] })
    const matching = expected.events.filter(
      (event) => event.streamId.startsWith('Order-') && event.tags.includes('customer:3'),
    )
    expect(found.map(plain)).toEqual(matching.map(plain))
  })

  it('recognises its event ids and goes on where it ended', async () => {
    const [first] = expected.events as [EventToStore]
    const fresh = { ...first, id: '0198c6e2-7f3a-7000-8000-00000000ffff' }
    const outcomes = await engine.append([first, fresh].map((event) => ({ events: [event], checks: [] })))
    expect(outcomes).toMatchObject([
      { status: 'repeated', firstPosition: 1 },
      { status: 'done', firstPosition: 37 },
    ])
  })

  it('gets the guards that came later', async () => {
    await engine.head()
    const db = new DatabaseSync(join(folder, 'store.db'))
    expect(() => db.exec('insert or replace into chunks select * from chunks')).toThrow('chunks are append-only')
    db.close()
  })

  it('keeps its shelf', async () => {
    expect(await engine.shelf.get('checkpoint/mails')).toEqual({
      key: 'checkpoint/mails',
      value: '{"position":30}',
      version: 2,
    })
  })
})

/** An event with its payloads as text, whichever form they have. */
function plain(event: object): object {
  const { data, metadata } = event as EventToStore
  return { ...event, data: Buffer.from(data).toString('latin1'), metadata: Buffer.from(metadata).toString('latin1') }
}
