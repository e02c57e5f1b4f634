import { deepEqual, equal, rejects } from 'node:assert/strict'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type FreshPlace, freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { openShop } from '../../../../test/postgres/shop.ts'
import type { EventStore } from '../../event-store.ts'
import type { NewEvent } from '../../model/event.ts'
import { openStore } from '../../open-store.ts'
import { postgres, postgresMaintenance } from './index.ts'

const placed: NewEvent = { type: 'OrderPlaced', data: {}, tags: ['customer:1'] }

async function logOf(store: EventStore): Promise<readonly string[]> {
  return (await store.readAll().toArray()).map(({ streamId, version }) => `${streamId}@${version}`)
}

onPostgres(({ cluster }) => {
  describe('an append in a transaction of the caller', () => {
    let database: FreshPlace

    beforeAll(async () => {
      database = await freshDatabase(await cluster())
    })
    afterAll(() => database.drop())

    it('is there when its constraints are immediate, set before it or after it', async () => {
      await using shop = await openShop(database)
      const { store } = shop
      await store.head()
      await shop.transaction(async (client) => {
        await client.query('set constraints all immediate')
        await store.withTransaction(client).append('Order-1', [placed])
        await store.withTransaction(client).append('Order-1', [placed])
      })
      await shop.transaction(async (client) => {
        await store.withTransaction(client).append('Order-1', [placed])
        await client.query('set constraints all immediate')
        await store.withTransaction(client).append('Order-2', [placed])
      })
      deepEqual(await logOf(store), ['Order-1@1', 'Order-1@2', 'Order-1@3', 'Order-2@1'])
    })

    it('is there when the session has switched off triggers', async () => {
      await using shop = await openShop(database)
      await shop.store.head()
      await shop.transaction(async (client) => {
        await client.query('set local session_replication_role = replica')
        await shop.store.withTransaction(client).append('Order-1', [placed])
      })
      deepEqual(await logOf(shop.store), ['Order-1@1'])
    })

    it('is the same when the session takes NULL in the text of a list for a word', async () => {
      await using shop = await openShop(database)
      await shop.store.head()
      const bytes = Uint8Array.of(0, 255)
      const appended: readonly NewEvent[] = [
        placed,
        { type: 'NULL', data: bytes, contentType: 'image/png', metadata: bytes, tags: ['NULL', 'null'] },
        { type: 'OrderPaid', data: { note: 'NULL' }, metadata: { userId: 'NULL' } },
      ]
      await shop.transaction(async (client) => {
        await client.query('set local array_nulls = off')
        await shop.store.withTransaction(client).append('Order-1', appended, { expectedVersion: 0 })
      })
      await shop.store.append('Order-2', appended)
      const kept = async (stream: string) =>
        (await shop.store.readStream(stream).toArray()).map(({ type, contentType, data, tags, metadata }) => [
          ...[type, contentType, data, tags, metadata instanceof Uint8Array ? metadata : metadata.userId],
        ])
      deepEqual(await kept('Order-1'), await kept('Order-2'))
      equal((await shop.store.readAll({ filter: { tags: ['NULL'] } }).toArray()).length, 2)
    })

    it('is looked after: a trigger that no longer moves it into the log is told of', async () => {
      await using shop = await openShop(database)
      await shop.store.head()
      await shop.pool.query(`alter table ${shop.schema}.pending_appends disable trigger settle_at_commit`)
      await using maintenance = postgresMaintenance({ url: shop.url, schema: shop.schema })
      const guards = (await maintenance.inspect()).find(({ check }) => check === 'guards')
      deepEqual([guards?.state, guards?.says.includes('pending_appends.settle_at_commit')], ['warning', true])
    })

    it('needs no connection beside that of the caller, who may hold the last one of the pool', async () => {
      await using shop = await openShop(database)
      await shop.store.head()
      const pool = new Pool({ connectionString: shop.url, max: 1, connectionTimeoutMillis: 5_000 })
      // Its connections hang up a little after it has ended, and may find their database gone.
      pool.on('error', () => undefined)
      const cold = openStore({ engine: postgres({ pool, schema: shop.schema }) })
      const client = await pool.connect()
      await client.query('begin')
      equal((await cold.withTransaction(client).append('Order-1', [placed])).version, 1)
      await client.query('commit')
      client.release()
      equal(await cold.head(), 1)
      await cold.close()
      await pool.end()
    })
  })

  it('says of a pool that was ended that it was ended, and at once', async () => {
    await using database = await freshDatabase(await cluster())
    const pool = new Pool({ connectionString: database.url })
    // Its connections hang up a little after it has ended, and may find their database gone.
    pool.on('error', () => undefined)
    const store = openStore({ engine: postgres({ pool }) })
    await store.head()
    await pool.end()
    const ended = { code: 'ENGINE_FAILED', message: /the pool was ended.*Close the store first/ }
    await rejects(store.append('Order-1', [placed]), ended)
    await rejects(store.head(), ended)
    await store.close()
  })
})
