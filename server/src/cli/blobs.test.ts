import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { claimCheck, fileBlobs, openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { bytesNamed, digestOf } from '../../../test/blobs/bytes.ts'
import { startS3 } from '../../../test/blobs/s3-server.ts'
import { type Ended, temporaryFolder, varve } from '../../../test/cli/varve.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
const [named, orphan] = [digestOf(bytesNamed('named')), digestOf(bytesNamed('orphan'))]

beforeEach(async () => {
  for (const name of readdirSync(folder.path)) rmSync(join(folder.path, name), { recursive: true })
  await using store = openStore({ engine: sqlite({ path: join(folder.path, 'shop.db') }) })
  const claims = claimCheck(fileBlobs({ directory: join(folder.path, 'blobs') }))
  const scan = await claims.check(bytesNamed('named'))
  await store.append('Contract-7', [{ type: 'ContractSigned', data: { scan } }])
  await claims.check(bytesNamed('orphan'))
})

const run = (...words: readonly string[]): Promise<Ended> =>
  varve(folder.path, ['blobs', ...words, '--store', 'sqlite:shop.db'])
const collect = (...words: readonly string[]): Promise<Ended> => run('collect', '--blobs', 'file:blobs', ...words)

describe('varve blobs collect', () => {
  it('leaves alone what is young', async () => {
    const ended = await collect('--json')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ended.stdout)).toEqual({
      dry_run: false,
      events: 1,
      named: 1,
      waiting: 1,
      set_aside: 0,
      removed: 0,
      removed_bytes: 0,
      restored: 0,
      unfinished: 0,
    })
  })

  it('sets orphans aside, then removes them, in columns for a pipe', async () => {
    expect((await collect('--older-than', '0s', '--dry-run')).stdout).toBe('1\t0\t0\t0\t0\t1\n')
    expect((await collect('--older-than', '0s')).stdout).toBe('1\t0\t0\t0\t0\t1\n')
    expect((await collect('--older-than', '1h')).stdout).toBe('0\t0\t0\t0\t1\t1\n')
    expect((await collect('--older-than', '0s')).stdout).toBe('0\t1\t100\t0\t0\t1\n')
    expect(readdirSync(join(folder.path, 'blobs', 'blobs', named.slice(0, 2)))).toEqual([named])
  })

  it('touches nothing for a store that names no blob, unless told to', async () => {
    await using other = openStore({ engine: sqlite({ path: join(folder.path, 'other.db') }) })
    await other.append('Order-1', [{ type: 'OrderPlaced', data: {} }])
    const wrong = ['collect', '--blobs', 'file:blobs', '--older-than', '0s', '--store', 'sqlite:other.db']
    const refused = await varve(folder.path, ['blobs', ...wrong])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('None of the 1 events')
    const both = await varve(folder.path, ['blobs', ...wrong, '--also', 'sqlite:shop.db'])
    expect(both.stdout).toBe('1\t0\t0\t0\t0\t1\n')
    const told = await varve(folder.path, ['blobs', ...wrong, '--even-if-none-is-named'])
    expect(told.stdout).toBe('1\t1\t100\t0\t0\t0\n')
    expect((await collect('--older-than', '1h')).stdout).toBe('0\t0\t0\t1\t0\t1\n')
  })

  it.each([
    [['--older-than', 'soon'], /as in 7d/],
    [['--older-than', '7'], /as in 7d/],
    [['--blobs', 'blobs'], /names no blob store; known are file:blobs/],
    [['--blobs', 'file:'], /names no blob store/],
    [['--blobs', 'file:nowhere'], /no such directory/],
    [['--blobs', 'file://host/blobs'], /no path of this machine/],
    [['--blobs', 's3:///prefix'], /names no bucket/],
    [['--blobs', 's3://bucket?regoin=x'], /regoin/],
    [['--blobs', 's3://bucket?path_style=1'], /path_style/],
  ])('refuses %j', async (words, says) => {
    const ended = await collect(...words)
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toMatch(says)
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
  })

  it('asks for the blob store, and takes it from the environment', async () => {
    const words = ['blobs', 'collect', '--store', 'sqlite:shop.db']
    expect(await varve(folder.path, words)).toMatchObject({ code: 2, stderr: expect.stringContaining('--blobs') })
    expect(await varve(folder.path, words, { env: { VARVE_BLOBS: 'file:blobs' } })).toMatchObject({ code: 0 })
  })

  it('collects from a bucket', async () => {
    const server = await startS3()
    const blobs = `s3://${server.bucket}/scans?region=eu-west-1&endpoint=${encodeURIComponent(server.endpoint)}`
    const env = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' }
    const words = ['blobs', 'collect', '--blobs', blobs, '--store', 'sqlite:shop.db', '--json']
    const ended = await varve(folder.path, words, { env })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ended.stdout)).toMatchObject({ events: 1, named: 0, waiting: 0 })
    await server.close()
    expect(await varve(folder.path, words, { env })).toMatchObject({ code: 4, stdout: '' })
  }, 60_000)
})

describe('varve blobs verify', () => {
  it('is content when every claim can be redeemed, orphans or not', async () => {
    expect(await run('verify', '--blobs', 'file:blobs')).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('prints the events whose blob is missing', async () => {
    rmSync(join(folder.path, 'blobs', 'blobs', named.slice(0, 2)), { recursive: true })
    const ended = await run('verify', '--blobs', 'file:blobs')
    expect(ended.code).toBe(5)
    expect(ended.stdout).toMatch(new RegExp(`^missing\t${named}\tContract-7\t1\t[0-9a-f-]{36}\n$`))
  })

  it('prints damaged blobs, and the events that name them', async () => {
    for (const digest of [named, orphan]) {
      writeFileSync(join(folder.path, 'blobs', 'blobs', digest.slice(0, 2), digest), bytesNamed('rotten'))
    }
    mkdirSync(join(folder.path, 'blobs', 'blobs', 'zz'))
    const ended = await run('verify', '--blobs', 'file:blobs', '--json')
    expect(ended.code).toBe(5)
    const lines = ended.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(
      lines
        .slice(0, 2)
        .map(({ digest }) => digest)
        .sort(),
    ).toEqual([named, orphan].sort())
    expect(lines.slice(2)).toMatchObject([
      { state: 'corrupt', digest: named, stream_id: 'Contract-7', global_position: 1 },
    ])
  })
})
