import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'

/** Transactions that a database has seen: backends report theirs within a second of going idle. */
export async function transactions(server: string, database: string): Promise<number> {
  await sleep(1_500)
  const client = new Client({ connectionString: server })
  await client.connect()
  const { rows } = await client.query('select xact_commit from pg_stat_database where datname = $1', [
    new URL(database).pathname.slice(1),
  ])
  await client.end()
  return Number(rows[0]?.xact_commit)
}
