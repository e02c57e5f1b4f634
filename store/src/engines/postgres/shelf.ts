import type { Shelf, ShelfEntry } from '../../engine/engine.ts'
import type { Payload } from '../../model/payload.ts'
import { bytesOf, textOf } from './batch.ts'
import type { Call } from './call.ts'
import { asText, type PostgresClient, type Row } from './driver.ts'
import { decodeName, encodeName } from './names.ts'
import { payload } from './rows.ts'

/** An entry counts as written only when it is on disk, also where the database says otherwise. */
const durably =
  "set_config('synchronous_commit', case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, true)"

const columns = 's.key, s.version, s.value, s.value_bytes'

/** $1: key */
const selectEntry = (schema: string): string => `select ${columns} from ${schema}.shelf s where s.key = $1`

/** $1: key, $2: text, $3: bytes */
const upsert = (schema: string): string => `
  insert into ${schema}.shelf as s (key, version, value, value_bytes) values ($1, 1, $2, $3)
  on conflict (key) do update set version = s.version + 1, value = excluded.value, value_bytes = excluded.value_bytes
  returning s.version, ${durably}`

const insert = (schema: string): string => `
  insert into ${schema}.shelf as s (key, version, value, value_bytes) values ($1, 1, $2, $3)
  on conflict (key) do nothing returning s.version, ${durably}`

/** $1: key, $2: text, $3: bytes, $4: expected version */
const update = (schema: string): string => `
  update ${schema}.shelf as s set version = s.version + 1, value = $2, value_bytes = $3
  where s.key = $1 and s.version = $4 returning s.version, ${durably}`

/** $1: key, $2: expected version or null. What is left afterwards is a conflict. */
const remove = (schema: string): string => `
  with removed as (
    delete from ${schema}.shelf s where s.key = $1 and ($2::bigint is null or s.version = $2) returning ${durably})
  select (select count(*) from removed), (select count(*) from ${schema}.shelf s where s.key = $1)`

/** $1: prefix, $2: after, $3: limit */
const selectEntries = (schema: string): string => `
  select ${columns} from ${schema}.shelf s
  where s.key >= $1 and s.key > $2 and starts_with(s.key, $1) and s.key <= $1 || repeat(chr(1114111), 512)
  order by s.key limit $3`

/** The shelf in a table; each write is one statement. */
export function createShelf(schema: string, call: Call): Shelf {
  async function rowsOf(client: PostgresClient, text: string, values: unknown[]): Promise<readonly Row[]> {
    const { rows } = await client.query({ text, values, rowMode: 'array', types: asText })
    return rows as Row[]
  }

  async function put(
    client: PostgresClient,
    key: string,
    value: Payload,
    expected: number | undefined,
  ): Promise<number | 'conflict'> {
    const entry = [encodeName(key), textOf(value) ?? null, bytesOf(value) ?? null]
    const [row] =
      expected === undefined || expected === 0
        ? await rowsOf(client, (expected === 0 ? insert : upsert)(schema), entry)
        : await rowsOf(client, update(schema), [...entry, expected])
    return row === undefined ? 'conflict' : Number(row[0])
  }

  async function removeEntry(
    client: PostgresClient,
    key: string,
    expected: number | undefined,
  ): Promise<'deleted' | 'conflict'> {
    const [row] = await rowsOf(client, remove(schema), [encodeName(key), expected ?? null])
    const [removed, found] = [Number(row?.[0]), Number(row?.[1])]
    // Both look at the state before the statement: an entry that was there and was not removed is at another version.
    if (removed > 0) return 'deleted'
    return found > 0 || (expected ?? 0) > 0 ? 'conflict' : 'deleted'
  }

  return {
    get: (key, signal) =>
      call(signal, async (client) => {
        const [row] = await rowsOf(client, selectEntry(schema), [encodeName(key)])
        return row && entryIn(row)
      }),
    put: (key, value, { expectedVersion }, signal) =>
      call(signal, (client) => put(client, key, value, expectedVersion)),
    delete: (key, { expectedVersion }, signal) => call(signal, (client) => removeEntry(client, key, expectedVersion)),
    list: ({ prefix, after, limit }, signal) =>
      call(signal, async (client) =>
        (await rowsOf(client, selectEntries(schema), [encodeName(prefix), encodeName(after), limit])).map(entryIn),
      ),
  }
}

function entryIn([key, version, text, bytes]: Row): ShelfEntry {
  return { key: decodeName(key as string), version: Number(version), value: payload(text, bytes) }
}
