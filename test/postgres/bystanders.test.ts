import { Client, Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { type FreshPlace, first, freshDatabase } from './database.ts'
import { onPostgres } from './on-postgres.ts'

/** For what comes at once on a quiet machine; a follower that waited for a bystander would never come. */
const patience = { timeout: 20_000 }
const lockTimeoutMs = 300
const noted = { type: 'Noted', data: {} }

/** Transactions that were there before, and stay while others append. Each holds a transaction id and has written. */
const bystanders: Readonly<Record<string, (database: FreshPlace, cluster: Cluster) => Promise<void>>> = {
  'a prepared transaction': async (database) => {
    await first(database, 'create table elsewhere (id int)')
    const session = await connected(database.url)
    await session.query("begin; insert into elsewhere values (1); prepare transaction 'left behind'")
    onTestFinished(async () => {
      await session.query("rollback prepared 'left behind'")
    })
  },
  'a session idle in its transaction': async (database) => {
    await first(database, 'create table elsewhere (id int)')
    const session = await connected(database.url)
    await session.query('begin; insert into elsewhere values (1)')
  },
  'a long writer in another database of the cluster': async (_, cluster) => {
    const other = await freshDatabase(cluster)
    await first(other, 'create table elsewhere (id int)')
    const session = await connected(other.url)
    const filling =
      'insert into elsewhere select n from generate_series(1, 100000) as n where pg_sleep(0.002) is not null'
    const filled = session.query(filling).catch(() => 'ended')
    await vi.waitUntil(async () => (await first(other, isWriting)) === 1, patience)
    onTestFinished(async () => {
      expect(await first(other, isWriting)).toBe(1)
      await other.drop()
      expect(await filled).toBe('ended')
    })
  },
}
const isWriting = `select count(*)::int from pg_stat_activity
  where datname = current_database() and backend_xid is not null and query like 'insert into elsewhere%'`

onPostgres(({ major }) => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({ major, settings: { max_prepared_transactions: 4 } })
  })
  afterAll(() => cluster.stop())

  describe.for(Object.keys(bystanders))('%s', (bystander) => {
    it('neither stalls a follower nor changes the order that it sees', async () => {
      const database = await fresh(cluster)
      await bystanders[bystander]?.(database, cluster)
      const [left, right] = [opened(database.url), opened(database.url)]
      const seen = follow(opened(database.url))
      for (let times = 0; times < 10; times++) {
        await Promise.all([left, right].map((store) => store.append('Note-1', [noted])))
      }
      await vi.waitUntil(() => seen.length === 20, patience)
      expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
    })
  })

  describe('a session that holds the row of the head', () => {
    it('makes appends wait, and time out as ENGINE_UNAVAILABLE, while reads go on', async () => {
      const { store, holder } = await heldHead(cluster)
      const seen = follow(store)
      const startedAtMs = performance.now()
      const options = { idempotencyKey: 'once' }
      await expect(store.append('Note-1', [noted], options)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
      const tookMs = performance.now() - startedAtMs
      expect(tookMs).toBeGreaterThanOrEqual(lockTimeoutMs)
      expect(tookMs).toBeLessThan(patience.timeout)
      expect(await store.readStream('Note-1').toArray()).toHaveLength(1)
      expect(await store.readAll().toArray()).toHaveLength(1)
      expect(await store.head()).toBe(1)
      await vi.waitUntil(() => seen.length === 1, patience)

      await holder.query('rollback')
      expect(await store.append('Note-1', [noted], options)).toMatchObject({
        version: 2,
        position: 2,
        idempotent: false,
      })
      await vi.waitFor(() => expect(seen).toEqual([1, 2]), patience)
    })

    it('costs an append that waits nothing when it lets go in time', async () => {
      const { store, holder } = await heldHead(cluster, 10_000)
      const appending = store.append('Note-1', [noted], { expectedVersion: 1 })
      await vi.waitUntil(async () => (await holder.query(waiting)).rows.length === 1, patience)
      await holder.query('commit')
      expect(await appending).toMatchObject({ version: 2, position: 2, idempotent: false })
    })
  })
})

const waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

/** A store with one event, whose head somebody else has locked. */
async function heldHead(
  cluster: Cluster,
  timeoutMs = lockTimeoutMs,
): Promise<{ readonly store: EventStore; readonly holder: Client }> {
  const database = await fresh(cluster)
  const pool = new Pool({ connectionString: database.url, options: `-c lock_timeout=${timeoutMs}` })
  // Its connections hang up a little after it has ended, and may find their database gone.
  pool.on('error', () => undefined)
  const store = openStore({ engine: postgres({ pool }) })
  onTestFinished(() => store.close().then(() => pool.end()))
  await store.append('Note-1', [noted])
  const holder = await connected(database.url)
  await holder.query('begin; select from varve.log_head for update')
  return { store, holder }
}

async function fresh(cluster: Cluster): Promise<FreshPlace> {
  const database = await freshDatabase(cluster)
  onTestFinished(database.drop)
  return database
}

function opened(url: string): EventStore {
  const store = openStore({ engine: postgres({ url, connectionsMax: 4 }) })
  onTestFinished(() => store.close())
  return store
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  // Some are ended by dropping their database.
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

/** The positions that a subscription has seen so far. */
function follow(store: EventStore): readonly number[] {
  const seen: number[] = []
  const following = (async () => {
    for await (const { position } of store.subscribe()) seen.push(position)
  })()
  onTestFinished(() => store.close().then(() => following))
  return seen
}
