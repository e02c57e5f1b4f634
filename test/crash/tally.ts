import { defineEvents, defineProjection, type EventStore, event, openStore, type Projection } from 'varve'
import { sqlite } from 'varve/sqlite'
import { type SqliteDatabase, sqliteTarget } from 'varve/targets/sqlite'

/** What happens in a till: enough to see by the sums whether an event was lost, doubled or taken out of order. */
export const tillEvents = defineEvents({ Rung: event<{ till: number; cents: number }>() })

/** The log that is projected. */
export function openLog(folder: string): EventStore {
  return openStore({ engine: sqlite({ path: `${folder}/log.db` }) })
}

/** What one till comes to. The digest depends on the order of its events. */
export interface Tally {
  readonly cents: number
  readonly events: number
  readonly digest: number
}

/** A till after one more event. */
export function tallied({ cents, events, digest }: Tally, added: number): Tally {
  return { cents: cents + added, events: events + 1, digest: (digest * 31 + added) % 1_000_000_007 }
}

/** The projection that is killed: per till the sums, in several statements, so that half an event would show. */
export function tallyProjection(folder: string): Projection<SqliteDatabase> {
  return defineProjection({
    name: 'tally',
    events: tillEvents,
    target: sqliteTarget({ path: `${folder}/read-model.db` }),
    empty: (db) => {
      db.exec('drop table if exists tally')
      db.exec('create table tally (till integer primary key, cents integer, events integer, digest integer) strict')
    },
    on: {
      Rung: (db, { data: { till, cents } }) => {
        db.prepare('insert into tally values (?, 0, 0, 0) on conflict do nothing').run(till)
        const row = db.prepare('select cents, events, digest from tally where till = ?').get(till)
        const next = tallied(row as unknown as Tally, cents)
        db.prepare('update tally set cents = ?, events = ? where till = ?').run(next.cents, next.events, till)
        db.prepare('update tally set digest = ? where till = ?').run(next.digest, till)
      },
    },
  })
}
