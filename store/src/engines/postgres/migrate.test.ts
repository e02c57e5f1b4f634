import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder, varve } from '../../../../test/cli/varve.ts'
import { type FreshPlace, first, freshDatabase } from '../../../../test/postgres/database.ts'
import { onEveryPostgres, type Postgres } from '../../../../test/postgres/on-postgres.ts'
import { connected, execute, freshRole } from '../../../../test/postgres/role.ts'
import { eventFor, request, statusesOf } from '../../conformance/port.ts'
import type { Engine } from '../../engine/engine.ts'
import type { EventToStore } from '../../model/event.ts'
import { grantScript } from './grant.ts'
import { type PostgresOptions, postgres, postgresMaintenance } from './index.ts'
import { migrations } from './migrate.ts'

const fixture = fileURLToPath(new URL('../../../../test/fixtures/postgres-v1', import.meta.url))
const expected = JSON.parse(readFileSync(`${fixture}.json`, 'utf8'), (_, value: { base64?: string }) =>
  typeof value?.base64 === 'string' ? new Uint8Array(Buffer.from(value.base64, 'base64')) : value,
) as { readonly events: readonly EventToStore[]; readonly streams: readonly unknown[] }

async function empty(cluster: Postgres['cluster'], definition = ''): Promise<FreshPlace> {
  const database = await freshDatabase(await cluster(), definition)
  onTestFinished(database.drop)
  return database
}

function opened(options: PostgresOptions): Engine {
  const engine = postgres(options)
  onTestFinished(() => engine.close())
  return engine
}

onEveryPostgres(({ cluster }) => {
  describe('a schema', () => {
    it('is made once when ten processes start at once', { timeout: 120_000 }, async () => {
      const { url } = await empty(cluster)
      const folder = temporaryFolder()
      onTestFinished(folder.remove)
      const starting = Array.from({ length: 10 }, (_, n) =>
        varve(folder.path, ['append', `Order-${n}`, 'Placed', '--store', url]),
      )
      const ended = await Promise.all(starting)
      expect(ended.map(({ stderr }) => stderr).join('')).toBe('')
      expect(await opened({ url }).head()).toBe(10)
      expect(await first({ url }, 'select count(*) from varve.migrations')).toBe(String(migrations.length))
    })

    it('of a newer Varve is refused, and left alone', async () => {
      const { url } = await empty(cluster)
      await postgresMaintenanceUp(url)
      await first({ url }, "insert into varve.migrations (version, name) values (99, 'tomorrow')")
      const tooNew = { code: 'STORE_TOO_NEW', message: expect.stringContaining('Install a newer varve') }
      await expect(opened({ url }).head()).rejects.toMatchObject(tooNew)
      await expect(opened({ url, migrate: 'refuse' }).head()).rejects.toMatchObject(tooNew)
      await expect(postgresMaintenanceUp(url)).rejects.toMatchObject(tooNew)
    })

    it('is not made in a database of another encoding', async () => {
      const { url } = await empty(cluster, "encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'")
      await expect(opened({ url }).head()).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringMatching(/encoding SQL_ASCII\. Create one with encoding UTF8/),
      })
    })

    it('is not made by a role without the right to, which is told who can', async () => {
      const database = await empty(cluster)
      const { url } = await freshRole(database)
      await expect(opened({ url }).head()).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringMatching(/may not change that. Run 'varve migrate --up' as the owner/),
      })
    })

    it('is brought up to date by its owner, who may create no other', async () => {
      const database = await empty(cluster)
      const role = await freshRole(database)
      await execute(database, `create schema varve authorization ${role.name}`)
      expect(await opened({ url: role.url }).head()).toBe(0)
    })

    it.each(['create table varve.events (id int)', 'create table varve.migrations (version text)'])(
      'with objects of somebody else is left alone, and they are named: %s',
      async (statement) => {
        const { url } = await empty(cluster)
        await execute({ url }, `create schema varve; ${statement}`)
        await expect(opened({ url }).head()).rejects.toMatchObject({
          code: 'ENGINE_FAILED',
          message: expect.stringMatching(/Varve has not made them .*Give the store a schema of its own/),
        })
      },
    )

    it('of which somebody has dropped a table is not to be migrated once more', async () => {
      const { url } = await empty(cluster)
      await postgresMaintenanceUp(url)
      await execute({ url }, 'drop table varve.shelf')
      const dropped = { code: 'ENGINE_FAILED', message: expect.stringMatching(/varve.shelf.*restore a backup/) }
      await expect(opened({ url }).shelf.get('own')).rejects.toMatchObject(dropped)
      await using maintenance = postgresMaintenance({ url })
      const says = expect.stringMatching(/somebody has dropped table shelf$/)
      expect(await maintenance.inspect()).toEqual([{ check: 'schema', state: 'damaged', says }])
    })

    it('that is missing or old is refused where asked, and left as it is', async () => {
      const { url } = await empty(cluster)
      const strict = opened({ url, migrate: 'refuse' })
      await expect(strict.head()).rejects.toThrow(/no store in schema "varve".*varve migrate --up/)
      await execute({ url }, 'create schema varve; create table varve.migrations (version int, name text)')
      await execute({ url }, "insert into varve.migrations values (1, 'the log')")
      await expect(strict.head()).rejects.toThrow(/is at version 1, this code needs \d.*varve migrate --up/)
      expect(await first({ url }, "select to_regclass('varve.events')")).toBeNull()
    })
  })
})

