import { Client } from 'pg'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { type Cut, type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts'
import { type FreshPlace, first, freshDatabase } from './database.ts'
import { onPostgres, type Postgres } from './on-postgres.ts'

/** What every connection sends that appends: the name of the prepared statement. */
const append = 'varve_append'
const placed = { type: 'OrderPlaced', data: { cents: 5 }, tags: ['customer:1'] }

onPostgres(({ cluster }) => {
  describe.for<Cut>(['request-lost', 'sent', 'answer-lost'])('a connection that breaks in an append (%s)', (cut) => {
    it('costs the caller nothing: the append is there once, as expected', async () => {
      const { store, proxy } = await behindProxy(await database(cluster))
      await store.append('Order-1', [placed])
      proxy.cutOn(append, [cut])
      const appended = await store.append('Order-1', [placed, placed], { expectedVersion: 1 })
      expect(proxy.cuts()).toBe(1)
      expect(appended).toMatchObject({ firstVersion: 2, version: 3, firstPosition: 2, position: 3 })
      expect(await versionsOf(store, 'Order-1')).toEqual([1, 2, 3])
      expect(await store.head()).toBe(3)
    })

    it('does not make a condition fail on the events of its own append', async () => {
      const { store, proxy } = await behindProxy(await database(cluster))
      await store.head()
      proxy.cutOn(append, [cut])
      const once = { condition: { failIfMatch: { tags: ['customer:1'] }, after: 0 } }
      expect(await store.append('Order-1', [placed], once)).toMatchObject({ version: 1, position: 1 })
      expect(proxy.cuts()).toBe(1)
      await expect(store.append('Order-2', [placed], once)).rejects.toMatchObject({ code: 'CONDITION_FAILED' })
      expect(await store.head()).toBe(1)
    })

    it('may break again when the append is repeated', async () => {
      const { store, proxy } = await behindProxy(await database(cluster))
      await store.head()
      proxy.cutOn(append, [cut, 'answer-lost', 'sent', 'request-lost'])
      const writes = ['Order-1', 'Order-2'].map((streamId) => ({ streamId, events: [placed], expectedVersion: 0 }))
      expect(await store.appendAll(writes)).toMatchObject({ firstPosition: 1, position: 2 })
      expect(proxy.cuts()).toBe(4)
      expect(await store.head()).toBe(2)
    })

    it('gives each append of a group its own answer', async () => {
      const { store, proxy } = await behindProxy(await database(cluster))
      await store.append('Order-0', [placed])
      proxy.cutOn(append, [cut])
      const appends = ['Order-0', 'Order-1', 'Order-2'].map((streamId) =>
        store.append(streamId, [placed], { expectedVersion: 'no_stream' }),
      )
      const [taken, ...fresh] = await Promise.allSettled(appends)
      expect(taken).toMatchObject({ status: 'rejected', reason: { code: 'VERSION_CONFLICT', actual: 1 } })
      expect(fresh).toMatchObject([2, 3].map((position) => ({ status: 'fulfilled', value: { version: 1, position } })))
      expect(await store.head()).toBe(3)
    })
  })

  it('lets a repeat wait for a first try that is still under way, and gives its answer', async () => {
    const { store, proxy, url, schema } = await behindProxy(await database(cluster))
    await store.append('Order-1', [placed])
    const holder = await connected(url)
    await holder.query(`begin; select from ${schema}.log_head for update`)
    proxy.cutOn(append, ['sent'])
    const appending = store.append('Order-1', [placed], { expectedVersion: 1 })
    const waiting = `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    // The first try waits for the head, its repeat for the first try.
    await vi.waitUntil(async () => (await first({ url }, waiting)) === 2, { timeout: 20_000 })
    await holder.query('commit')
    expect(await appending).toMatchObject({ version: 2, position: 2, idempotent: true })
    expect(await store.head()).toBe(2)
  })
})

/** One database for all of these tests, which have a schema each. */
const databases = new Map<Postgres['cluster'], Promise<FreshPlace>>()
let schemas = 0

function database(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const made = databases.get(cluster) ?? cluster().then((running) => freshDatabase(running))
  databases.set(cluster, made)
  return made
}

interface Behind {
  readonly store: EventStore
  readonly proxy: CuttingProxy
  /** The way past the proxy. */
  readonly url: string
  readonly schema: string
}

async function behindProxy({ url }: FreshPlace): Promise<Behind> {
  const proxy = await startCuttingProxy({ url })
  const schema = `store_${++schemas}`
  const store = openStore({ engine: postgres({ url: proxy.through({ url }), schema, connectionsMax: 3 }) })
  onTestFinished(() => closeAll(store, proxy.close))
  return { store, proxy, url, schema }
}

async function closeAll(store: EventStore, ...others: readonly (() => Promise<void>)[]): Promise<void> {
  await store.close()
  for (const close of others) await close()
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

async function versionsOf(store: EventStore, streamId: string): Promise<readonly number[]> {
  return (await store.readStream(streamId).toArray()).map(({ version }) => version)
}
