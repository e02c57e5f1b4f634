import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { postgreSQLProjection } from '@event-driven-io/emmett-postgresql'
import { Pool } from 'pg'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import type { RecordedEvent } from '../../store/src/model/event.ts'
import { openStore } from '../../store/src/open-store.ts'
import { defineProjection, type Projection } from '../../store/src/projections/projection.ts'
import { runProjections } from '../../store/src/projections/run-projections.ts'
import { type PostgresReadModel, postgresTarget } from '../../store/src/projections/targets/postgres/index.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'
import { freshDatabase } from '../../test/postgres/database.ts'
import { type Measured, processCosts } from '../harness/measured.ts'
import { serverCosts } from '../harness/server-costs.ts'
import type { Trial } from '../harness/trial.ts'
import { latencies } from '../load/appenders.ts'
import { eventsPerStream, streamName, typeOf } from '../load/events.ts'
import { emmettStore, type Ordered, openEmmett } from '../peers/emmett.ts'
import { connectionsMax, type Peer, verb } from '../peers/peer.ts'
import { openVarve } from '../peers/varve.ts'
import { transactions } from './transactions.ts'

/** Who keeps a read model up to date, on which server. */
export interface ConsumerSettings {
  readonly consumer: 'varve' | 'emmett'
  /** Whether a batch is one statement, and Emmett pulls 1,000 events at a time instead of the 100 of its default. */
  readonly isTuned: boolean
  readonly partitions: number
  readonly url: string
  /** The process id of the server. */
  readonly postmaster: number
  /** Events that are caught up with, or appends that are timed. */
  readonly events: number
  readonly projections: number
  readonly windowMs: number
}

interface Order {
  readonly total_cents: number
}

/** The table of the nth projection, and what its events do to it: one at a time, and a batch at a time. */
function sqlOf(nth: number) {
  const table = nth === 0 ? 'totals' : `totals_${nth}`
  return {
    make: `create table ${table} (id text primary key, events integer, cents bigint)`,
    one: `insert into ${table} (id, events, cents) values ($1, 1, $2)
      on conflict (id) do update set events = ${table}.events + 1, cents = ${table}.cents + excluded.cents`,
    many: `insert into ${table}
      select id, count(*), sum(cents) from unnest($1::text[], $2::bigint[]) as one (id, cents) group by id order by id
      on conflict (id) do update set events = ${table}.events + excluded.events, cents = ${table}.cents + excluded.cents`,
  }
}

const types = [...Array(10).keys()].flatMap((nth) =>
  [0, 1, 2, 3, 4].map((verb) => typeOf(streamName('fill', nth, 0), verb)),
)
const definitions = defineEvents(Object.fromEntries(types.map((type) => [type, event<Order>()])))

/** A running consumer of either kind. */
interface Consumer {
  readonly peer: Peer
  /** Where the totals are read. */
  readonly totals: string
  begin(projections: number): Promise<void>
  close(): Promise<void>
}

async function varve({ isTuned, partitions }: ConsumerSettings, url: string): Promise<Consumer> {
  const store = openStore({ engine: postgres({ url, connectionsMax }) })
  const target = postgresTarget({ url, connectionsMax })
  const define = (nth: number): Projection<PostgresReadModel> => {
    const { make, one, many } = sqlOf(nth)
    const handlers = isTuned
      ? { onBatch: (db: PostgresReadModel, batch: readonly RecordedEvent[]) => db.query(many, arraysOf(batch)) }
      : {
          on: Object.fromEntries(
            types.map((type) => [
              type,
              (db: PostgresReadModel, { streamId, data }: RecordedEvent) =>
                db.query(one, [streamId, (data as Order).total_cents]),
            ]),
          ),
        }
    return defineProjection({
      ...{ name: `totals-${nth}`, partitions, events: definitions, target },
      empty: (db) => db.query(make),
      ...handlers,
    })
  }
  const stopping = new AbortController()
  let done: Promise<void> = Promise.resolve()
  return {
    peer: await openVarve(url),
    totals: 'varve_read_models.totals',
    begin: async (projections) => {
      const all = [...Array(projections).keys()].map(define)
      const running = runProjections(store, all, { signal: stopping.signal })
      done = running.done
      for (const { name } of all) await running.waitFor(name, 0)
    },
    close: async () => {
      stopping.abort()
      await done
      await target.close()
      await store.close()
    },
  }
}

