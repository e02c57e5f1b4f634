import { equal, ok, rejects } from 'node:assert/strict'
import { Socket } from 'node:net'
import { Pool } from 'pg'
import { describe, it, onTestFinished } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onEveryPostgres } from '../../../../test/postgres/on-postgres.ts'
import { firstCheckpoint } from '../../model/target.ts'
import { openStore } from '../../open-store.ts'
import { postgresTarget } from '../../projections/targets/postgres/index.ts'
import { postgres, postgresMaintenance } from './index.ts'

const logins: [string, string][] = [
  ['no password', ''],
  ['another password', 'wrong'],
]

onEveryPostgres(({ cluster }) => {
  describe.each(logins)('a login with %s', (_, password) => {
    async function refusedUrl(): Promise<string> {
      const url = new URL((await cluster()).url)
      url.password = password
      return url.href
    }
    const refusal = { code: 'ENGINE_FAILED', retryable: false, message: /password.*in the URL/ }

    it('is refused at once by a store with a URL', async () => {
      await using store = openStore({ engine: postgres({ url: await refusedUrl() }) })
      const askedMs = performance.now()
      await rejects(store.append('Order-1', [{ type: 'OrderPlaced', data: {} }]), refusal)
      await rejects(store.head(), refusal)
      // Which waits for every connection of the server, those included that have not logged in yet.
      await (await freshDatabase(await cluster())).drop()
      ok(performance.now() - askedMs < 20_000)
    })

    it('is refused at once by a store with a pool, and by maintenance', async () => {
      const sockets: Socket[] = []
      const stream = (): Socket => sockets[sockets.push(new Socket()) - 1] as Socket
      const pool = new Pool({ connectionString: await refusedUrl(), stream })
      // The driver leaves them open, and the server would wait for the password before it drops a database.
      onTestFinished(() => sockets.forEach((socket) => void socket.destroy()))
      await using store = openStore({ engine: postgres({ pool }) })
      await rejects(store.head(), refusal)
      await using maintenance = postgresMaintenance({ pool })
      await rejects(maintenance.inspect(), refusal)
      equal(pool.totalCount, 0)
      // Each tried once: nothing that may not log in is tried again.
      equal(sockets.length, 2)
    })

    it('is refused at once by a read model', async () => {
      await using target = postgresTarget({ url: await refusedUrl(), schema: 'stock' })
      const change = { projection: 'stock', expected: undefined, next: firstCheckpoint(1), empty: true }
      await rejects(target.write({ ...change, apply: () => undefined }), { ...refusal, code: 'TARGET_FAILED' })
    })
  })
})