onEveryPostgres(({ cluster }) => {
  describe('the append functions of version 10', () => {
    it('may be called by whoever could call those before, and by a process that knows those only', async () => {
      const database = await empty(cluster)
      const { name, url } = await freshRole(database)
      await madeUpTo(9, database)
      await execute(database, grantScript('varve', name))
      await postgresMaintenanceUp(database.url)
      const engine = opened({ url })
      const batch = [request([eventFor('A')]), request([eventFor('B')])]
      expect(await statusesOf(engine, batch)).toEqual(['done', 'done'])
      expect(await statusesOf(engine, [request([eventFor('C')])])).toEqual(['done'])
      const before = `select varve.append_one('D', -1, gen_random_uuid(), 'Placed', 1, 0, null, '{}', null, null, '{}', null, null)`
      expect(await first({ url }, before)).toBe('(,3,,{1},,f)')
      const { rows } = await (await connected(database)).query(
        "select count(*)::int as open from pg_proc p, aclexplode(p.proacl) a where p.proname ~ '^append' and a.grantee = 0",
      )
      expect(rows).toEqual([{ open: 0 }])
    })
  })

  describe('a store as the first release left it', () => {
    async function restored(): Promise<Engine> {
      const { url } = await empty(cluster)
      const client = await connected({ url })
      await client.query(readFileSync(`${fixture}.sql`, 'utf8'))
      return opened({ url })
    }

    it('gives back every event and stream as it was', async () => {
      const engine = await restored()
      const source = { query: 'everything' } as const
      const { events } = await engine.read({ source, direction: 'forward', from: 1, limit: 1_000, maxBytes: 1e6 })
      expect(JSON.stringify(events)).toBe(JSON.stringify(expected.events))
      expect((await engine.streams({ prefix: '', after: '', limit: 100 })).streams).toEqual(expected.streams)
      expect(await engine.shelf.get('checkpoint/mails')).toMatchObject({ version: 2, value: '{"position":30}' })
    })

    it('knows its event ids and goes on where it ended', async () => {
      const engine = await restored()
      const known = expected.events[0] as EventToStore
      const fresh = { ...known, id: '0198c6e2-7f3a-7000-8000-00000000ffff' }
      const outcomes = await engine.append([known, fresh].map((event) => ({ events: [event], checks: [] })))
      expect(outcomes).toMatchObject([{ status: 'repeated' }, { firstPosition: expected.events.length + 1 }])
    })
  })
})

/** A store as code of an earlier version of the schema made it. */
async function madeUpTo(version: number, database: FreshPlace): Promise<void> {
  const client = await connected(database)
  await client.query('create schema varve; set search_path = varve, pg_temp')
  await client.query('create table migrations (version int primary key, name text not null)')
  for (const { version: at, name, sql } of migrations.slice(0, version)) {
    await client.query(sql)
    await client.query('insert into migrations (version, name) values ($1, $2)', [at, name])
  }
}

async function postgresMaintenanceUp(url: string): Promise<void> {
  await using maintenance = postgresMaintenance({ url })
  await maintenance.up()
}
