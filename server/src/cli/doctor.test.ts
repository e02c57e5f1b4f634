import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { type Ended, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import type { Finding } from './finding.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

async function fill(name: string): Promise<void> {
  await using store = openStore({ engine: sqlite({ path: join(folder.path, name) }) })
  const events = Array.from({ length: 50 }, (_, index) => ({
    type: `T${index % 3}`,
    data: { index },
    tags: [`k:${index % 5}`],
  }))
  await store.append('Order-1', events)
  await store.append('Order-2', events)
  await store.truncateBefore('Order-2', 10)
  await store.deleteStream('Order-1')
  await store.append('Order-1', events.slice(0, 3))
  await store.append('Gone-1', events.slice(0, 2))
  await store.tombstone('Gone-1')
  await store.setStreamMetadata('Never-1', { owner: 'billing' })
}

/** Does to a file what no API of Varve does, as a broken disk or a careless hand would. */
function harm(name: string, ...statements: readonly string[]): void {
  const db = new DatabaseSync(join(folder.path, name))
  const triggers = db.prepare("select name from sqlite_master where type = 'trigger'").all()
  for (const { name: trigger } of triggers) db.exec(`drop trigger "${trigger}"`)
  for (const statement of statements) db.exec(statement)
  db.close()
}

const doctor = (name: string): Promise<Ended> => varve(folder.path, ['doctor', '--json', '--store', `sqlite:${name}`])
const findingsOf = ({ stdout }: Ended): readonly Finding[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('varve doctor', () => {
  it('finds a store sound that holds hidden, closed and unwritten streams', async () => {
    await fill('sound.db')
    const ended = await doctor('sound.db')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(findingsOf(ended).map(({ check, state }) => `${check} ${state}`)).toEqual([
      'versions ok',
      'file ok',
      'disk ok',
      'pages ok',
      'durability ok',
      'positions ok',
      'stream versions ok',
      'event ids ok',
      'payloads ok',
      'streams ok',
      'stream reads ok',
      'filters ok',
    ])
  })

  it('changes nothing', async () => {
    await fill('still.db')
    const before = await varve(folder.path, ['export', '--store', 'sqlite:still.db'])
    await doctor('still.db')
    expect(await varve(folder.path, ['export', '--store', 'sqlite:still.db'])).toEqual(before)
  })

  it.each([
    ['an event is missing', 'delete from events where position = 40', /position/],
    ['a version is skipped', 'update events set version = version + 1 where position = 70', /version/],
    [
      'an id occurs twice',
      'update events set id = (select id from events where position = 1) where position = 60',
      /event ids/,
    ],
    ['an event moved to another stream', 'update events set stream = 2 where position = 20', /stream|version/],
    ['a hidden stream shows again', 'update streams set truncate_before = 1', /streams/],
    ['a closed stream is open', 'update streams set tombstoned = 0', /streams/],
  ])('finds the damage when %s', async (what, statement, check) => {
    const name = `${what.replaceAll(' ', '-')}.db`
    await fill(name)
    harm(name, statement)
    const ended = await doctor(name)
    expect(ended.code, ended.stdout + ended.stderr).toBe(5)
    const found =
      ended.stderr +
      findingsOf(ended)
        .flatMap((f) => (f.state === 'damaged' ? [`${f.check}: ${f.says} ${f.advice}`] : []))
        .join('\n')
    expect(found).toMatch(check)
    expect(found).toMatch(/copy/)
  })

  it('warns of payloads that are not the JSON they are said to be, and counts them', async () => {
    await using store = openStore({ engine: sqlite({ path: join(folder.path, 'payload.db') }) })
    const broken = { type: 'A', data: Buffer.from('{broken'), contentType: 'application/json' }
    await store.append('Order-1', [broken, broken, { type: 'A', data: {} }])
    const ended = await doctor('payload.db')
    expect(ended.code).toBe(1)
    expect(findingsOf(ended).find(({ state }) => state === 'warning')).toMatchObject({
      check: 'payloads',
      says: expect.stringContaining('2 payloads'),
      advice: expect.stringContaining('Nothing is lost'),
    })
  })

  it('warns of a store that is gone on exit', async () => {
    const ended = await varve(folder.path, ['doctor', '--store', 'memory:'])
    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(/^warning\tdurability\t/m)
  })

  it('refuses a file of another kind', async () => {
    writeFileSync(join(folder.path, 'garbage.db'), 'This is no database. '.repeat(400))
    const ended = await doctor('garbage.db')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^varve: .*no SQLite database.*\n$/)
  })
})
