import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import pg from 'pg'
import { it, onTestFinished } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { eventFor, eventsFor, request, tombstone, truncation } from '../../conformance/port.ts'
import type { Engine, ReadQuery } from '../../engine/engine.ts'
import { postgres, postgresMaintenance } from './index.ts'

const read = (streamId: string, some: Partial<ReadQuery> = {}): ReadQuery => ({
  ...{ source: { streamId }, direction: 'forward', from: 1, limit: 500, maxBytes: 1_000_000 },
  ...some,
})

onPostgres(({ cluster }) => {
  async function opened(): Promise<{ readonly engine: Engine; readonly url: string; readonly texts: string[] }> {
    const database = await freshDatabase(await cluster())
    const pool = new pg.Pool({ connectionString: database.url, max: 8 })
    // Its connections hang up a little after it has ended, and may find their database gone.
    pool.on('error', () => undefined)
    const texts: string[] = []
    const query = pool.query.bind(pool) as (asked: pg.QueryConfig) => Promise<pg.QueryResult>
    const heard = (asked: pg.QueryConfig): Promise<pg.QueryResult> => {
      texts.push(asked.text)
      return query(asked)
    }
    const engine = postgres({ pool: Object.assign(pool, { query: heard }) })
    onTestFinished(async () => {
      await engine.close()
      await pool.end()
      await database.drop()
    })
    return { engine, url: database.url, texts }
  }

  const together = (texts: readonly string[]): number =>
    texts.filter((text) => text.includes('unnest($1::text[]')).length

  /** Streams of all kinds, and reads of them from anywhere. */
  async function varied(engine: Engine): Promise<readonly ReadQuery[]> {
    const streams = ['plain', 'it\'s {odd}, \\"', 'nul \0', 'snow ☃', 'cut', 'closed', 'large', 'bytes']
    await engine.append(streams.map((streamId) => request(eventsFor(streamId, 20))))
    await engine.append([request([truncation('cut', 7)])])
    await engine.append([request([tombstone('closed')])])
    await engine.append([request([eventFor('large', { data: JSON.stringify('x'.repeat(300_000)) })])])
    await engine.append([request([eventFor('bytes', { data: new Uint8Array([0, 255, 7]), tags: ['a:1', 'b'] })])])
    return [...streams, 'nothing'].flatMap((streamId) => [
      read(streamId),
      read(streamId, { from: 5, limit: 3 }),
      read(streamId, { from: 21 }),
      read(streamId, { from: 100 }),
      read(streamId, { limit: 0 }),
      read(streamId, { maxBytes: 1 }),
    ])
  }

  it('answers each read as if it were alone', async () => {
    const { engine, texts } = await opened()
    const reads = await varied(engine)
    const alone = []
    for (const query of reads) alone.push(await engine.read(query))
    equal(together(texts), 0)
    const before = texts.length
    deepEqual(await Promise.all(reads.map((query) => engine.read(query))), alone)
    ok(together(texts) > 0, texts.slice(before).join('\n'))
  })

  it('needs a fraction of the statements', async () => {
    const { engine, texts } = await opened()
    await engine.append(Array.from({ length: 64 }, (_, index) => request(eventsFor(`Order-${index}`, 20))))
    const before = texts.length
    const pages = await Promise.all(Array.from({ length: 64 }, (_, index) => engine.read(read(`Order-${index}`))))
    deepEqual(new Set(pages.map(({ events }) => events.length)), new Set([20]))
    ok(texts.length - before <= 12, `${texts.length - before} statements`)
  })

  it('reads what was appended before it was asked, however many wait', async () => {
    const { engine } = await opened()
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        for (let version = 1; version <= 5; version++) {
          await engine.append([request([eventFor(`Order-${index}`)])])
          const { events, stream } = await engine.read(read(`Order-${index}`))
          deepEqual([events.length, stream?.version], [version, version])
        }
      }),
    )
  })

  it('reads each alone when events lie in parts meanwhile', async () => {
    const { engine, url } = await opened()
    await engine.append(Array.from({ length: 30 }, (_, index) => request(eventsFor(`Order-${index}`, 3))))
    await using maintenance = postgresMaintenance({ url })
    await maintenance.partition(1_000)
    const pages = await Promise.all(Array.from({ length: 30 }, (_, index) => engine.read(read(`Order-${index}`))))
    deepEqual(new Set(pages.map(({ events }) => events.length)), new Set([3]))
  })

  it('gives up a read that waits, and ends all others before it closes', async () => {
    const { engine } = await opened()
    await engine.append([request(eventsFor('A', 3))])
    const giving = new AbortController()
    const others = Array.from({ length: 30 }, () => engine.read(read('A')))
    const givenUp = engine.read(read('A'), giving.signal)
    giving.abort()
    await rejects(givenUp, { name: 'AbortError' })
    const closed = engine.close()
    deepEqual(new Set((await Promise.all(others)).map(({ events }) => events.length)), new Set([3]))
    await closed
    await rejects(engine.read(read('A')), { code: 'STORE_CLOSED' })
  })
})
