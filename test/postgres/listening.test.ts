import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { devNull } from 'node:os'
import { Pool } from 'pg'
import { expect, it, onTestFinished, vi } from 'vitest'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { startCuttingProxy } from './cutting-proxy.ts'
import { type FreshPlace, first, freshDatabase } from './database.ts'
import { forked } from './forked.ts'
import { onPostgres, type Postgres } from './on-postgres.ts'
import type { Race } from './racer.ts'

const patience = { timeout: 20_000 }
const noted = { type: 'Noted', data: {} }

onPostgres(({ cluster }) => {
  it('has one listening connection for any number of subscriptions', async () => {
    const database = await fresh(cluster)
    const store = opened(database.url)
    const followers = Array.from({ length: 20 }, () => follow(store))
    await listeners(database, 1)
    await store.append('Note-1', [noted])
    await vi.waitUntil(() => followers.every((seen) => seen.length === 1), patience)
    expect(await listeners(database, 1)).toHaveLength(1)
  })

  it('misses nothing when the listening connection is killed, and listens again', async () => {
    const database = await fresh(cluster)
    const store = opened(database.url)
    const racer = await racing(database.url)
    const followers = [follow(store), follow(store), follow(store)]
    for (let kills = 0; kills < 3; kills++) {
      const [listener] = await listeners(database, 1)
      expect(await first(database, `select pg_terminate_backend(${listener})`)).toBe(true)
      await vi.waitUntil(async () => (await listeners(database, 1))[0] !== listener, patience)
    }
    // Quick kills on a slow disk leave few commits beside them.
    await vi.waitUntil(async () => (await store.head()) > 10, patience)
    await stopped(racer)
    const everything = Array.from({ length: await store.head() }, (_, index) => index + 1)
    for (const seen of followers) await vi.waitFor(() => expect(seen).toEqual(everything), patience)
  })

  it('is woken by NOTIFY again after the listening connection was killed', async () => {
    const database = await fresh(cluster)
    const engine = postgres({ url: database.url })
    const elsewhere = opened(database.url)
    onTestFinished(() => engine.close())
    const hints = engine.wake(AbortSignal.timeout(40_000))[Symbol.asyncIterator]()
    // It rings when it has begun to listen, and again when it had to begin anew.
    await hints.next()
    const [listener] = await listeners(database, 1)
    await first(database, `select pg_terminate_backend(${listener})`)
    await hints.next()
    for (let times = 0; times < 3; times++) {
      const hint = hints.next()
      await elsewhere.append('Note-1', [noted])
      // The port itself does not poll: without a NOTIFY there is no hint at all.
      expect(await hint).toMatchObject({ done: false })
    }
  })

  it('gives back every connection that broke while it began to listen', async () => {
    const database = await fresh(cluster)
    const proxy = await startCuttingProxy(database)
    const pool = new Pool({ connectionString: proxy.through(database), max: 3 })
    const store = openStore({ engine: postgres({ pool }) })
    onTestFinished(() =>
      store
        .close()
        .then(() => pool.end())
        .then(proxy.close),
    )
    await store.head()
    proxy.cutOn('listen "', ['request-lost', 'sent', 'request-lost', 'sent'])
    const seen = follow(store)
    await vi.waitUntil(() => proxy.cuts() === 4, patience)
    await store.append('Note-1', [noted])
    await vi.waitUntil(() => seen.length === 1, patience)
  })
})

async function fresh(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  return database
}

function opened(url: string): EventStore {
  const store = openStore({ engine: postgres({ url }) })
  onTestFinished(() => store.close())
  return store
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

/** The backends that listen and have shown it, which is the last they do before they wait; once there are as many as expected. */
function listeners(database: { readonly url: string }, expected: number): Promise<readonly number[]> {
  const query = `select coalesce(json_agg(pid), '[]') from pg_stat_activity
    where datname = current_database() and query like '%pg_advisory_lock_shared%'
      and pid <> pg_backend_pid()`
  return vi.waitFor(async () => {
    const pids = (await first(database, query)) as readonly number[]
    expect(pids).toHaveLength(expected)
    return pids
  }, patience)
}

/** Another process that appends until it is stopped. */
async function racing(url: string): Promise<ChildProcess> {
  const race: Race = { url, writers: 2, streams: 10, seed: 1, report: devNull }
  const [racer] = (await forked('./racer.ts', [JSON.stringify(race)])) as [ChildProcess]
  racer.send('go')
  return racer
}

async function stopped(racer: ChildProcess): Promise<void> {
  const report = once(racer, 'message')
  racer.send('stop')
  await report
}
