import { Client } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { first, freshDatabase } from './database.ts'
import { onPostgres, sayWhy } from './on-postgres.ts'
import { type Pgbouncer, startPgbouncer, whyNoPgbouncer } from './pgbouncer.ts'

const reason = sayWhy(whyNoPgbouncer())

describe.skipIf(reason)('PgBouncer', () => {
  onPostgres(({ cluster }) => {
    it('leads to every database of the cluster', async () => {
      const database = await freshDatabase(await cluster())
      onTestFinished(database.drop)
      const bouncer = await started(database)
      expect(await first({ url: bouncer.through(database) }, 'select current_database()')).toBe(database.name)
    })

    it('gives the next transaction of a session another connection', async () => {
      const bouncer = await started(await cluster())
      const [one, other] = [await connected(bouncer, await cluster()), await connected(bouncer, await cluster())]
      await one.query('set my.word = 1')
      await other.query('begin')
      await one.query('begin')
      const words = await Promise.all(
        [one, other].map((client) => client.query("select current_setting('my.word', true)")),
      )
      expect(words.map(({ rows }) => rows[0].current_setting)).toEqual([null, '1'])
    })

    it('knows no statement that was prepared in a transaction before', async () => {
      const bouncer = await started(await cluster())
      const [one, other] = [await connected(bouncer, await cluster()), await connected(bouncer, await cluster())]
      await one.query({ name: 'one', text: 'select 1' })
      await other.query('begin')
      await expect(one.query({ name: 'one', text: 'select 1' })).rejects.toMatchObject({ code: '26000' })
    })
  })
})

async function started(cluster: { readonly url: string }): Promise<Pgbouncer> {
  const bouncer = await startPgbouncer(cluster)
  onTestFinished(bouncer.stop)
  return bouncer
}

async function connected(bouncer: Pgbouncer, cluster: { readonly url: string }): Promise<Client> {
  const client = new Client({ connectionString: bouncer.through(cluster) })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}