async function emmett({ isTuned }: ConsumerSettings, url: string): Promise<Consumer> {
  const pool = new Pool({ connectionString: url, max: connectionsMax })
  pool.on('error', () => undefined)
  await pool.query(sqlOf(0).make)
  const store = await emmettStore(url, pool)
  const consumer = store.consumer(isTuned ? { pulling: { batchSize: 1_000, pullingFrequencyInMs: 10 } } : {})
  const projection = (nth: number) => {
    const { one, many } = sqlOf(nth)
    return postgreSQLProjection<Ordered>({
      name: `totals-${nth}`,
      canHandle: types,
      handle: async (events, { connection: { client } }) => {
        const page = events.map(({ data, metadata: { streamName: streamId } }) => ({ streamId, data }))
        if (isTuned) await client.query(many, arraysOf(page))
        else for (const { streamId, data } of page) await client.query(one, [streamId, data.total_cents])
      },
    })
  }
  return {
    peer: await openEmmett(url),
    totals: 'totals',
    begin: async (projections) => {
      for (let nth = 1; nth < projections; nth++) await pool.query(sqlOf(nth).make)
      for (let nth = 0; nth < projections; nth++)
        consumer.projector({ projection: projection(nth), startFrom: 'BEGINNING' })
      void consumer.start()
    },
    close: async () => {
      await consumer.close()
      await store.close()
      await pool.end().catch(() => undefined)
    },
  }
}

function arraysOf(page: readonly { readonly streamId: string; readonly data: unknown }[]): unknown[] {
  return [page.map(({ streamId }) => streamId), page.map(({ data }) => (data as Order).total_cents)]
}

/** For so long nothing may come, in milliseconds. */
const stillMs = 20_000

const catchUp: Trial<ConsumerSettings> = (settings) =>
  onFresh(settings, async (consumer, pool) => {
    const { events } = settings
    await filled(consumer.peer, events)
    const startedAt = performance.now()
    await consumer.begin(1)
    let [there, movedAt] = [0, startedAt]
    await until(async () => {
      const count = await counted(pool, consumer.totals)
      if (count > there) [there, movedAt] = [count, performance.now()]
      if (performance.now() - movedAt > stillMs) throw new Error(`${there} of ${events} events are all that comes`)
      return there === events
    }, 20)
    return { eventsPerSecond: (events * 1_000) / (performance.now() - startedAt) }
  })

/** Pause between timed appends: by then every wake-up of the one before is over. */
const quietMs = 10

/** From the append to the row that a reader of the table sees. */
const live: Trial<ConsumerSettings> = (settings) =>
  onFresh(settings, async ({ peer, totals, begin }, pool) => {
    const append = verb(peer, 'appendOne')
    await append('Order-1', 0, 0)
    await begin(1)
    await until(async () => (await counted(pool, totals)) === 1, 20)
    const samplesMs: number[] = []
    for (let nth = 1; nth <= settings.events; nth++) {
      await sleep(quietMs)
      const startedAt = performance.now()
      await append('Order-1', nth, nth)
      await until(async () => (await counted(pool, totals)) === nth + 1, 0)
      samplesMs.push(performance.now() - startedAt)
    }
    return latencies(samplesMs)
  })

/** What many projections cost while nothing happens. */
const idle: Trial<ConsumerSettings> = (settings) =>
  onFresh(settings, async ({ peer, begin }, _pool, url) => {
    await verb(peer, 'appendMany')('Order-1', eventsPerStream, 0)
    await begin(settings.projections)
    // Polls back off while nothing happens: what is measured has been idle for a while.
    await sleep(12_000)
    const [client, server] = [processCosts(), serverCosts(settings.postmaster)]
    const before = await transactions(settings.url, url)
    await sleep(settings.windowMs)
    const percent = (us: number): number => us / 10 / settings.windowMs
    const [clientUs, serverUs] = [client().cpuUs, server()]
    return {
      queriesPerSecond: ((await transactions(settings.url, url)) - before) / (settings.windowMs / 1000),
      clientPercentOfCore: percent(clientUs),
      ...(serverUs !== undefined && { serverPercentOfCore: percent(serverUs) }),
    }
  })

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<ConsumerSettings>>> = { catchUp, live, idle }

async function onFresh(
  settings: ConsumerSettings,
  measure: (consumer: Consumer, pool: Pool, url: string) => Promise<Measured>,
): Promise<Measured> {
  await using database = await freshDatabase(settings)
  const pool = new Pool({ connectionString: database.url, max: 1 })
  const consumer = await (settings.consumer === 'varve' ? varve : emmett)(settings, database.url)
  const measured = await measure(consumer, pool, database.url)
  await consumer.close()
  await consumer.peer.close()
  await pool.end()
  return measured
}

/**
 * Streams of 20, one append after the other: of 4,000 events appended sixteen at a time Emmett's consumer
 * passed over 83.
 */
async function filled(peer: Peer, events: number): Promise<void> {
  for (let nth = 0; nth < events / eventsPerStream; nth++) {
    await verb(peer, 'appendMany')(streamName('fill', nth, 0), eventsPerStream, nth * eventsPerStream)
  }
}

/** Events that are in the totals; 0 before there are any. */
async function counted(pool: Pool, totals: string): Promise<number> {
  const { rows } = await pool.query(`select to_regclass($1) is not null as exists`, [totals])
  if (rows[0]?.exists !== true) return 0
  return Number((await pool.query(`select coalesce(sum(events), 0)::int as events from ${totals}`)).rows[0]?.events)
}

async function until(isSo: () => Promise<boolean>, pauseMs: number): Promise<void> {
  while (!(await isSo())) if (pauseMs > 0) await sleep(pauseMs)
}
