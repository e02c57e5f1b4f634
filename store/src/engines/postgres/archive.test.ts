import { describe, expect, it, onTestFinished } from 'vitest'
import { archivedStore, archivedTo30 } from '../../../../test/postgres/archived-store.ts'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onNewestPostgres } from '../../../../test/postgres/on-postgres.ts'
import { connected, execute } from '../../../../test/postgres/role.ts'
import { waitingFor } from '../../../../test/postgres/waiting.ts'
import { postgresMaintenance } from './index.ts'

onNewestPostgres(({ cluster }) => {
  describe('an archive', () => {
    it('takes whole parts, tells which, and nothing twice', async () => {
      const { maintenance } = await archivedStore(cluster)
      const detached = await maintenance.archive(31)
      expect(detached).toEqual(
        [1, 11, 21].map((firstPosition) => {
          return {
            table: `events_p${firstPosition}`,
            firstPosition,
            lastPosition: firstPosition + 9,
            state: 'archived',
          }
        }),
      )
      expect(await maintenance.archive(31)).toEqual([])
      expect(await maintenance.archive(11)).toEqual([])
      const { layout } = await maintenance.status()
      expect(layout?.archivedUntil).toBe(30)
      expect(layout?.parts.filter(({ state }) => state === 'archived')).toEqual(detached)
    })

    it.each([
      [15, /inside of the part of positions 11 to 20.*Give 11 or 21$/],
      [20, /inside of the part of positions 11 to 20/],
      [111, /not full yet. Give 101 at the most/],
      [9_999, /not full yet. Give 101 at the most/],
      [0, /not a position/],
    ])('refuses to begin at %i, and does nothing', async (before, says) => {
      const { maintenance, store } = await archivedStore(cluster)
      await expect(maintenance.archive(before)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(says),
      })
      expect(await store.readAll().toArray()).toHaveLength(100)
    })

    it('needs parts', async () => {
      const database = await freshDatabase(await cluster())
      onTestFinished(database.drop)
      await using maintenance = postgresMaintenance({ url: database.url })
      await maintenance.up()
      await expect(maintenance.archive(11)).rejects.toThrow(/--partition-events/)
    })

    it('may take everything that is full, and appends go on', async () => {
      const { maintenance, store } = await archivedStore(cluster, 101)
      expect(await store.append('Order-1', [{ type: 'Placed', data: {} }], { expectedVersion: 50 })).toMatchObject({
        position: 101,
      })
      expect(await store.readAll({ from: 101 }).toArray()).toHaveLength(1)
      expect((await maintenance.inspect()).filter(({ state }) => state !== 'ok')).toEqual([])
    })

    it('loses nothing: its tables have every event, and refuse changes as before', async () => {
      const { database } = await archivedStore(cluster, 31)
      const client = await connected(database)
      const { rows } = await client.query('select count(*) from varve.events_p1')
      expect(rows[0].count).toBe('10')
      for (const change of [
        'delete from varve.events_p1',
        'truncate varve.events_p1',
        'update varve.events_p1 set version = 1',
      ]) {
        await expect(client.query(change)).rejects.toMatchObject({ code: 'VV002' })
      }
    })
  })
})

