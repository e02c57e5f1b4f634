import { expect, it, onTestFinished } from 'vitest'
import { freshDatabase } from '../../../../../test/postgres/database.ts'
import { onPostgres, type Postgres } from '../../../../../test/postgres/on-postgres.ts'
import { memory } from '../../../engines/memory/index.ts'
import { openStore } from '../../../open-store.ts'
import { defineEvents, event } from '../../../schema/events.ts'
import { parkedInProjection } from '../../admin.ts'
import { defineProjection, type Projection } from '../../projection.ts'
import { runProjections } from '../../run-projections.ts'
import { type PostgresReadModel, postgresTarget } from './index.ts'

const events = defineEvents({ Sold: event<{ sku: string; cents: number }>() })

/** A row for each article, by one statement for a batch. */
function sales(url: string, sql: string): { readonly projection: Projection<PostgresReadModel>; statements(): number } {
  let statements = 0
  const projection = defineProjection({
    ...{ name: 'sales', events, target: postgresTarget({ url }), onFailure: () => 'park_event' as const },
    empty: (db) => db.query('create table sales (sku text primary key, cents int)'),
    onBatch: (db, batch) => {
      statements++
      return db.query(sql, [batch.map(({ data }) => data.sku), batch.map(({ data }) => data.cents)])
    },
  })
  return { projection, statements: () => statements }
}

const summed = `insert into sales
  select sku, sum(cents) from unnest($1::text[], $2::bigint[]) as sold (sku, cents) group by sku order by sku
  on conflict (sku) do update set cents = sales.cents + excluded.cents`

/** PostgreSQL refuses to touch one row twice in one statement (21000). */
const notSummed = `insert into sales
  select sku, cents from unnest($1::text[], $2::bigint[]) as sold (sku, cents)
  on conflict (sku) do update set cents = sales.cents + excluded.cents`

async function shop(cluster: Postgres['cluster'], cents: readonly number[]) {
  const [database, store] = [await freshDatabase(await cluster()), openStore({ engine: memory() })]
  onTestFinished(async () => {
    await store.close()
    await database[Symbol.asyncDispose]()
  })
  await store.append(
    'Shop-1',
    cents.map((some, nth) => ({ type: 'Sold', data: { sku: `sku-${nth % 8}`, cents: some } })),
  )
  return { store, url: database.url }
}

onPostgres(({ cluster }) => {
  it.each([
    ['once for all of them', summed],
    ['in parts where a statement may not have a row twice', notSummed],
  ])('a batch of events is written by one statement, %s', async (_, sql) => {
    const { store, url } = await shop(cluster, Array(200).fill(10))
    const { projection, statements } = sales(url, sql)
    await using running = runProjections(store, [projection])
    await running.waitFor('sales', 200)
    const { rows } = await projection.target.readModel.query(
      'select sum(cents)::int as cents, count(*)::int from sales',
    )
    expect(rows).toEqual([{ cents: 2_000, count: 8 }])
    expect(statements()).toBeLessThan(sql === summed ? 10 : 100)
    await projection.target.close()
  })

  it('the one event of a batch that PostgreSQL refuses is set aside, and all others are there', async () => {
    const { store, url } = await shop(cluster, [...Array(100).fill(10), 2 ** 40, ...Array(99).fill(10)])
    const { projection } = sales(url, summed)
    await using running = runProjections(store, [projection], { log: () => undefined })
    await running.waitFor('sales', 200)
    const { rows } = await projection.target.readModel.query('select sum(cents)::int as cents from sales')
    expect(rows).toEqual([{ cents: 1_990 }])
    const parked = []
    for await (const one of parkedInProjection(store, 'sales')) parked.push(one)
    expect(parked).toMatchObject([{ position: 101, reason: 'integer out of range' }])
    await projection.target.close()
  })
})
