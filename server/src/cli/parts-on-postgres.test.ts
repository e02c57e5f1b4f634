import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from 'varve'
import { postgres } from 'varve/postgres'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { migrations } from '../../../store/src/engines/postgres/migrate.ts'
import { type Ended, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import { type FreshPlace, first, freshDatabase } from '../../../test/postgres/database.ts'
import { onNewestPostgres, type Postgres } from '../../../test/postgres/on-postgres.ts'

const newest = migrations.length

const folder = temporaryFolder()
afterAll(folder.remove)

type Varve = (...words: readonly string[]) => Promise<Ended>

function on({ url }: { readonly url: string }): Varve {
  return (...words) => varve(folder.path, words, { env: { VARVE_STORE: url } })
}

/** 45 events of three streams, of which one is hidden in part and one is closed by facts of the first ten positions. */
async function filled(cluster: Postgres['cluster']): Promise<FreshPlace> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  await using store = openStore({ engine: postgres({ url: database.url }) })
  await store.append('Gone-1', [{ type: 'Opened', data: {} }])
  await store.tombstone('Gone-1')
  await store.append('Order-1', [
    { type: 'Placed', data: {}, tags: ['vip'] },
    { type: 'Paid', data: {} },
  ])
  await store.truncateBefore('Order-1', 2)
  for (let n = 6; n <= 45; n++) await store.append(`Order-${n % 2}`, [{ type: 'Placed', data: { n }, tags: ['vip'] }])
  return database
}

onNewestPostgres(({ cluster }) => {
  describe('varve migrate --partition-events', () => {
    it('puts events into parts, tells which there are, and leaves an export as it was', async () => {
      const run = on(await filled(cluster))
      await run('export', 'before.ndjson')
      const ended = await run('migrate', '--up', '--partition-events', '10')
      expect(ended).toMatchObject({ code: 0, stdout: `up\t${newest}\t0\nparts\t7\t10\t70\n` })
      expect(ended.stderr).toContain('locked for a moment')
      const status = (await run('migrate')).stdout.split('\n')
      expect(status.slice(0, 3)).toEqual([
        `current\t${newest}\t${newest}`,
        'part\t1\t10\tattached\tevents_p1',
        'part\t11\t20\tattached\tevents_p11',
      ])
      await run('export', 'after.ndjson')
      const [before, after] = ['before', 'after'].map((name) =>
        readFileSync(join(folder.path, `${name}.ndjson`), 'utf8'),
      )
      expect(after).toBe(before)
    })

    it('takes an import from part to part, and comes back to the byte', async () => {
      const database = await filled(cluster)
      await on(database)('export', 'origin.ndjson')
      const copy = await freshDatabase(await cluster())
      onTestFinished(copy.drop)
      const run = on(copy)
      await run('migrate', '--up', '--partition-events', '10')
      expect(await run('import', 'origin.ndjson')).toMatchObject({ code: 0 })
      await run('export', 'copy.ndjson')
      const [origin, back] = ['origin', 'copy'].map((name) => readFileSync(join(folder.path, `${name}.ndjson`), 'utf8'))
      expect(back).toBe(origin)
    })

    it.each([
      [['migrate', '--partition-events', '10'], /goes with --up/],
      [['migrate', '--up', '--partition-events', 'ten'], /whole number/],
      [['archive'], /one of --before and --attach-from/],
      [['archive', '--before', '11', '--store', 'sqlite:shop.db'], /no parts to archive/],
    ])('refuses %j', async (words, says) => {
      const ended = await on({ url: 'postgres://127.0.0.1:1/shop' })(...words)
      expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(says) })
    })
  })
})

onNewestPostgres(({ cluster }) => {
  describe('varve archive', () => {
    async function archived(): Promise<{ readonly run: Varve; readonly database: FreshPlace }> {
      const database = await filled(cluster)
      const run = on(database)
      await run('migrate', '--up', '--partition-events', '10')
      expect((await run('archive', '--before', '21')).stdout).toBe(
        'archived\t1\t10\tevents_p1\narchived\t11\t20\tevents_p11\n',
      )
      return { run, database }
    }

    it('detaches parts, refuses reads of them in words that help, and attaches them again', async () => {
      const { run } = await archived()
      const refused = await run('read')
      expect(refused).toMatchObject({ code: 1, stdout: '' })
      expect(refused.stderr).toMatch(/Positions 1 to 20 are archived.*varve archive --attach-from/)
      expect((await run('read', '--from', '21')).stdout.trim().split('\n')).toHaveLength(25)
      const { stdout } = await run('archive', '--attach-from', '11', '--json')
      expect(JSON.parse(stdout)).toEqual({
        state: 'attached',
        table: 'events_p11',
        first_position: 11,
        last_position: 20,
      })
      expect((await run('migrate')).stdout).toContain('part\t1\t10\tarchived\tevents_p1\n')
    })

    it('says what is wrong with a position inside of a part', async () => {
      const { run } = await archived()
      const ended = await run('archive', '--before', '25')
      expect(ended).toMatchObject({ code: 2, stdout: '' })
      expect(ended.stderr).toContain('Give 21 or 31')
    })

    it('leaves a store that varve doctor finds sound, and says what it could not read', async () => {
      const { run } = await archived()
      const ended = await run('doctor')
      expect(ended.stdout).toMatch(/^ok\tarchived\tpositions 1 to 20 are archived, and were not read/m)
      expect(ended.stdout).toMatch(/^ok\tlayout\t.* parts of 10 positions, up to \d+, positions 1 to 20 archived/m)
      expect(ended.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('ok\t'))).toEqual([])
      expect(ended.code).toBe(0)
    })

    it('leaves a store in which varve doctor still finds damage', async () => {
      const { run, database } = await archived()
      await first(database, "update varve.streams set version = version + 1 where stream_id = 'Gone-1'")
      await first(database, "insert into varve.event_tags values ('lost', 30)")
      const { code, stdout } = await run('doctor')
      expect(code).toBe(5)
      expect(stdout).toMatch(/^damaged\tstream rows\t/m)
      expect(stdout).toMatch(/^damaged\ttags\t/m)
    })
  })
})
