import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { openStore } from 'varve'
import { postgres } from 'varve/postgres'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { migrations } from '../../../store/src/engines/postgres/migrate.ts'
import { exportFile, exportLine } from '../../../test/cli/export-lines.ts'
import { type Ended, start, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import { type FreshPlace, first, freshDatabase } from '../../../test/postgres/database.ts'
import { onNewestPostgres, type Postgres } from '../../../test/postgres/on-postgres.ts'

/** The version of the schema that this code writes. */
const newest = migrations.length

const folder = temporaryFolder()
afterAll(folder.remove)

type Varve = (...words: readonly string[]) => Promise<Ended>

/** The command on one database, unless its words name another store. */
function on({ url }: { readonly url: string }): Varve {
  return (...words) => varve(folder.path, words, { env: { VARVE_STORE: url } })
}

async function empty(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  return database
}

async function filled(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const database = await empty(cluster)
  await using store = openStore({ engine: postgres({ url: database.url }) })
  await store.append('Order-7', [
    { type: 'OrderPlaced', data: { total: 1 }, tags: ['customer:ada'] },
    { type: 'OrderPaid', data: {}, tags: ['customer:ada', 'vip'] },
  ])
  return database
}

onNewestPostgres(({ cluster }) => {
  describe('the command line on PostgreSQL', () => {
    it('appends, reads, lists and closes', async () => {
      const run = on(await filled(cluster))
      const events = (await run('read', '--tag', 'customer:ada')).stdout.trim().split('\n')
      expect(events.map((line) => JSON.parse(line).global_position)).toEqual([1, 2])
      expect(await run('append', 'Order-7', 'Late', '--expected', '1')).toMatchObject({ code: 3, stdout: '' })
      await run('metadata', 'Order-7', '--set', '{"owner":"billing"}')
      await run('tombstone', 'Order-7', '--yes')
      expect((await run('streams', 'Order')).stdout).toBe('Order-7\t2\ttombstoned\t1\n')
      expect((await run('head')).stdout).toBe('4\n')
    })

    it('watches what comes', async () => {
      const database = await filled(cluster)
      const tail = start(folder.path, ['tail', 'Order-7'], { env: { VARVE_STORE: database.url } })
      onTestFinished(() => void tail.child.kill())
      await tail.printed(/OrderPaid/)
      await on(database)('append', 'Order-7', 'OrderShipped')
      expect(await tail.printed(/OrderShipped/)).toContain('"global_position":3')
    })

    it('serves, and tells nobody the password', async () => {
      const database = await filled(cluster)
      const words = ['serve', '--port', '0', '--log-level', 'trace', '--log-format', 'json']
      const server = start(folder.path, words, { env: { VARVE_STORE: database.url } })
      const [url = '', shown] = (await server.printed(/\n/)).trim().split('\t')
      expect((await on({ url })('head')).stdout).toBe('2\n')
      expect(shown).toContain('postgres:***@')
      server.child.kill('SIGTERM')
      const { code, stdout, stderr } = await server.ended
      expect(code).toBe(0)
      expect(stdout + stderr).not.toContain(new URL(database.url).password)
    })

    it('does not make a store for a command that only looks', async () => {
      const database = await empty(cluster)
      const ended = await on(database)('head')
      expect(ended).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('no store in schema "varve"'),
      })
      expect(await first(database, "select to_regnamespace('varve')")).toBeNull()
    })

    it('says nothing of the password when it fails, also with --verbose', async () => {
      const url = 'postgres://ada:s3cret@127.0.0.1:1/shop'
      const [odd, refused] = [`postgres://ada:s3@cret:@x:y/shop`, await on({ url })('doctor', '--verbose')]
      const { stderr } = await on({ url: odd })('head', '--verbose')
      expect(refused).toMatchObject({ code: 4 })
      expect(stderr).toContain('postgres://ada:***@')
      expect(refused.stdout + refused.stderr + stderr).not.toMatch(/s3cret|s3@|cret:@/)
    })
  })
})

