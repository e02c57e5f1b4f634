import type { Clock } from '../../engine/clock.ts'
import { EngineFailed } from '../../model/errors.ts'
import { type PostgresClient, type PostgresPool, withoutLimits } from './driver.ts'
import { stateOf } from './errors.ts'
import { quotedSchema } from './migrate.ts'

/** Pauses between tries to lock out everybody, in milliseconds; the last one again and again. */
const pausesMs = [100, 200, 400, 800, 1_600, 2_000] as const

/** About a minute. */
const triesMax = 30

/** Neither got a lock in time, nor could get it without breaking up a deadlock: rolled back, and nothing happened. */
const inTheWay: readonly (string | undefined)[] = ['55P03', '40P01']

/** Where an owner changes how the events of a store lie, and what is needed to wait there. */
export interface OwnedStore {
  readonly pool: PostgresPool
  readonly schema: string
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
}

/** Runs work in a transaction without a limit of time, with the schema as its search path. */
export async function inTransaction<Result>(
  { pool, schema }: Pick<OwnedStore, 'pool' | 'schema'>,
  work: (client: PostgresClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  try {
    const place = `set local search_path = ${quotedSchema(schema)}, pg_temp`
    await client.query({ text: `begin isolation level read committed; ${withoutLimits}; ${place}` })
    const result = await work(client)
    await client.query({ text: 'commit' })
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw stateOf(error) === '42501' ? notTheOwner(schema, error) : error
  }
}

/**
 * Runs work that takes a lock everybody waits behind. It waits for the lock itself no longer than three seconds, and then
 * lets the others go on before it tries again: somebody may read for hours.
 *
 * @throws ENGINE_FAILED when others were in the way for a minute.
 */
export async function lockingOthersOut<Result>(
  store: OwnedStore,
  work: (client: PostgresClient) => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    store.signal?.throwIfAborted()
    try {
      return await inTransaction(store, async (client) => {
        await client.query({ text: "set local lock_timeout = '3s'" })
        return await work(client)
      })
    } catch (error) {
      if (!inTheWay.includes(stateOf(error))) throw error
      if (tries === triesMax) throw await inUse(store, error)
      await store.clock.sleep(pausesMs[tries - 1] ?? 2_000, store.signal)
    }
  }
}

/** $1: the table */
const selectUsers = `
  select string_agg(distinct format('%s (process %s, since %s)', coalesce(nullif(a.application_name, ''), a.backend_type), a.pid,
    date_trunc('second', a.xact_start)), ', ') as users
  from pg_locks l join pg_stat_activity a using (pid)
  where l.granted and a.pid <> pg_backend_pid() and l.relation in (
    select $1::regclass union all select i.inhrelid from pg_inherits i where i.inhparent = $1::regclass)`

async function inUse({ pool, schema }: OwnedStore, cause: unknown): Promise<EngineFailed> {
  const { rows } = await pool.query({ text: selectUsers, values: [`${quotedSchema(schema)}.events`] })
  const users = (rows[0] as { readonly users: string | null } | undefined)?.users ?? 'somebody who has just gone'
  return new EngineFailed(
    'postgres',
    `the table of events is in use by ${users}, and was so whenever this was tried for a minute. Nothing of this step was done. ` +
      'End what holds it, or wait for it, and run this again',
    { cause },
  )
}

function notTheOwner(schema: string, cause: unknown): EngineFailed {
  return new EngineFailed(
    'postgres',
    `only the owner of the schema ${JSON.stringify(schema)} may change how its events lie. Connect as the owner`,
    { cause },
  )
}
