import type { Shelf, ShelfEntry, ShelfQuery, ShelfWrite } from '../../engine/engine.ts'
import type { Payload } from '../../model/payload.ts'
import { type Database, type Statement, textOf } from './driver.ts'
import { payloadColumn } from './rows.ts'
import type { Transactions } from './transactions.ts'

const selectEntry = 'select value, version from shelf where key = ?'

const upsertEntry = `
  insert into shelf (key, value, version) values (?, ?, ?)
  on conflict (key) do update set value = excluded.value, version = excluded.version`

const deleteEntry = 'delete from shelf where key = ?'

/** after, prefix, after, limit: bounded as in the listing of streams. */
const selectEntries = `
  select cast(key as blob), value, version from shelf
  where key >= max(?, ?) and +key > ? order by key limit ?`

/** Runs a verb when the engine is open, and again while another connection holds the lock. */
export type Call = <Result>(signal: AbortSignal | undefined, verb: () => Result) => Promise<Result>

/** The shelf in a table; each write is a transaction of its own, synced like an append. */
export function createShelf(db: Database, transactions: Transactions, call: Call): Shelf {
  const select: Statement<[Payload, number]> = db.prepare(selectEntry)
  const upsert: Statement = db.prepare(upsertEntry)
  const remove: Statement = db.prepare(deleteEntry)
  const selectFrom: Statement<[Uint8Array, Payload, number]> = db.prepare(selectEntries)

  const versionOf = (key: string): number => select.get(key)?.[1] ?? 0

  function agrees(version: number, { expectedVersion }: ShelfWrite): boolean {
    return expectedVersion === undefined || expectedVersion === version
  }

  function get(key: string): ShelfEntry | undefined {
    const row = select.get(key)
    return row && { key, value: row[0], version: row[1] }
  }

  function put(key: string, value: Payload, write: ShelfWrite): number | 'conflict' {
    const version = versionOf(key)
    if (!agrees(version, write)) return 'conflict'
    upsert.run(key, payloadColumn(value), version + 1)
    return version + 1
  }

  function remover(key: string, write: ShelfWrite): 'deleted' | 'conflict' {
    const version = versionOf(key)
    if (!agrees(version, write)) return 'conflict'
    if (version > 0) remove.run(key)
    return 'deleted'
  }

  function list({ prefix, after, limit }: ShelfQuery): readonly ShelfEntry[] {
    const entries: ShelfEntry[] = []
    for (const [bytes, value, version] of selectFrom.all(after, prefix, after, limit)) {
      const key = textOf(bytes)
      // Keys are in order, so those with the prefix stand at the front.
      if (!key.startsWith(prefix)) break
      entries.push({ key, value, version })
    }
    return entries
  }

  return {
    get: (key, signal) => call(signal, () => get(key)),
    put: (key, value, write, signal) => call(signal, () => transactions.write(() => put(key, value, write))),
    delete: (key, write, signal) => call(signal, () => transactions.write(() => remover(key, write))),
    list: (query, signal) => call(signal, () => list(query)),
  }
}
