import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from '../../../../test/cli/varve.ts'
import { startCluster } from '../../../../test/postgres/cluster.ts'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { distributions, toolOf } from '../../../../test/postgres/distribution.ts'
import { onPostgres, sayWhy } from '../../../../test/postgres/on-postgres.ts'
import { connected } from '../../../../test/postgres/role.ts'
import type { EventStore } from '../../event-store.ts'
import { openStore } from '../../open-store.ts'
import { postgres, postgresMaintenance } from './index.ts'

const oldest = distributions().findLast((distribution) => toolOf(distribution, 'pg_dump') !== undefined)
const tools = { dump: oldest && toolOf(oldest, 'pg_dump'), restore: oldest && toolOf(oldest, 'pg_restore') }
const reason = sayWhy(
  tools.dump === undefined || tools.restore === undefined
    ? 'no PostgreSQL here has pg_dump and pg_restore (on Debian: apt-get install postgresql)'
    : undefined,
)

describe.skipIf(reason)('a store that was dumped and restored', () => {
  /** A store in a cluster of its own, and a dump of it in a folder. */
  async function dumped(format: 'custom' | 'plain'): Promise<{ readonly file: string; readonly original: EventStore }> {
    const cluster = await startCluster({ major: oldest?.major ?? 0 })
    onTestFinished(cluster.stop)
    const folder = temporaryFolder()
    onTestFinished(folder.remove)
    const original = openStore({ engine: postgres({ url: cluster.url }) })
    onTestFinished(() => original.close())
    for (let n = 1; n <= 20; n++)
      await original.append(`Order-${n % 3}`, [{ type: 'Placed', data: { n }, tags: ['a'] }])
    await original.truncateBefore('Order-1', 3)
    const file = join(folder.path, 'varve.dump')
    const form = format === 'plain' ? ['--format=plain', '--inserts'] : ['--format=custom']
    execFileSync(tools.dump ?? '', ['--schema=varve', ...form, `--file=${file}`, cluster.url])
    return { file, original }
  }

  async function goesOn(url: string, original: EventStore): Promise<void> {
    await using store = openStore({ engine: postgres({ url, migrate: 'refuse' }) })
    const events = await store.readAll().toArray()
    expect(JSON.stringify(events)).toBe(JSON.stringify(await original.readAll().toArray()))
    const [known] = events
    const repeat = await store.append('Order-1', [{ id: known?.id ?? '', type: 'Placed', data: {} }])
    expect(repeat).toMatchObject({ idempotent: true, position: 1 })
    const next = await store.append('Order-1', [{ type: 'Paid', data: {} }], { expectedVersion: 7 })
    expect(next).toMatchObject({ position: 22, version: 8 })
    await using maintenance = postgresMaintenance({ url })
    expect((await maintenance.inspect()).filter(({ state }) => state !== 'ok')).toEqual([])
  }

  it('goes on in another cluster with the next position', { timeout: 120_000 }, async () => {
    const { file, original } = await dumped('custom')
    await using other = await startCluster({ major: oldest?.major ?? 0 })
    await using target = await freshDatabase(other)
    execFileSync(tools.restore ?? '', ['--exit-on-error', `--dbname=${target.url}`, file])
    await goesOn(target.url, original)
  })

  onPostgres(({ cluster }) => {
    it('goes on under another version', { timeout: 120_000 }, async () => {
      const { file, original } = await dumped('plain')
      await using target = await freshDatabase(await cluster())
      const client = await connected(target)
      // Lines that begin with a backslash are for psql.
      await client.query(readFileSync(file, 'utf8').replaceAll(/^\\.*\n/gm, ''))
      await goesOn(target.url, original)
    })
  })
})