onNewestPostgres(({ cluster }) => {
  describe('an export from a file that is imported into PostgreSQL', () => {
    it('comes back to the byte, in a file too', async () => {
      const run = on(await empty(cluster))
      const lines = [1, 2, 3].map((position) => exportLine(position))
      const odd = exportLine(4, { data: 'nul \0 and \ud800', tags: ['näme:☃', 'quo"te\\'] })
      await varve(folder.path, ['import', '-', '--store', 'sqlite:origin.db'], { stdin: exportFile(...lines, odd) })
      for (const words of [
        ['Odd-\u0001', 'T', '-'],
        ['Order-9', 'Scan', '-', '--content-type', 'image/png'],
      ]) {
        await varve(folder.path, ['append', ...words, '--store', 'sqlite:origin.db'], { stdin: '{"a":1.0,"a":2}' })
      }
      await varve(folder.path, ['delete', 'Order-9', '--yes', '--store', 'sqlite:origin.db'])
      await varve(folder.path, ['export', 'origin.ndjson', '--store', 'sqlite:origin.db'])
      const imported = await run('import', 'origin.ndjson', '--json')
      expect(JSON.parse(imported.stdout)).toMatchObject({ imported: 7, positions_kept: true })
      await run('export', 'database.ndjson')
      await varve(folder.path, ['import', 'database.ndjson', '--store', 'sqlite:back.db'])
      await varve(folder.path, ['export', 'back.ndjson', '--store', 'sqlite:back.db'])
      const [origin, database, back] = ['origin', 'database', 'back'].map((name) =>
        readFileSync(join(folder.path, `${name}.ndjson`)),
      )
      expect(database).toEqual(origin)
      expect(back).toEqual(origin)
    })
  })
})

onNewestPostgres(({ cluster }) => {
  describe('varve migrate', () => {
    it('makes a schema, tells how far it is, and does nothing twice', async () => {
      const database = await empty(cluster)
      const run = on(database)
      expect(await run('migrate')).toMatchObject({ code: 1, stdout: `absent\t0\t${newest}\n` })
      expect(await run('migrate', '--up')).toMatchObject({ code: 0, stdout: `up\t${newest}\t${newest}\n` })
      expect(await run('migrate', '--up')).toMatchObject({ code: 0, stdout: `up\t${newest}\t0\n` })
      const status = await run('migrate', '--status', '--json')
      const layout = { state: 'one_table', archived_until: 0, parts: [] }
      expect(JSON.parse(status.stdout)).toEqual({ state: 'current', version: newest, newest, missing: [], layout })
    })

    it('prints SQL that does the same, and nothing when nothing is missing', async () => {
      const database = await empty(cluster)
      const run = on({ url: `${database.url}?schema=it's my $$ Schema` })
      const { stdout } = await run('migrate', '--print')
      const client = new Client({ connectionString: database.url })
      await client.connect()
      await client.query(stdout)
      await client.end()
      expect(await run('migrate')).toMatchObject({ code: 0, stdout: `current\t${newest}\t${newest}\n` })
      expect(await run('migrate', '--print')).toEqual({ code: 0, stdout: '', stderr: '' })
      expect(await run('append', 'Order-1', 'A')).toMatchObject({ code: 0 })
    })

    it('prints the grants for a role', async () => {
      const { stdout } = await on(await empty(cluster))('migrate', '--print', '--grant', 'shop"app')
      expect(stdout).toContain('grant usage on schema "varve" to "shop""app";\n')
    })

    it.each([
      [['--up', '--status'], 2, /one of --status, --up and --print/],
      [['--status', '--grant', 'a'], 2, /--status changes nothing/],
      [['--store', 'sqlite:shop.db'], 2, /no schema to look after.*postgres:\/\//],
      [['--store', 'http://127.0.0.1:1'], 2, /a server looks after its own store/],
    ])('refuses %j', async (words, code, says) => {
      const ended = await on({ url: 'postgres://127.0.0.1:1/shop' })('migrate', ...words)
      expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(says) })
    })

    it('names the role that is missing', async () => {
      const ended = await on(await filled(cluster))('migrate', '--grant', 'nobody_here')
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/does not exist.*create role/) })
    })
  })
})

onNewestPostgres(({ cluster }) => {
  describe('varve doctor on PostgreSQL', () => {
    it('finds a sound store sound', async () => {
      const ended = await on(await filled(cluster))('doctor')
      expect(ended.code).toBe(0)
      const checks = ended.stdout.split('\n').map((line) => line.split('\t')[1])
      expect(checks).toEqual(
        expect.arrayContaining(['schema', 'head', 'stream rows', 'stream names', 'tags', 'guards']),
      )
    })

    it.each([
      ['head', 'update varve.log_head set position = 7', /the head says 7, the last of 2 events is at position 2/],
      ['stream rows', 'update varve.streams set version = 9', /is at version 9 and has 2 events up to version 2/],
      ['tags', "insert into varve.event_tags values ('lost', 1)", /tag "lost" at position 1 is in the index only/],
    ])('finds damage: %s', async (check, damage, says) => {
      const database = await filled(cluster)
      await first(database, damage)
      const { code, stdout } = await on(database)('doctor')
      expect(code).toBe(5)
      expect(stdout.split('\n').find((line) => line.startsWith(`damaged\t${check}\t`))).toMatch(says)
    })

    it('finds triggers that were switched off', async () => {
      const database = await filled(cluster)
      await first(database, 'alter table varve.events disable trigger append_only')
      const { code, stdout } = await on(database)('doctor')
      expect(code).toBe(1)
      expect(stdout).toMatch(/^warning\tguards\t.*events\.append_only\t/m)
    })
  })
})
