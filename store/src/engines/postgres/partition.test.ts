import { describe, expect, it, onTestFinished } from 'vitest'
import { type FreshPlace, first, freshDatabase } from '../../../../test/postgres/database.ts'
import { onNewestPostgres, type Postgres } from '../../../../test/postgres/on-postgres.ts'
import { connected, execute, freshRole } from '../../../../test/postgres/role.ts'
import { waitingFor } from '../../../../test/postgres/waiting.ts'
import type { EventStore } from '../../event-store.ts'
import { openStore } from '../../open-store.ts'
import { type PostgresMaintenance, postgres, postgresMaintenance } from './index.ts'

async function empty(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  return database
}

function storeAt({ url }: { readonly url: string }): EventStore {
  const store = openStore({ engine: postgres({ url }) })
  onTestFinished(() => store.close())
  return store
}

function maintenanceAt({ url }: { readonly url: string }): PostgresMaintenance {
  const maintenance = postgresMaintenance({ url })
  onTestFinished(() => maintenance.close())
  return maintenance
}

/** Appends in so many calls, each of one event. */
async function fill(store: EventStore, events: number): Promise<void> {
  const appends = Array.from({ length: events }, (_, n) =>
    store.append(`Order-${n % 7}`, [{ type: n % 10 === 0 ? 'Rare' : 'Placed', data: { n }, tags: [`n:${n % 13}`] }]),
  )
  await Promise.all(appends)
}

/** Everything that reads give, as text. */
async function readings(store: EventStore): Promise<string> {
  const forward = await store.readAll().toArray()
  const known = await store.readEvent(forward[0]?.id ?? '')
  const readers = [
    store.readAll({ direction: 'backward' }),
    ...['Order-1', 'Order-6', 'None-1'].flatMap((id) => [
      store.readStream(id),
      store.readStream(id, { direction: 'backward', limit: 3 }),
    ]),
    ...[
      { types: ['Rare'] },
      { categories: ['Order'] },
      { tags: ['n:1'] },
      { streamPrefix: 'Ord' },
      { types: ['Placed'], tags: ['n:2'] },
    ].flatMap((filter) => [store.readAll({ filter }), store.readAll({ filter, direction: 'backward', from: 60 })]),
  ]
  return JSON.stringify([forward, known, ...(await Promise.all(readers.map((reader) => reader.toArray())))])
}

onNewestPostgres(({ cluster }) => {
  describe('putting events into parts', () => {
    it('leaves every read as it was, for those who have read before, too', async () => {
      const database = await empty(cluster)
      const store = storeAt(database)
      await fill(store, 130)
      const before = await readings(store)
      await maintenanceAt(database).partition(50)
      expect(await readings(store)).toBe(before)
      expect(await readings(storeAt(database))).toBe(before)
      expect((await maintenanceAt(database).inspect()).filter(({ state }) => state !== 'ok')).toEqual([])
    })

    it('tells how events lie: in one table, then in parts that reach beyond the head', async () => {
      const database = await empty(cluster)
      const maintenance = maintenanceAt(database)
      await fill(storeAt(database), 60)
      expect((await maintenance.status()).layout).toEqual({ state: 'one_table', archivedUntil: 0, parts: [] })
      await maintenance.partition(50)
      const { layout } = await maintenance.status()
      expect(layout).toMatchObject({ state: 'parts', positionsPerPart: 50, archivedUntil: 0 })
      expect(layout?.parts).toEqual(
        [1, 51, 101, 151].map((firstPosition) => {
          return {
            table: `events_p${firstPosition}`,
            firstPosition,
            lastPosition: firstPosition + 49,
            state: 'attached',
          }
        }),
      )
    })

    it('is done once: the same again changes nothing, another size is refused', async () => {
      const maintenance = maintenanceAt(await empty(cluster))
      await maintenance.partition(50)
      const { layout } = await maintenance.status()
      await maintenance.partition(50)
      expect((await maintenance.status()).layout).toEqual(layout)
      const refused = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('is 50 in this store') }
      await expect(maintenance.partition(60)).rejects.toMatchObject(refused)
      await expect(maintenance.partition(9.5)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    })

    it('goes on where it was interrupted', async () => {
      const database = await empty(cluster)
      const store = storeAt(database)
      for (let n = 0; n < 3; n++)
        await store.append(
          'Many-1',
          Array.from({ length: 9_000 }, () => ({ type: 'A', data: 0 })),
        )
      const maintenance = maintenanceAt(database)
      const stop = new AbortController()
      const interrupted = maintenance.partition(5_000, { signal: stop.signal, onProgress: () => stop.abort() })
      await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' })
      expect((await maintenance.status()).layout).toMatchObject({ state: 'converting', copiedUntil: 10_000 })
      await fill(store, 10)
      const copied: number[] = []
      await maintenance.partition(5_000, { onProgress: (events) => void copied.push(events) })
      expect(copied).toEqual([20_000, 27_010])
      expect((await store.readStream('Many-1').last())?.version).toBe(27_000)
      expect((await maintenance.inspect()).filter(({ state }) => state !== 'ok')).toEqual([])
    })

    it('is done once by several callers at once', async () => {
      const database = await empty(cluster)
      await fill(storeAt(database), 100)
      await Promise.all([1, 2, 3].map(() => maintenanceAt(database).partition(30)))
      expect(await first(database, 'select count(*) from varve.event_keys')).toBe('100')
      expect(await storeAt(database).readAll().toArray()).toHaveLength(100)
    })
  })
})

