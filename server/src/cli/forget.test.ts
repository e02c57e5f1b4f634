import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileKeys, openStore, subjectRef, withPersonalData } from 'varve'
import { postgres, postgresKeys } from 'varve/postgres'
import { sqlite } from 'varve/sqlite'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type Ended, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import { ada, customerEvents, registered } from '../../../test/erasure/customers.ts'
import { freshDatabase } from '../../../test/postgres/database.ts'
import { onPostgres } from '../../../test/postgres/on-postgres.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
let run = 0
let [directory, path] = ['', '']
beforeEach(async () => {
  run += 1
  directory = join(folder.path, `keys-${run}`)
  path = join(folder.path, `shop-${run}.db`)
  await using beneath = openStore({ engine: sqlite({ path }) })
  await using keys = fileKeys({ directory })
  const store = withPersonalData(beneath, { events: customerEvents, keys })
  await store.append('Customer-1', [registered(ada)])
})

const forget = (...words: readonly string[]): Promise<Ended> =>
  varve(folder.path, ['forget', ...words, '--store', `sqlite:${path}`])

describe('varve forget', () => {
  it('destroys the keys, tells what that concerns, and is done again without harm', async () => {
    const ended = await forget('c-1', '--keys', directory, '--yes', '--json')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const said = { subject: subjectRef('c-1'), status: 'forgotten', events: 1, streams: ['Customer-1'], position: 2 }
    expect(JSON.parse(ended.stdout)).toEqual(said)
    expect(JSON.parse((await forget('c-1', '--keys', directory, '--yes', '--json')).stdout)).toEqual(said)
    expect(await fileKeys({ directory }).load(subjectRef('c-1'))).toBe('forgotten')
  })

  it('asks first, and changes nothing where nobody can be asked', async () => {
    const ended = await forget('c-1', '--keys', directory)
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain('--yes')
    expect(await fileKeys({ directory }).load(subjectRef('c-1'))).toBeInstanceOf(Map)
  })

  it.each([
    ['a subject nobody knows', ['nobody', '--keys', '.'], 1, 'nothing was changed'],
    ['a directory that is not there', ['c-1', '--keys', 'nowhere'], 1, 'no directory of keys'],
    ['no place of the keys', ['c-1'], 2, '--keys'],
    ['an id that is none', ['', '--keys', '.'], 2, 'subject'],
  ])('refuses %s', async (_, words, code, says) => {
    const ended = await forget(...words, '--yes')
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toContain(says)
  })

  it('takes another key store for the wrong one, unless the key is given up for lost', async () => {
    const empty = join(folder.path, `empty-${run}`)
    mkdirSync(empty)
    const refused = await forget('c-1', '--keys', empty, '--yes')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('restore it from its backup')
    expect(await forget('c-1', '--keys', empty, '--yes', '--lost-key')).toMatchObject({ code: 0 })
  })
})

onPostgres(({ cluster }) => {
  it('destroys keys that lie in a database', async () => {
    await using database = await freshDatabase(await cluster())
    const { url } = database
    await using beneath = openStore({ engine: postgres({ url }) })
    await using keys = postgresKeys({ url })
    const store = withPersonalData(beneath, { events: customerEvents, keys })
    await store.append('Customer-1', [registered(ada)])
    const places = ['--store', url, '--keys', `${url}?schema=varve_keys`]
    expect(await varve(folder.path, ['forget', 'c-1', ...places, '--yes'])).toMatchObject({ code: 0, stderr: '' })
    expect(await keys.load(subjectRef('c-1'))).toBe('forgotten')
  })
})
