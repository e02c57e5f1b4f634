import { randomUUID } from 'node:crypto'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { payloadOf, typeOf } from '../load/events.ts'

const schema = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  create table events (
    position integer primary key,
    id text not null,
    stream text not null,
    version integer not null,
    type text not null,
    recorded_at integer not null,
    data text not null,
    unique (stream, version)
  )`

/** A plain events table, as one would write it by hand: text as it is, one unique index for the versions. */
export function createDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path)
  db.exec(schema)
  return db
}

/** The statement that appends one event. */
export function insertInto(db: DatabaseSync): StatementSync {
  return db.prepare('insert into events (id, stream, version, type, recorded_at, data) values (?, ?, ?, ?, ?, ?)')
}

/** Appends the nth event of a run, encoding its payload as a caller would have to. */
export function insertEvent(insert: StatementSync, streamId: string, version: number, nth: number): void {
  insert.run(randomUUID(), streamId, version, typeOf(streamId, version), Date.now(), JSON.stringify(payloadOf(nth)))
}
