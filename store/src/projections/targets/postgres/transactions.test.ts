import { Pool } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Cut, startCuttingProxy } from '../../../../../test/postgres/cutting-proxy.ts'
import { type FreshPlace, first, freshDatabase } from '../../../../../test/postgres/database.ts'
import { onPostgres, type Postgres, sayWhy } from '../../../../../test/postgres/on-postgres.ts'
import { startPgbouncer, whyNoPgbouncer } from '../../../../../test/postgres/pgbouncer.ts'
import { execute } from '../../../../../test/postgres/role.ts'
import { firstCheckpoint, type Target, type TargetChange } from '../../../model/target.ts'
import { type PostgresReadModel, type PostgresTargetOptions, postgresTarget } from './index.ts'

/** What every commit sends. In `read committed` more follows. */
const commit = 'commit\0'

type Apply = TargetChange<PostgresReadModel>['apply']

function write(target: Target<PostgresReadModel>, apply: Apply, position = 0): Promise<void> {
  const next = { ...firstCheckpoint(1), position }
  return target.write({ projection: 'stock', expected: 'any', next, empty: false, apply })
}

const make: Apply = (db) => db.query('create table stock (sku text primary key, cups integer)')
const put: Apply = (db) => db.query("insert into stock values ('tea', 1)")

async function cups(target: Target<PostgresReadModel>): Promise<number> {
  const { rows } = await target.readModel.query<{ n: number }>('select count(*)::int as n from stock')
  return rows[0]?.n ?? 0
}

