import { describe, expect, it, onTestFinished } from 'vitest'
import { type FreshPlace, freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres, type Postgres } from '../../../../test/postgres/on-postgres.ts'
import { execute, type FreshRole, freshRole } from '../../../../test/postgres/role.ts'
import type { Engine } from '../../engine/engine.ts'
import { openStore } from '../../open-store.ts'
import { postgres, postgresMaintenance } from './index.ts'

const insertEvent = `insert into varve.events (position, stream_no, version, event_id, recorded_at_ms, schema_version, stream_id, type)
  values (9, 1, 9, gen_random_uuid(), 0, 1, 'Order-1', 'Forged')`

async function filled(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  await using store = openStore({ engine: postgres({ url: database.url }) })
  await store.append('Order-1', [{ type: 'Placed', data: {}, tags: ['vip'] }])
  return database
}

/** The database as a role that has what `grant` gives. */
async function asApplication(cluster: Postgres['cluster']): Promise<FreshRole & { readonly ownersUrl: string }> {
  const database = await filled(cluster)
  const role = await freshRole(database)
  await using maintenance = postgresMaintenance({ url: database.url })
  await maintenance.grant(role.name)
  return { ...role, ownersUrl: database.url }
}

function engineAt(url: string): Engine {
  const engine = postgres({ url })
  onTestFinished(() => engine.close())
  return engine
}

onPostgres(({ cluster }) => {
  describe('a role with what grant gives', () => {
    it('appends, reads, follows, lists, and keeps checkpoints', async () => {
      const { url } = await asApplication(cluster)
      await using store = openStore({ engine: engineAt(url) })
      const condition = { failIfMatch: { tags: ['vip'] }, after: 1 }
      await store.append('Order-2', [{ type: 'Placed', data: {}, tags: ['vip'] }], { condition })
      await store.truncateBefore('Order-1', 2)
      const seen: number[] = []
      for await (const { position } of store.subscribe({ filter: { tags: ['vip'] }, checkpoint: 'mails' })) {
        if (seen.push(position) === 2) break
      }
      expect(seen).toEqual([1, 2])
      expect(await store.streams({ prefix: 'Order' }).toArray()).toHaveLength(2)
      const { shelf } = engineAt(url)
      await shelf.put('own', '1', { expectedVersion: 0 })
      await shelf.put('own', '2', { expectedVersion: 1 })
      expect(await shelf.get('own')).toMatchObject({ version: 2 })
    })

    it.each([
      insertEvent,
      "update varve.events set type = 'Forged'",
      'delete from varve.events',
      'truncate varve.events',
      'update varve.log_head set position = 0',
      'update varve.streams set version = 0',
      "insert into varve.event_tags values ('forged', 1)",
      'alter table varve.events disable trigger all',
      'drop trigger append_only on varve.events',
      'create table varve.mine ()',
      'drop schema varve cascade',
      "select varve.condition_match(0, '{}', null)",
    ])('may not: %s', async (statement) => {
      await expect(execute(await asApplication(cluster), statement)).rejects.toMatchObject({ code: '42501' })
    })

    it('is told what it lacks, in words of the database and with what to do', async () => {
      const { name, url, ownersUrl } = await asApplication(cluster)
      await execute({ url: ownersUrl }, `revoke all on varve.shelf from ${name}`)
      const lacking = { code: 'ENGINE_FAILED', message: expect.stringMatching(/table shelf.*varve migrate --grant/) }
      await expect(engineAt(url).shelf.get('own')).rejects.toMatchObject(lacking)
    })

    it('may not give rights to others, which is not taken for done', async () => {
      const role = await asApplication(cluster)
      const other = await freshRole({ url: role.ownersUrl })
      await using maintenance = postgresMaintenance({ url: role.url })
      await expect(maintenance.grant(other.name)).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringMatching(/only the owner of the schema "varve".*may give rights/),
      })
    })

    it('may not bring the schema anywhere, and is not asked to', async () => {
      const { url } = await asApplication(cluster)
      await using maintenance = postgresMaintenance({ url })
      expect(await maintenance.up()).toEqual([])
    })
  })
})

onPostgres(({ cluster }) => {
  describe('the owner', () => {
    it('is told of functions that a restore has opened to everybody, and grant closes them', async () => {
      const { name, ownersUrl } = await asApplication(cluster)
      await execute({ url: ownersUrl }, 'grant execute on function varve.archive_parts to public')
      await using maintenance = postgresMaintenance({ url: ownersUrl })
      const rights = async () => (await maintenance.inspect()).find(({ check }) => check === 'rights')
      const open = {
        state: 'warning',
        says: expect.stringMatching(/may call archive_parts, which is for the owner/),
      }
      expect(await rights()).toMatchObject(open)
      await maintenance.grant(name)
      expect(await rights()).toMatchObject({ state: 'ok' })
    })

    it.each([
      "update varve.events set type = 'Forged'",
      'delete from varve.events',
      'truncate varve.events',
      'truncate varve.events, varve.event_tags',
      "update varve.event_tags set tag = 'forged'",
      'delete from varve.event_tags',
      'delete from varve.log_head',
    ])('is refused too: %s', async (statement) => {
      const refused = { code: 'VV002', message: expect.stringContaining('the log is append-only') }
      await expect(execute(await filled(cluster), statement)).rejects.toMatchObject(refused)
    })
  })
})
