import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from '../../../../test/cli/varve.ts'
import { startCluster } from '../../../../test/postgres/cluster.ts'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { distributions, toolOf } from '../../../../test/postgres/distribution.ts'
import { onPostgres, sayWhy } from '../../../../test/postgres/on-postgres.ts'
import { putIntoParts } from '../../../../test/postgres/parts.ts'
import { connected, execute } from '../../../../test/postgres/role.ts'
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

  it('goes on with parts and their archive, and takes back a part that was kept elsewhere', {
    timeout: 120_000,
  }, async () => {
    const cluster = await startCluster({ major: oldest?.major ?? 0 })
    onTestFinished(cluster.stop)
    const folder = temporaryFolder()
    onTestFinished(folder.remove)
    const [whole, part] = ['whole', 'part'].map((name) => join(folder.path, name))
    const dump = (file: string, of: string): Buffer =>
      execFileSync(tools.dump ?? '', [of, '--format=custom', `--file=${file}`, cluster.url])
    await putIntoParts(cluster, 10)
    await using original = openStore({ engine: postgres({ url: cluster.url }) })
    for (let n = 1; n <= 45; n++)
      await original.append(`Order-${n % 3}`, [{ type: 'Placed', data: { n }, tags: ['a'] }])
    const all = JSON.stringify(await original.readAll().toArray())
    await using maintenance = postgresMaintenance({ url: cluster.url })
    await maintenance.archive(21)
    dump(part ?? '', '--table=varve.events_p11')
    await execute(cluster, 'drop table varve.events_p11')
    dump(whole ?? '', '--schema=varve')

    await using other = await startCluster({ major: oldest?.major ?? 0 })
    const restore = (file: string): Buffer =>
      execFileSync(tools.restore ?? '', ['--exit-on-error', `--dbname=${other.url}`, file])
    restore(whole ?? '')
    await using store = openStore({ engine: postgres({ url: other.url, migrate: 'refuse' }) })
    await expect(store.readAll().toArray()).rejects.toMatchObject({ code: 'EVENTS_ARCHIVED', archivedUntil: 20 })
    await using restored = postgresMaintenance({ url: other.url })
    expect((await restored.inspect()).filter(({ state }) => state !== 'ok')).toEqual([])
    await expect(restored.attach(1)).rejects.toThrow(/events_p11, is not there. Restore it/)
    restore(part ?? '')
    expect(await restored.attach(1)).toHaveLength(2)
    expect(JSON.stringify(await store.readAll().toArray())).toBe(all)
    for (let n = 46; n <= 65; n++) await store.append('Order-1', [{ type: 'Placed', data: { n } }])
    expect((await restored.inspect()).filter(({ state }) => state !== 'ok')).toEqual([])
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
