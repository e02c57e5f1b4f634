import { expect, it, onTestFinished } from 'vitest'
import { freshDatabase } from '../../../../../test/postgres/database.ts'
import { onPostgres, type Postgres } from '../../../../../test/postgres/on-postgres.ts'
import { until } from '../../../../../test/projections/stock.ts'
import { memory } from '../../../engines/memory/index.ts'
import type { EventStore } from '../../../event-store.ts'
import type { Target } from '../../../model/target.ts'
import { openStore } from '../../../open-store.ts'
import { defineEvents, event } from '../../../schema/events.ts'
import { listProjections } from '../../admin.ts'
import { defineProjection, type Projection } from '../../projection.ts'
import { runProjections } from '../../run-projections.ts'
import { verifyProjection } from '../../verify.ts'
import { type Documents, documentTarget, type PostgresReadModel, postgresTarget } from './index.ts'

const events = defineEvents({ Sold: event<{ sku: string; cents: number }>() })

function bySql(target: Target<PostgresReadModel>, version: number): Projection<PostgresReadModel> {
  return defineProjection({
    ...{ name: 'sales', version, partitions: 2, events, target },
    empty: (db) => db.query('drop table if exists sales; create table sales (sku text primary key, cents int)'),
    on: {
      Sold: (db, { data: { sku, cents } }) =>
        db.query(
          'insert into sales values ($1, $2) on conflict (sku) do update set cents = sales.cents + excluded.cents',
          [sku, version * cents],
        ),
    },
  })
}

interface Sale {
  readonly cents: number
}

function inDocuments(target: Target<PostgresReadModel>, version: number): Projection<Documents<Sale>> {
  return defineProjection({
    ...{ name: 'sales', version, partitions: 2, events },
    target: documentTarget<Sale>(target, 'sales', { keys: ({ data }) => [(data as { sku: string }).sku] }),
    on: {
      Sold: async (sales, { data: { sku, cents } }) =>
        sales.put(sku, { cents: ((await sales.get(sku))?.cents ?? 0) + version * cents }),
    },
  })
}

onPostgres(({ cluster }) => {
  it('a new version in SQL is built beside the old one, shown when it has caught up, and found right', async () => {
    const { store, target } = await shop(cluster)
    const cents = async (): Promise<unknown> =>
      (await target.readModel.query('select sum(cents)::int as cents from sales')).rows[0]?.cents
    await using first = runProjections(store, [bySql(target, 1)], { leaseMs: 1_000 })
    await first.waitFor('sales', 40)
    expect(await cents()).toBe(400)
    await first.stop()
    const newer = bySql(target, 2)
    await using second = runProjections(store, [newer], { leaseMs: 1_000 })
    await untilShown(store, 2)
    expect(await cents()).toBe(800)
    expect(await verifyProjection(store, newer)).toMatchObject({ entries: 8, differences: 0 })
    await second.stop()
  })

  it('a new version in documents is built beside the old one, shown when it has caught up, and found right', async () => {
    const { store, target } = await shop(cluster)
    const [older, newer] = [inDocuments(target, 1), inDocuments(target, 2)]
    await using first = runProjections(store, [older], { leaseMs: 1_000 })
    await first.waitFor('sales', 40)
    expect(await older.target.readModel.get('sku 3')).toEqual({ cents: 50 })
    await first.stop()
    await using second = runProjections(store, [newer], { leaseMs: 1_000 })
    await untilShown(store, 2)
    expect(await newer.target.readModel.get('sku 3')).toEqual({ cents: 100 })
    expect(await verifyProjection(store, newer)).toMatchObject({ entries: 8, differences: 0 })
    await second.stop()
  })
})

/** Readers see a generation a moment before everybody agrees that they do. */
const untilShown = (store: EventStore, generation: number): Promise<void> =>
  until(async () => (await listProjections(store))[0]?.published === generation)

async function shop(
  cluster: Postgres['cluster'],
): Promise<{ readonly store: EventStore; readonly target: Target<PostgresReadModel> }> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  const target = postgresTarget({ url: database.url, schema: 'views' })
  onTestFinished(() => target.close())
  const store = openStore({ engine: memory() })
  for (let nth = 0; nth < 40; nth++) {
    await store.append(`Shop-${nth % 8}`, [{ type: 'Sold', data: { sku: `sku ${nth % 8}`, cents: 10 } }])
  }
  return { store, target }
}
