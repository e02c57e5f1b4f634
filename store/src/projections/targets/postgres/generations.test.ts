import { describe, expect, it, onTestFinished } from 'vitest'
import { type FreshPlace, first, freshDatabase } from '../../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../../test/postgres/on-postgres.ts'
import { connected, execute, freshRole } from '../../../../../test/postgres/role.ts'
import { firstCheckpoint, type Generations, type Target, type TargetEntry } from '../../../model/target.ts'
import { type PostgresReadModel, postgresTarget } from './index.ts'

const schema = 'views'

/** A target with generations of `stock`, built by SQL. */
interface Shop {
  readonly database: FreshPlace
  readonly target: Target<PostgresReadModel>
  readonly generations: Generations<PostgresReadModel>
  build(generation: number, sql: string, projection?: string): Promise<void>
  publish(generation: number, projection?: string): Promise<void>
}

onPostgres(({ cluster }) => {
  async function shop(): Promise<Shop> {
    const database = await freshDatabase(await cluster())
    onTestFinished(database.drop)
    const target = postgresTarget({ url: database.url, schema })
    onTestFinished(() => target.close())
    const { generations } = target
    if (generations === undefined) throw new Error('PostgreSQL has generations.')
    return {
      ...{ database, target, generations },
      build: async (generation, sql, projection = 'stock') => {
        const build = await generations.open({ projection, generation })
        const apply = (db: PostgresReadModel) => db.query(sql)
        await build.write({ projection, expected: 'any', next: firstCheckpoint(1), empty: true, apply })
      },
      publish: (generation, projection = 'stock') => generations.publish({ projection, generation }),
    }
  }

  async function entriesOf({ generations }: Shop, generation: number): Promise<readonly TargetEntry[]> {
    const entries: TargetEntry[] = []
    for await (const entry of generations.entries({ projection: 'stock', generation })) entries.push(entry)
    return entries
  }

  describe('readers of a published generation', () => {
    it('find its tables and views in the schema of the target, and may be anybody with the right to', async () => {
      const { database, build, publish } = await shop()
      await build(
        1,
        'create table stock (sku text); create view words as select sku from stock; insert into stock values (1)',
      )
      await publish(1)
      const role = await freshRole(database)
      await execute(
        database,
        `grant usage on schema ${schema} to ${role.name}; grant select on ${schema}.words to ${role.name}`,
      )
      expect(await first(role, `select sku from ${schema}.words`)).toBe('1')
      await expect(first(role, `select sku from ${schema}.stock`)).rejects.toMatchObject({ code: '42501' })
    })

    it.each([
      ['the same columns', 'sku text, cups int'],
      ['one column more', 'sku text, cups int, pots int'],
      ['other columns', 'cups bigint, sku varchar(9) collate "C"'],
    ])('keep their rights over one with %s', async (_, columns) => {
      const { database, build, publish } = await shop()
      await build(1, 'create table stock (sku text, cups int)')
      await build(2, `create table stock (${columns}); insert into stock (sku) values ('tea')`)
      await publish(1)
      const role = await freshRole(database)
      await execute(
        database,
        `grant usage on schema ${schema} to ${role.name}; grant select on ${schema}.stock to ${role.name} with grant option;
         grant select on ${schema}.stock to public`,
      )
      await publish(2)
      expect(await first(role, `select sku from ${schema}.stock`)).toBe('tea')
      const rights =
        "select string_agg(grantee || ' ' || is_grantable, ',' order by grantee) from information_schema.table_privileges"
      const granted = `${rights} where table_name = 'stock' and table_schema = '${schema}' and grantee <> 'postgres'`
      expect(await first(database, granted)).toBe(`PUBLIC NO,${role.name} YES`)
    })

    it('no longer find what it does not have', async () => {
      const { target, build, publish } = await shop()
      await build(1, 'create table stock (sku text); create table words (word text)')
      await build(2, 'create table stock (sku text)')
      await publish(1)
      await publish(2)
      await expect(target.readModel.query('select * from words')).rejects.toMatchObject({ code: '42P01' })
    })

    it('keep what they have built on a view, or hear that it is in the way', async () => {
      const { database, build, publish, generations } = await shop()
      await build(1, 'create table stock (sku text)')
      await build(2, "create table stock (sku text, cups int); insert into stock values ('tea')")
      await build(3, 'create table stock (cups int)')
      await publish(1)
      await execute(database, `create view public.report as select sku from ${schema}.stock`)
      await publish(2)
      expect(await first(database, 'select sku from public.report')).toBe('tea')
      await expect(publish(3)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: /report/ })
      expect(await generations.published('stock')).toBe(2)
    })

    it('see it while it is emptied and built anew by DDL, with their rights and what they built', async () => {
      const { database, build, publish } = await shop()
      await build(1, 'create table stock (sku text collate "C", cups numeric(9, 2)[])')
      await publish(1)
      await execute(
        database,
        `grant select on ${schema}.stock to public; create view public.report as select * from ${schema}.stock`,
      )
      await build(
        1,
        'drop table stock; create table stock (sku text collate "C", cups numeric(9, 2)[]); insert into stock values (\'tea\')',
      )
      expect(await first(database, 'select sku from public.report')).toBe('tea')
      const granted = `select has_table_privilege('public', '${schema}.stock', 'select')`
      expect(await first(database, granted)).toBe(true)
    })

    it('are kept waiting for a moment only by a publish that waits for one of them', async () => {
      const { database, build, publish } = await shop()
      for (const generation of [1, 2]) await build(generation, `create table stock as select ${generation} as n`)
      await publish(1)
      const slow = await connected(database)
      await slow.query(`begin; select * from ${schema}.stock`)
      const publishing = publish(2)
      expect(await first(database, `select n from ${schema}.stock`)).toBe(1)
      await slow.query('commit')
      await publishing
      expect(await first(database, `select n from ${schema}.stock`)).toBe(2)
    })
  })

  it('does not show a table under a name that something else has', async () => {
    const { target, build, publish, generations } = await shop()
    await build(1, 'create table stock (sku text)')
    await build(1, 'create table stock (sku text)', 'other')
    await publish(1, 'other')
    await expect(publish(1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: /"stock"/ })
    expect(await generations.published('stock')).toBeUndefined()
    expect((await target.readModel.query('select * from stock')).rows).toEqual([])
  })

  it('keeps each generation in a schema of its own, which goes when it is dropped', async () => {
    const { database, build, generations } = await shop()
    await build(1, 'create table stock (sku text)')
    await generations.drop({ projection: 'stock', generation: 1 })
    await build(1, 'create table stock (sku text)')
    const schemas = "select string_agg(nspname, ',' order by nspname) from pg_namespace where nspname like 'views%'"
    expect(await first(database, schemas)).toBe('views,views_g2')
  })

  it('lists rows of every kind of table by key, whatever the session is set to', async () => {
    const { database, build, ...shopping } = await shop()
    await execute(database, `alter database ${database.name} set timezone = 'Asia/Tokyo'`)
    await build(
      1,
      `create table "quoted "" 'name" (b int, a text, at timestamptz, primary key (a, b));
       create table twice (word text, noted timestamptz default clock_timestamp());
       comment on column twice.noted is 'varve: not compared';
       create table parts (id int primary key, bytes bytea) partition by range (id);
       create table part partition of parts for values from (0) to (9);
       create view derived as select 1 as one;
       insert into "quoted "" 'name" values (10, 'x', '2026-01-01T00:00:00Z'), (9, 'x', null);
       insert into twice values ('x'), ('x'), (null);
       insert into parts values (1, '\\x01ff')`,
    )
    const entries = await entriesOf({ database, build, ...shopping }, 1)
    expect(entries.map(({ key, value }) => `${key} ${value}`)).toEqual([
      '["parts", 1] {"id": 1, "bytes": "\\\\x01ff"}',
      '["quoted \\" \'name", "x", 10] {"a": "x", "b": 10, "at": "2026-01-01T00:00:00+00:00"}',
      '["quoted \\" \'name", "x", 9] {"a": "x", "b": 9, "at": null}',
      '["twice", {"word": "x"}, 1] {"word": "x"}',
      '["twice", {"word": "x"}, 2] {"word": "x"}',
      '["twice", {"word": null}, 1] {"word": null}',
    ])
  })
})
