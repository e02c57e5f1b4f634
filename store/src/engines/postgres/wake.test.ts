import { Client } from 'pg'
import { expect, it } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { openStore } from '../../open-store.ts'
import { postgres } from './index.ts'

onPostgres(({ cluster }) => {
  it('tells of a commit only when somebody listens, and then always', async () => {
    await using database = await freshDatabase(await cluster())
    const heard: (string | undefined)[] = []
    const spy = new Client({ connectionString: database.url })
    await spy.connect()
    spy.on('notification', ({ payload }) => heard.push(payload))
    await spy.query('listen varve_varve')
    await using store = openStore({ engine: postgres({ url: database.url }) })

    await store.append('Order-1', [{ type: 'OrderPlaced', data: {} }])
    await spy.query("notify varve_varve, 'marker'")
    expect(heard).toEqual(['marker'])

    const engine = postgres({ url: database.url })
    const rings = engine.wake?.(new AbortController().signal)[Symbol.asyncIterator]()
    // The first ring says that it listens now.
    await rings?.next()
    await store.append('Order-1', [{ type: 'OrderPaid', data: {} }])
    await expect.poll(() => heard).toEqual(['marker', ''])
    await rings?.next()
    await engine.close()
    await spy.end()
  })
})
