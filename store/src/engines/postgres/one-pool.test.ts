import { deepEqual, equal } from 'node:assert/strict'
import { Pool } from 'pg'
import { it } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { openStore } from '../../open-store.ts'
import { openPool } from './driver.ts'
import { postgres } from './index.ts'

onPostgres(({ cluster }) => {
  it('serves two stores in two schemas over one connection of one pool, which stays open when they close', async () => {
    await using database = await freshDatabase(await cluster())
    const pool = new Pool({ connectionString: database.url, max: 1 })
    // Its connections hang up a little after it has ended, and may find their database gone.
    pool.on('error', () => undefined)
    const left = openStore({ engine: postgres({ pool, schema: 'left' }) })
    const right = openStore({ engine: postgres({ pool, schema: 'right' }) })
    for (let turn = 1; turn <= 3; turn++) {
      const placed = [{ type: 'OrderPlaced', data: { turn } }]
      equal((await left.append('Order-1', placed)).version, turn)
      equal((await right.append('Order-1', placed)).version, turn)
      deepEqual([await left.head(), await right.head()], [turn, turn])
      equal((await left.readStream('Order-1').toArray()).length, turn)
      equal((await right.readStream('Order-1').toArray()).length, turn)
    }
    await left.close()
    await right.close()
    deepEqual((await pool.query('select 1 as one')).rows, [{ one: 1 }])
    await pool.end()
  })

  it('compiles no statement on connections of its own', async () => {
    await using database = await freshDatabase(await cluster())
    const owned = await openPool(database.url, 1)
    const client = await owned.connect()
    const setting = await client.query({ text: 'show jit' })
    deepEqual(setting.rows, [{ jit: 'off' }])
    client.release()
    await owned.end()
  })
})
