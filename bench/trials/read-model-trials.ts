import { performance } from 'node:perf_hooks'
import { Pool, type PoolClient } from 'pg'
import type { EventStore } from '../../store/src/event-store.ts'
import type { RecordedEvent } from '../../store/src/model/event.ts'
import type { Target } from '../../store/src/model/target.ts'
import { defineProjection, type Projection } from '../../store/src/projections/projection.ts'
import { runProjections } from '../../store/src/projections/run-projections.ts'
import {
  type Documents,
  documentTarget,
  type PostgresReadModel,
  postgresTarget,
} from '../../store/src/projections/targets/postgres/index.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'
import { freshDatabase } from '../../test/postgres/database.ts'
import { openBenchStore } from '../engines.ts'
import type { Measured } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { typeOf } from '../load/events.ts'
import { fillStore, shortStreams } from '../load/fill.ts'

/** How much, and where. */
export interface ReadModelSettings {
  /** The superuser's, in any database of the server: each trial makes a database of its own. */
  readonly url: string
  /** The engine of the store that is read. */
  readonly engine: string
  readonly events: number
  readonly partitions: number
}

interface Order {
  readonly total_cents: number
  readonly customer_id: string
}

interface Total {
  readonly events: number
  readonly cents: number
  readonly customer: string
}

const batchEvents = 500
const emptyTotal: Total = { events: 0, cents: 0, customer: '' }

/** The order a stream stands for, after one more event. */
function added({ events, cents }: Total, { data }: RecordedEvent): Total {
  const { total_cents, customer_id } = data as Order
  return { events: events + 1, cents: cents + total_cents, customer: customer_id }
}

const categories = [
  ...['Order', 'Payment', 'Shipment', 'Invoice', 'Customer', 'Product', 'Basket', 'Refund', 'Stock', 'Review'],
]
const definitions = defineEvents(
  Object.fromEntries(
    categories.flatMap((category) => [0, 1, 2, 3, 4].map((verb) => [typeOf(`${category}-1`, verb), event<Order>()])),
  ),
)

/** What anybody would write who knows how: pages of the log, each written in one transaction with its place. */
async function byHand(
  store: EventStore,
  pool: Pool,
  table: string,
  write: (client: PoolClient, page: readonly RecordedEvent[], position: number) => Promise<unknown>,
): Promise<void> {
  await pool.query(`${table}; create table place (position bigint); insert into place values (0)`)
  for (let from = 1; ; ) {
    const page = await store.readAll({ from, limit: batchEvents }).toArray()
    const last = page.at(-1)
    if (last === undefined) return
    const client = await pool.connect()
    await client.query('begin')
    await write(client, page, last.position)
    await client.query('update place set position = $1', [last.position])
    await client.query('commit')
    client.release()
    from = last.position + 1
  }
}

/** The documents of a page in one query and one upsert. */
const documentLoop: Trial<ReadModelSettings> = (settings, folder) =>
  onFresh(settings, folder, (store, pool) =>
    byHand(
      store,
      pool,
      'create table totals (id text primary key, document jsonb not null, position bigint not null)',
      async (client, page, position) => {
        const ids = [...new Set(page.map(({ streamId }) => streamId))]
        const { rows } = await client.query('select id, document from totals where id = any($1)', [ids])
        const totals = new Map<string, Total>(rows.map(({ id, document }) => [id, document]))
        for (const one of page) totals.set(one.streamId, added(totals.get(one.streamId) ?? emptyTotal, one))
        await client.query(
          `insert into totals select id, document, $3 from unnest($1::text[], $2::jsonb[]) as put (id, document)
           on conflict (id) do update set document = excluded.document, position = excluded.position`,
          [[...totals.keys()], [...totals.values()].map((total) => JSON.stringify(total)), position],
        )
      },
    ),
  )

const rows = 'create table totals (id text primary key, events integer, cents bigint)'
const sum = `insert into totals
  select id, count(*), sum(cents) from unnest($1::text[], $2::bigint[]) as one (id, cents) group by id order by id
  on conflict (id) do update set events = totals.events + excluded.events, cents = totals.cents + excluded.cents`

function arraysOf(page: readonly RecordedEvent[]): unknown[] {
  return [page.map(({ streamId }) => streamId), page.map(({ data }) => (data as Order).total_cents)]
}

/** The rows of a page in one statement. */
const rowLoop: Trial<ReadModelSettings> = (settings, folder) =>
  onFresh(settings, folder, (store, pool) =>
    byHand(store, pool, rows, (client, page) => client.query(sum, arraysOf(page))),
  )

const documents: Trial<ReadModelSettings> = (settings, folder) =>
  running(settings, folder, (target) => {
    const count = async (totals: Documents<Total>, one: RecordedEvent): Promise<void> =>
      totals.put(one.streamId, added((await totals.get(one.streamId)) ?? emptyTotal, one))
    return defineProjection({
      ...{ name: 'totals', partitions: settings.partitions, events: definitions },
      target: documentTarget<Total>(target, 'totals', { keys: ({ streamId }) => [streamId] }),
      on: Object.fromEntries(Object.keys(definitions).map((type) => [type, count])),
    })
  })

/** User SQL, a statement per event. */
const statements: Trial<ReadModelSettings> = (settings, folder) =>
  running(settings, folder, (target) => {
    const upsert = `insert into totals (id, events, cents) values ($1, 1, $2)
      on conflict (id) do update set events = totals.events + 1, cents = totals.cents + excluded.cents`
    const count = (db: PostgresReadModel, { streamId, data }: RecordedEvent): unknown =>
      db.query(upsert, [streamId, (data as Order).total_cents])
    return defineProjection({
      ...{ name: 'totals', partitions: settings.partitions, events: definitions, target },
      empty: (db) => db.query(rows),
      on: Object.fromEntries(Object.keys(definitions).map((type) => [type, count])),
    })
  })

/** User SQL, a statement per batch. */
const batches: Trial<ReadModelSettings> = (settings, folder) =>
  running(settings, folder, (target) =>
    defineProjection({
      ...{ name: 'totals', partitions: settings.partitions, events: definitions, target },
      empty: (db) => db.query(rows),
      onBatch: (db, batch) => db.query(sum, arraysOf(batch)),
    }),
  )

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<ReadModelSettings>>> = {
  documentLoop,
  rowLoop,
  documents,
  statements,
  batches,
}

function running<ReadModel>(
  settings: ReadModelSettings,
  folder: string,
  define: (target: Target<PostgresReadModel>) => Projection<ReadModel>,
): Promise<Measured> {
  return onFresh(settings, folder, async (store, pool) => {
    const instance = runProjections(store, [define(postgresTarget({ pool }))])
    await instance.waitFor('totals', settings.events, { timeoutMs: 600_000 })
    await instance.stop()
  })
}

async function onFresh(
  { url, engine, events }: ReadModelSettings,
  folder: string,
  catchUp: (store: EventStore, pool: Pool) => Promise<void>,
): Promise<Measured> {
  await using store = openBenchStore(engine, folder)
  await fillStore(store, shortStreams(events))
  await using database = await freshDatabase({ url })
  const pool = new Pool({ connectionString: database.url, max: 16 })
  try {
    const startedAt = performance.now()
    await catchUp(store, pool)
    return { eventsPerSecond: (events * 1_000) / (performance.now() - startedAt) }
  } finally {
    await pool.end()
  }
}
