/** A process of the chaos test: runs three projections and takes part in two consumer groups until it is killed. */
import { Pool } from 'pg'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import { consume } from '../../store/src/groups/consume.ts'
import type { Delivery } from '../../store/src/groups/delivery.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { openStore } from '../../store/src/open-store.ts'
import { failureRules, retryThen } from '../../store/src/projections/failure-policy.ts'
import { defineProjection } from '../../store/src/projections/projection.ts'
import { runProjections } from '../../store/src/projections/run-projections.ts'
import { postgresTarget } from '../../store/src/projections/targets/postgres/index.ts'
import { sqliteTarget } from '../../store/src/projections/targets/sqlite/index.ts'
import { type ChaosOrder, chaosEvents, groups, leaseMs, Poisoned } from './notes.ts'

const { url, readModelPath, name } = JSON.parse(process.argv[2] ?? '') as ChaosOrder
const store = openStore({ engine: postgres({ url, connectionsMax: 6 }) })
const pool = new Pool({ connectionString: url, max: 4 })
// A connection that breaks while nobody uses it is replaced by the next one.
pool.on('error', () => undefined)

const onFailure = failureRules([
  { when: ({ event }) => event !== undefined, decide: retryThen('park_key', { attemptsMax: 2, pauseMs: 20 }) },
])
const inPostgres = postgresTarget({ url, connectionsMax: 6 })
const inFile = sqliteTarget({ path: readModelPath })
const given = { events: chaosEvents, onFailure }

/** A position twice is an error that stops it: nothing is hidden by an upsert. */
const seen = defineProjection({
  ...{ ...given, name: 'seen', partitions: 4, target: inPostgres },
  empty: (db) => db.query('create table seen (position bigint primary key, stream text not null)'),
  on: {
    Noted: async (db, { position, streamId, data }) => {
      if (data.isPoison) throw new Poisoned()
      await db.query('insert into seen (position, stream) values ($1, $2)', [position, streamId])
    },
  },
})
const totals = defineProjection({
  ...{ ...given, name: 'totals', target: inPostgres },
  empty: (db) =>
    db.query('create table totals (stream text primary key, notes integer not null, last bigint not null)'),
  on: {
    Noted: async (db, { position, streamId, data }) => {
      if (data.isPoison) throw new Poisoned()
      await db.query(
        `insert into totals values ($1, 1, $2)
         on conflict (stream) do update set notes = totals.notes + 1, last = excluded.last`,
        [streamId, position],
      )
    },
  },
})
const filed = defineProjection({
  ...{ ...given, name: 'filed', target: inFile },
  empty: (db) => db.exec('create table filed (position integer primary key, stream text not null) strict'),
  on: {
    Noted: (db, { position, streamId, data }) => {
      if (data.isPoison) throw new Poisoned()
      db.prepare('insert into filed values (?, ?)').run(position, streamId)
    },
  },
})

runProjections(store, [seen, totals, filed], { instance: name, leaseMs, log: () => undefined })
for (const group of groups) void takePart(group)
process.send?.('ready')

async function takePart(group: string): Promise<void> {
  for (;;) {
    try {
      for await (const delivery of consume(store, group, { name })) await handled(group, delivery)
    } catch (error) {
      // The database is away, or this process was taken for dead: it takes part anew.
      if (isVarveError(error, 'STORE_CLOSED')) return
    }
  }
}

async function handled(group: string, delivery: Delivery): Promise<void> {
  const { position, streamId, data } = delivery.event
  try {
    if ((data as { isPoison: boolean }).isPoison) return await delivery.nack('park', { reason: 'poison' })
    await pool.query('insert into handled ("group", position, stream) values ($1, $2, $3)', [group, position, streamId])
    await delivery.ack()
  } catch (error) {
    // What was lost is somebody else's now; what could not be noted comes again.
    if (!isVarveError(error)) await delivery.nack('retry', { reason: String(error) }).catch(() => undefined)
  }
}