onPostgres(({ cluster }) => {
  describe('a handler', () => {
    it('gets the rows of what it asks, and of several statements those of the last', async () => {
      const target = await opened(cluster)
      await write(target, async (db) => {
        await make(db)
        expect(await db.query("insert into stock values ('tea', 1), ('mug', 2)")).toMatchObject({ rowCount: 2 })
        const { rows } = await db.query<{ sku: string }>('select sku from stock where cups > $1', [1])
        expect(rows).toEqual([{ sku: 'mug' }])
        expect((await db.query('select 1 as one; select 2 as two')).rows).toEqual([{ two: 2 }])
      })
    })

    it.each(['begin', ' COMMIT', 'rollback', 'end', 'abort', 'start transaction', "prepare transaction 'a'"])(
      'neither begins nor ends a transaction: %s',
      async (sql) => {
        const target = await opened(cluster)
        const writing = write(target, (db) => db.query(sql))
        await expect(writing).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'sql' })
      },
    )

    it('is found out when it has ended the transaction all the same', async () => {
      const target = await opened(cluster)
      const writing = write(target, (db) => db.query('select 1; commit; begin'))
      await expect(writing).rejects.toMatchObject({ code: 'TARGET_FAILED', message: /ended the transaction/ })
    })

    it('may use savepoints', async () => {
      const target = await opened(cluster)
      await write(target, async (db) => {
        await make(db)
        await db.query('savepoint before')
        await expect(db.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
        await db.query('rollback to savepoint before')
        await put(db)
      })
      expect(await cups(target)).toBe(1)
    })

    it('is told when it goes on after a statement that failed, awaited or not', async () => {
      const target = await opened(cluster)
      const caught = write(target, (db) => db.query('select 1 / 0').catch(() => undefined))
      await expect(caught).rejects.toMatchObject({ code: 'TARGET_FAILED', message: /on conflict/ })
      const forgotten = write(target, (db) => void db.query('select 1 / 0'))
      await expect(forgotten).rejects.toMatchObject({ code: 'TARGET_FAILED', message: /on conflict/ })
      expect(await target.checkpoint('stock')).toBeUndefined()
    })

    it('has its statements done before the commit, awaited or not, and none later', async () => {
      const target = await opened(cluster)
      let late: PostgresReadModel | undefined
      await write(target, (db) => {
        void make(db)
        void put(db)
        late = db
      })
      expect(await cups(target)).toBe(1)
      await expect(late?.query('select 1')).rejects.toMatchObject({ code: 'TARGET_FAILED', message: /after its write/ })
    })

    it('finds its own tables, and those of the schemas that are named, and no others', async () => {
      const database = await fresh(cluster)
      await execute(database, 'create table public.stock (a int); create schema tools; create table tools.tool (a int)')
      const target = await opened(cluster, { url: database.url, searchPath: ['tools'] })
      await write(target, async (db) => {
        await db.query('select * from tool')
        await db.query('drop table if exists stock')
      })
      expect(await first(database, 'select count(*)::int from public.stock')).toBe(0)
    })

    it('gets the error of its statement as the driver has it, and so does the caller of the write', async () => {
      const target = await opened(cluster)
      await write(target, make)
      await expect(write(target, (db) => db.query('select * from nowhere'))).rejects.toMatchObject({ code: '42P01' })
      await expect(target.readModel.query('select * from nowhere')).rejects.toMatchObject({ code: '42P01' })
    })
  })

  describe('a write', () => {
    it.each<Cut>(['sent', 'answer-lost'])('whose commit was %s is found there, and done', async (cut) => {
      const { target, proxy } = await behindProxy(cluster)
      await write(target, make)
      proxy.cutOn(commit, [cut])
      await write(target, put, 7)
      expect(proxy.cuts()).toBe(1)
      expect([await cups(target), (await target.checkpoint('stock'))?.position]).toEqual([1, 7])
    })

    it('whose commit never arrived is refused as one to be tried again', async () => {
      const { target, proxy } = await behindProxy(cluster)
      await write(target, make)
      proxy.cutOn(commit, ['request-lost'])
      await expect(write(target, put, 7)).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE', retryable: true })
      expect(await cups(target)).toBe(0)
      await write(target, put, 7)
      expect(await cups(target)).toBe(1)
    })

    it('whose commit was its first and got no answer is found there too', async () => {
      const { target, proxy } = await behindProxy(cluster)
      await target.checkpoint('stock')
      proxy.cutOn(commit, ['answer-lost'])
      await target.write({ projection: 'a', expected: undefined, next: firstCheckpoint(1), empty: false, apply: make })
      expect(await target.checkpoint('a')).toEqual(firstCheckpoint(1))
    })

    it('whose connection breaks while a handler works is refused as one to be tried again', async () => {
      const target = await opened(cluster)
      await write(target, make)
      const writing = write(target, async (db) => {
        await put(db)
        await db.query('select pg_terminate_backend(pg_backend_pid())')
      })
      await expect(writing).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE', retryable: true })
      expect(await cups(target)).toBe(0)
    })

    it('of an owner that says nothing is given up by the server, so that the next owner goes on', async () => {
      const database = await fresh(cluster)
      const paused = await opened(cluster, { url: database.url, idleTimeoutMs: 300 })
      const next = await opened(cluster, { url: database.url })
      await write(next, make)
      const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const stopped = write(paused, async (db) => {
        begun.resolve()
        await put(db)
        await goOn.promise
      })
      const ended = expect(stopped).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE' })
      await begun.promise
      await write(next, put, 9)
      goOn.resolve()
      await ended
      expect([await cups(next), (await next.checkpoint('stock'))?.position]).toEqual([1, 9])
    })

    it('waits for a lock and for a statement no longer than it was told to', async () => {
      const database = await fresh(cluster)
      const patient = await opened(cluster, { url: database.url })
      const target = await opened(cluster, { url: database.url, lockTimeoutMs: 50, statementTimeoutMs: 200 })
      await write(patient, make)
      await expect(write(target, (db) => db.query('select pg_sleep(5)'))).rejects.toMatchObject({
        code: 'TARGET_UNAVAILABLE',
        message: /statement timeout/,
      })
      const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const slow = write(patient, () => {
        begun.resolve()
        return goOn.promise
      })
      await begun.promise
      await expect(write(target, put)).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE', message: /lock timeout/ })
      goOn.resolve()
      await slow
    })
  })

  describe('a target', () => {
    it('makes its tables once, whoever comes first, and none when told not to', async () => {
      const { url } = await fresh(cluster)
      const refusing = await opened(cluster, { url, migrate: 'refuse' })
      await expect(refusing.checkpoint('a')).rejects.toMatchObject({ code: 'TARGET_FAILED', message: /no tables/ })
      const several = await Promise.all(Array.from({ length: 4 }, () => opened(cluster, { url })))
      expect(await Promise.all(several.map((target) => target.checkpoint('a')))).toEqual(Array(4).fill(undefined))
      expect(await refusing.checkpoint('a')).toBeUndefined()
    })

    it('leaves a pool of the caller open, and its connections as they were', async () => {
      const { url } = await fresh(cluster)
      const pool = new Pool({ connectionString: url, max: 1 })
      onTestFinished(() => pool.end())
      const target = postgresTarget({ pool })
      await write(target, make)
      await target.close()
      expect(pool.listenerCount('error')).toBe(0)
      // Its connections hang up a little after it has ended, and may find their database gone.
      pool.on('error', () => undefined)
      const { rows } = await pool.query(
        "select current_setting('search_path') as path, current_setting('lock_timeout') as ms",
      )
      expect(rows).toEqual([{ path: '"$user", public', ms: '0' }])
    })

    it.skipIf(sayWhy(whyNoPgbouncer()))(
      'works behind a pooler that gives each transaction another connection',
      async () => {
        const database = await fresh(cluster)
        const bouncer = await startPgbouncer(await cluster())
        onTestFinished(bouncer.stop)
        const target = await opened(cluster, { url: bouncer.through(database) })
        await write(target, make)
        await Promise.all(
          Array.from({ length: 5 }, (_, nth) =>
            write(target, (db) => db.query('insert into stock values ($1, 1)', [`${nth}`])),
          ),
        )
        expect(await cups(target)).toBe(5)
      },
    )

    it('says what stands in the way of it', async () => {
      const nowhere = postgresTarget({ url: 'postgres://127.0.0.1:1/any' })
      await expect(nowhere.checkpoint('a')).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE', target: 'postgres' })
      await nowhere.close()
    })
  })
})

it.each<[string, PostgresTargetOptions]>([
  ['options', {}],
  ['schema', { url: 'postgres://127.0.0.1/a', schema: 'a"b' }],
  ['schema', { url: 'postgres://127.0.0.1/a', schema: '日'.repeat(20) }],
  ['connectionsMax', { url: 'postgres://127.0.0.1/a', connectionsMax: 0 }],
  ['idleTimeoutMs', { url: 'postgres://127.0.0.1/a', idleTimeoutMs: 0.5 }],
])('is refused for its %s', (argument, options) => {
  expect(() => postgresTarget(options)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }))
})

async function fresh(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  return database
}

async function opened(
  cluster: Postgres['cluster'],
  options: PostgresTargetOptions = {},
): Promise<Target<PostgresReadModel>> {
  const target = postgresTarget({ url: options.url ?? (await fresh(cluster)).url, ...options })
  onTestFinished(() => target.close())
  return target
}

async function behindProxy(cluster: Postgres['cluster']) {
  const database = await fresh(cluster)
  const proxy = await startCuttingProxy(await cluster())
  onTestFinished(proxy.close)
  return { proxy, target: await opened(cluster, { url: proxy.through(database) }) }
}
