import { describe, expect, it, onTestFinished } from 'vitest'
import { type FreshPlace, first, freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres, type Postgres } from '../../../../test/postgres/on-postgres.ts'
import { putIntoParts } from '../../../../test/postgres/parts.ts'
import { connected, execute, freshRole } from '../../../../test/postgres/role.ts'
import { waitingFor } from '../../../../test/postgres/waiting.ts'
import type { EventStore } from '../../event-store.ts'
import type { NewEvent } from '../../model/event.ts'
import { openStore } from '../../open-store.ts'
import { postgres, postgresMaintenance } from './index.ts'

/** An empty store with parts of ten positions. */
async function parted(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  await putIntoParts(database, 10)
  return database
}

function storeAt({ url }: { readonly url: string }): EventStore {
  const store = openStore({ engine: postgres({ url }) })
  onTestFinished(() => store.close())
  return store
}

function placed(events: number): readonly NewEvent[] {
  return Array.from({ length: events }, (_, n) => ({ type: 'Placed', data: { n }, tags: ['all'] }))
}

/** The last position that there is a part for. */
async function room(database: { readonly url: string }): Promise<number> {
  return Number(await first(database, 'select max(last_position) from varve.event_parts'))
}

onPostgres(({ cluster }) => {
  describe('room for events', () => {
    it('is made a part ahead by the append that enters the last part, and by no other', async () => {
      const database = await parted(cluster)
      const store = storeAt(database)
      expect(await room(database)).toBe(20)
      await store.append('Order-1', placed(10))
      expect(await room(database)).toBe(20)
      await store.append('Order-1', placed(1))
      expect(await room(database)).toBe(30)
      for (let n = 0; n < 9; n++) await store.append('Order-1', placed(1))
      expect(await room(database)).toBe(30)
    })

    it('is made for an append that is larger than all there is', async () => {
      const database = await parted(cluster)
      const store = storeAt(database)
      await store.append('Order-1', placed(95))
      expect((await store.readStream('Order-1').toArray()).map(({ position }) => position)).toHaveLength(95)
      expect(await room(database)).toBe(110)
      await store.append('Order-1', placed(1), { condition: { failIfMatch: { tags: ['all'] }, after: 95 } })
    })

    it('is made for what transactions of callers append, by their commit', async () => {
      const database = await parted(cluster)
      const store = storeAt(database)
      const client = await connected(database)
      await client.query('begin')
      const condition = { failIfMatch: { types: ['Placed'] }, after: 0 }
      await store.withTransaction(client).append('Order-1', placed(25), { condition })
      await store.withTransaction(client).append('Order-2', placed(10))
      expect(await room(database)).toBe(20)
      await client.query('commit')
      expect((await store.readAll().toArray()).map(({ position }) => position)).toHaveLength(35)
      expect(await room(database)).toBe(50)
    })

    it('is made ahead by the command of an owner, who is not needed', async () => {
      const database = await parted(cluster)
      await using maintenance = postgresMaintenance({ url: database.url })
      await storeAt(database).append('Order-1', placed(9))
      await maintenance.up()
      expect(await room(database)).toBe(30)
      await maintenance.up()
      expect(await room(database)).toBe(30)
    })

    it('is put off while somebody holds the table, as an ANALYZE does, and made once it is free', async () => {
      const database = await parted(cluster)
      const store = storeAt(database)
      const other = await connected(database)
      await other.query('begin; lock table only varve.events in share update exclusive mode')
      for (let n = 0; n < 15; n++) await store.append('Order-1', placed(1))
      expect(await room(database)).toBe(20)
      await other.query('commit')
      await store.append('Order-1', placed(2))
      expect(await room(database)).toBe(30)
    })

    it('is waited for when there is none left', async () => {
      const database = await parted(cluster)
      const store = storeAt(database)
      const other = await connected(database)
      await other.query('begin; lock table only varve.events in share update exclusive mode')
      await store.append('Order-1', placed(20))
      const late = store.append('Order-1', placed(1))
      await waitingFor(database, 'relation')
      await other.query('commit')
      expect(await late).toMatchObject({ position: 21, version: 21 })
    })

    it('does not wait for a dump, which reads for as long as it takes', async () => {
      const database = await parted(cluster)
      const store = storeAt(database)
      const dump = await connected(database)
      await dump.query('begin isolation level repeatable read; lock table varve.events in access share mode; select 1')
      for (let n = 0; n < 25; n++) await store.append('Order-1', placed(1))
      expect(await room(database)).toBe(40)
      await dump.query('commit')
    })
  })
})

onPostgres(({ cluster }) => {
  describe('with events in parts', () => {
    it('a role with what grant gives appends from part to part, and makes nothing itself', async () => {
      const database = await parted(cluster)
      const role = await freshRole(database)
      await using maintenance = postgresMaintenance({ url: database.url })
      await maintenance.grant(role.name)
      const store = storeAt(role)
      for (let n = 0; n < 5; n++) await store.append('Order-1', placed(7))
      expect(await store.readAll({ filter: { types: ['Placed'] } }).toArray()).toHaveLength(35)
      expect(await store.readEvent((await store.readStream('Order-1').last())?.id ?? '')).toMatchObject({ version: 35 })
      await using own = postgresMaintenance({ url: role.url })
      expect(await own.up()).toEqual([])
      await expect(execute(role, 'select varve.make_parts(1000)')).rejects.toMatchObject({ code: '42501' })
      await expect(own.archive(11)).rejects.toThrow(/only the owner of the schema/)
    })

    it.each([
      "update varve.events set type = 'Forged'",
      'delete from varve.events',
      'truncate varve.events',
      'delete from varve.events_p11',
      'truncate varve.events_p11',
      "update varve.events_p1 set type = 'Forged'",
      'update varve.event_keys set version = 9',
      'delete from varve.event_keys',
      'truncate varve.event_keys',
    ])('the owner is refused: %s', async (statement) => {
      const database = await parted(cluster)
      await storeAt(database).append('Order-1', placed(15))
      const refused = { code: 'VV002', message: expect.stringContaining('the log is append-only') }
      await expect(execute(database, statement)).rejects.toMatchObject(refused)
    })

    it('an id that slips in through another stream is known, and sent again', async () => {
      const database = await parted(cluster)
      const id = '01900000-0000-7000-8000-000000000001'
      const stores = Array.from({ length: 4 }, () => storeAt(database))
      await Promise.all(stores.map((store) => store.head()))
      const appends = stores.map((store, n) => store.append(`Order-${n}`, [{ id, type: 'Placed', data: {} }]))
      const outcomes = await Promise.allSettled(appends)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'DUPLICATE_EVENT_ID' })
      }
      expect(await stores[0]?.head()).toBe(1)
    })

    it('a part that was detached by hand is damage, and no event of it is passed over', async () => {
      const database = await parted(cluster)
      const store = storeAt(database)
      await store.append('Order-1', placed(35))
      await execute(database, 'alter table varve.events detach partition varve.events_p11')
      const damage = { code: 'STORE_CORRUPT', message: expect.stringContaining('position 11 is in none of the parts') }
      await expect(store.readAll().toArray()).rejects.toMatchObject(damage)
      await expect(store.readAll({ from: 11 }).toArray()).rejects.toMatchObject(damage)
      await expect(store.readStream('Order-1').toArray()).rejects.toMatchObject(damage)
      await using maintenance = postgresMaintenance({ url: database.url })
      const found = (await maintenance.inspect()).filter(({ state }) => state !== 'ok').map(({ check }) => check)
      expect(found).toEqual(['head', 'tags', 'parts', 'keys', 'guards'])
    })
  })
})