onNewestPostgres(({ cluster }) => {
  describe('attaching again', () => {
    it('gives back what was archived, all of it or from a position on', async () => {
      const { store, maintenance } = await archivedStore(cluster)
      const before = JSON.stringify(await store.readAll().toArray())
      await maintenance.archive(51)
      expect((await maintenance.attach(35)).map(({ table }) => table)).toEqual(['events_p31', 'events_p41'])
      expect(await store.readAll({ from: 31 }).toArray()).toHaveLength(70)
      await expect(store.readAll({ from: 30 }).toArray()).rejects.toMatchObject(archivedTo30)
      expect(await maintenance.attach(1)).toHaveLength(3)
      expect(await maintenance.attach(1)).toEqual([])
      expect(JSON.stringify(await store.readAll().toArray())).toBe(before)
      expect((await maintenance.inspect()).filter(({ state }) => state !== 'ok')).toEqual([])
      expect(await maintenance.archive(31)).toHaveLength(3)
    })

    it('refuses a table that is not there, and one that is not complete', async () => {
      const { database, maintenance } = await archivedStore(cluster, 31)
      await execute(database, 'alter table varve.events_p11 rename to kept')
      expect((await maintenance.status()).layout?.parts[1]).toMatchObject({ state: 'removed' })
      await expect(maintenance.attach(1)).rejects.toThrow(
        /positions 11 to 20, varve.events_p11, is not there. Restore it/,
      )
      await execute(database, 'create table varve.events_p11 as select * from varve.kept where position < 20')
      await expect(maintenance.attach(1)).rejects.toThrow(/events_p11 has 9 events of the 10 at positions 11 to 20/)
      expect((await maintenance.attach(21)).map(({ table }) => table)).toEqual(['events_p21'])
    })

    it('takes a table that was restored from somewhere else', async () => {
      const { database, store, maintenance } = await archivedStore(cluster, 31)
      await execute(
        database,
        `create table public.kept as select * from varve.events_p21; drop table varve.events_p21;
         create table varve.events_p21 (like varve.events including all); insert into varve.events_p21 select * from public.kept`,
      )
      await maintenance.attach(21)
      expect(await store.readAll({ from: 21 }).toArray()).toHaveLength(80)
      await expect(execute(database, 'delete from varve.events_p21')).rejects.toMatchObject({ code: 'VV002' })
    })
  })
})

onNewestPostgres(({ cluster }) => {
  describe('archiving a store in use', () => {
    it('waits for whoever reads, and lets appends go on meanwhile', { timeout: 120_000 }, async () => {
      const { database, store, maintenance } = await archivedStore(cluster)
      const reader = await connected(database)
      await reader.query('begin; select count(*) from varve.events')
      const archiving = maintenance.archive(31)
      await waitingFor(database, 'relation')
      expect(await store.append('Order-1', [{ type: 'Placed', data: {} }])).toMatchObject({ position: 101 })
      await reader.query('commit')
      expect(await archiving).toHaveLength(3)
    })

    it('lets a transaction commit that has judged a condition and waits for the head', async () => {
      const { database, store, maintenance } = await archivedStore(cluster)
      const client = await connected(database)
      await client.query('begin')
      const condition = { failIfMatch: { types: ['Never'] }, after: 40 }
      await store.withTransaction(client).append('New-1', [{ type: 'New', data: {} }], { condition })
      const archiving = maintenance.archive(31)
      await waitingFor(database, 'relation')
      await client.query('commit')
      expect(await archiving).toHaveLength(3)
      expect((await store.readStream('New-1').last())?.position).toBe(101)
    })

    it('never lets a reader pass over an event', { timeout: 120_000 }, async () => {
      const { store, maintenance } = await archivedStore(cluster)
      let over = false
      const outcomes = { whole: 0, refused: 0 }
      const readers = Array.from({ length: 4 }, async (_, n) => {
        const filter = n % 2 === 0 ? {} : { filter: { tags: ['all'] } }
        while (!over) {
          try {
            expect(
              (await store.readAll({ ...filter, limit: 100 }).toArray()).map(({ position }) => position),
            ).toHaveLength(100)
            outcomes.whole++
          } catch (error) {
            expect(error).toMatchObject({ code: 'EVENTS_ARCHIVED' })
            outcomes.refused++
          }
        }
      })
      const reading = Promise.all(readers)
      const another = (outcome: keyof typeof outcomes) => {
        const before = outcomes[outcome]
        return Promise.race([reading, expect.poll(() => outcomes[outcome], { interval: 5 }).toBeGreaterThan(before)])
      }
      for (let round = 0; round < 6; round++) {
        await maintenance.archive(51)
        await another('refused')
        await maintenance.attach(1)
        await another('whole')
      }
      over = true
      await reading
    })
  })
})
