import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { Pool } from 'pg'
import { it } from 'vitest'
import { type FreshPlace, freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { execute } from '../../../../test/postgres/role.ts'
import { openStore } from '../../open-store.ts'
import { openPool } from './driver.ts'
import { postgres, postgresMaintenance } from './index.ts'

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)

/** What is set for a database is set for every session of it. */
async function settings(database: FreshPlace, changed: Readonly<Record<string, string>>): Promise<void> {
  const statements = Object.entries(changed).map(
    ([name, value]) => `alter database ${database.name} set ${name} = ${value}`,
  )
  await execute(database, statements.join(';'))
}

onPostgres(({ cluster, major }) => {
  it('writes and reads the same bytes, names and lists, however a session is set', async () => {
    await using database = await freshDatabase(await cluster())
    await settings(database, {
      bytea_output: 'escape',
      standard_conforming_strings: 'off',
      datestyle: 'German',
      intervalstyle: 'sql_standard',
      timezone: "'Pacific/Kiritimati'",
      extra_float_digits: "'-15'",
      quote_all_identifiers: 'on',
    })
    await using store = openStore({ engine: postgres({ url: database.url }) })
    const contentType = 'application/octet-stream'
    await store.append('Scan-\\x1', [{ type: 'Scanned', data: everyByte, contentType, tags: ['\\x41"'] }])
    const [scanned] = await store.readStream('Scan-\\x1').toArray()
    deepEqual([scanned?.data, scanned?.tags], [everyByte, ['\\x41"']])
    equal((await store.readAll({ filter: { tags: ['\\x41"'] } }).toArray()).length, 1)
    equal((await store.streams({ prefix: 'Scan-' }).toArray()).length, 1)
    await store.shelf.put('scans/\\x1', 1)
    equal((await store.shelf.list({ prefix: 'scans/' }).toArray()).length, 1)
  })

  it('keeps the process alive when a connection ends that is in use and asks nothing', async () => {
    await using database = await freshDatabase(await cluster())
    const pool = await openPool(database.url, 1)
    const client = await pool.connect()
    const { rows } = await client.query({ text: 'select pg_backend_pid() as pid' })
    // Without a listener of ours the word of the server is thrown where nobody catches it, and the test run says so.
    await execute(database, `select pg_terminate_backend(${(rows[0] as { readonly pid: number }).pid}, 5000)`)
    await rejects(client.query({ text: 'select 1' }))
    client.release(true)
    await pool.end()
  })

  it('keeps a migration and a conversion out of the limits that are set for sessions', async () => {
    await using database = await freshDatabase(await cluster())
    await settings(database, {
      statement_timeout: "'20s'",
      idle_in_transaction_session_timeout: "'1ms'",
      ...(major >= 17 && { transaction_timeout: "'30ms'" }),
    })
    const pool = new Pool({ connectionString: database.url })
    // Its connections hang up a little after it has ended, and may find their database gone.
    pool.on('error', () => undefined)
    await using maintenance = postgresMaintenance({ pool })
    await maintenance.partition(10)
    equal((await maintenance.status()).layout?.state, 'parts')
    deepEqual(
      (await maintenance.inspect()).filter(({ state }) => state !== 'ok'),
      [],
    )
    await maintenance.close()
    await pool.end()
  })

  it.skipIf(major < 17)('takes a transaction that became too long for one that may be tried again', async () => {
    await using database = await freshDatabase(await cluster())
    await using store = openStore({ engine: postgres({ url: database.url }) })
    await store.append('Order-1', [{ type: 'Placed', data: {} }])
    await settings(database, { transaction_timeout: "'100ms'" })
    const pool = new Pool({ connectionString: database.url })
    pool.on('error', () => undefined)
    const holder = await pool.connect()
    await holder.query('begin; set local transaction_timeout = 0; select from varve.log_head for update')
    const hurried = openStore({ engine: postgres({ pool }) })
    const refused = hurried.append('Order-1', [{ type: 'Placed', data: {} }])
    await rejects(refused, { code: 'ENGINE_UNAVAILABLE', message: /transaction timeout/ })
    await holder.query('rollback')
    holder.release()
    await hurried.close()
    await pool.end()
  })

  it('bounds what a connection of its own waits for, before anything else is asked there', async () => {
    await using database = await freshDatabase(await cluster())
    const owned = await openPool(database.url, 1)
    const { rows } = await owned.query({
      text: "select current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('jit')",
      rowMode: 'array',
    })
    deepEqual(rows, [['1min', '10s', 'off']])
    // `onConnect` would do, and releases of the driver that the package allows do not know it.
    match(Object.keys(owned.options ?? {}).join(), /\bverify\b/)
    await owned.end()
  })
})