onNewestPostgres(({ cluster }) => {
  describe('putting events into parts', () => {
    it('waits for a transaction that has read events, and lets others go on meanwhile', {
      timeout: 120_000,
    }, async () => {
      const database = await empty(cluster)
      const store = storeAt(database)
      await fill(store, 20)
      const reader = await connected(database)
      await reader.query('begin; select count(*) from varve.events')
      const done = maintenanceAt(database).partition(50)
      await waitingFor(database, 'relation')
      // Behind the lock that is waited for, until that is given up.
      expect(await store.append('Order-1', [{ type: 'Placed', data: {} }])).toMatchObject({ position: 21 })
      await reader.query('commit')
      await done
      expect(await store.append('Order-1', [{ type: 'Placed', data: {} }])).toMatchObject({ position: 22 })
    })

    it('refuses to drop what others have built on the table, and goes on once it is gone', async () => {
      const database = await empty(cluster)
      await fill(storeAt(database), 20)
      await execute(database, 'create view public.mine as select position, type from varve.events')
      const maintenance = maintenanceAt(database)
      const refused = {
        code: 'ENGINE_FAILED',
        message: expect.stringMatching(/view (public\.)?mine depends on.*Drop them/),
      }
      await expect(maintenance.partition(50)).rejects.toMatchObject(refused)
      expect((await maintenance.status()).layout).toMatchObject({ state: 'converting', copiedUntil: 20 })
      await execute(database, 'drop view public.mine')
      await maintenance.partition(50)
      expect((await maintenance.status()).layout).toMatchObject({ state: 'parts' })
    })

    it('is refused to whoever is not the owner, who is named', async () => {
      const database = await empty(cluster)
      await fill(storeAt(database), 1)
      const role = await freshRole(database)
      await maintenanceAt(database).grant(role.name)
      const refused = { code: 'ENGINE_FAILED', message: expect.stringMatching(/only the owner of the schema "varve"/) }
      await expect(maintenanceAt(role).partition(50)).rejects.toMatchObject(refused)
    })

    it('keeps the rights that roles have, and the owner, whoever runs it', async () => {
      const database = await empty(cluster)
      const [owner, role] = [await freshRole(database), await freshRole(database)]
      await execute(database, `create schema varve authorization ${owner.name}`)
      await fill(storeAt(owner), 60)
      await maintenanceAt(owner).grant(role.name)
      const store = storeAt(role)
      const before = await readings(store)
      await maintenanceAt(database).partition(50)
      expect(await readings(store)).toBe(before)
      await fill(store, 200)
      expect(await store.head()).toBe(260)
      const foreign = `select count(*) from pg_class where relnamespace = 'varve'::regnamespace and pg_get_userbyid(relowner) <> '${owner.name}'`
      expect(await first(database, foreign)).toBe('0')
    })
  })
})
