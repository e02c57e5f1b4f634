import { Client, Pool } from 'pg'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import type { FreshPlace } from './database.ts'

/** A store, and a table of the caller's beside it. */
export interface Shop {
  readonly url: string
  readonly schema: string
  readonly store: EventStore
  readonly pool: Pool
  /** Runs something in a transaction, which it may break; commits, or takes everything back. */
  transaction<Result>(run: (client: Client) => Promise<Result>, begin?: string): Promise<Result>
}

/** Opens a store in a schema of its own. */
export async function openShop(place: FreshPlace): Promise<Shop & AsyncDisposable> {
  const { url } = place
  const schema = `shop_${++shops}`
  const store = openStore({ engine: postgres({ url, schema }) })
  const pool = new Pool({ connectionString: url, max: 8 })
  // Its connections hang up a little after it has ended, and may find their database gone.
  pool.on('error', () => undefined)
  return {
    url,
    schema,
    store,
    pool,
    transaction: async (run, begin = 'begin') => {
      const client = new Client({ connectionString: url })
      await client.connect()
      try {
        await client.query(begin)
        const result = await run(client)
        await client.query('commit')
        return result
      } finally {
        await client.end()
      }
    },
    [Symbol.asyncDispose]: async () => {
      await store.close()
      await pool.end()
    },
  }
}

let shops = 0
