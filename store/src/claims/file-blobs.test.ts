import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, test } from 'vitest'
import { bytesNamed, digestOf, gathered, inChunks, itemsOf, listed } from '../../../test/blobs/bytes.ts'
import { blobStoreConformance } from '../conformance/index.ts'
import { claimCheck } from './claim-check.ts'
import { fileBlobs } from './file-blobs.ts'
import { translated } from './file-errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'varve-blobs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const freshDirectory = (): string => join(mkdtempSync(join(folder, 'case-')), 'of', 'blobs')

describe('blobs in files', () =>
  blobStoreConformance({
    test,
    open: () => {
      const directory = freshDirectory()
      return { blobs: fileBlobs({ directory }), openBeside: () => fileBlobs({ directory }) }
    },
  }))

describe('blobs in files', () => {
  it('lie under their digests, and nothing else is left', async () => {
    const directory = freshDirectory()
    const { digest } = await fileBlobs({ directory }).put(inChunks(bytesNamed('one'), 7))
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(files.map(({ parentPath, name }) => join(parentPath, name))).toEqual([
      join(directory, 'blobs', digest.slice(0, 2), digest),
    ])
    expect(readdirSync(join(directory, 'unfinished'))).toEqual([])
  })

  it('are shared by all who open the directory', async () => {
    const directory = freshDirectory()
    const claim = await claimCheck(fileBlobs({ directory })).check(bytesNamed('shared'))
    expect(await claimCheck(fileBlobs({ directory })).redeem(claim)).toEqual(bytesNamed('shared'))
  })

  it('are listed without what others have put between them', async () => {
    const directory = freshDirectory()
    const blobs = fileBlobs({ directory })
    const { digest } = await blobs.put(inChunks(bytesNamed('ours'), 7))
    writeFileSync(join(directory, 'blobs', '.DS_Store'), '')
    writeFileSync(join(directory, 'blobs', digest.slice(0, 2), 'notes.txt'), '')
    mkdirSync(join(directory, 'blobs', digest.slice(0, 2), 'f'.repeat(64)))
    expect(await listed(blobs)).toEqual([digest])
  })

  it('read what changed on disk as damage, and are mended by another check-in', async () => {
    const directory = freshDirectory()
    const claims = claimCheck(fileBlobs({ directory }))
    const claim = await claims.check(bytesNamed('rotten'))
    const digest = digestOf(bytesNamed('rotten'))
    const path = join(directory, 'blobs', digest.slice(0, 2), digest)
    for (const wrong of [bytesNamed('r0tten'), bytesNamed('rotten', 99), bytesNamed('rotten', 101), '']) {
      writeFileSync(path, wrong)
      await expect(claims.redeem(claim)).rejects.toMatchObject({ code: 'BLOB_CORRUPT', digest })
      await expect(gathered(claims.stream(claim))).rejects.toMatchObject({ code: 'BLOB_CORRUPT', digest })
    }
    await claims.check(bytesNamed('rotten'))
    expect(await claims.redeem(claim)).toEqual(bytesNamed('rotten'))
  })

  it('of writers that died are removed once they are old, the files of living ones are not', async () => {
    const directory = freshDirectory()
    const blobs = fileBlobs({ directory })
    const unfinished = join(directory, 'unfinished')
    for (const name of ['blob-dead', 'blob-slow']) {
      mkdirSync(join(unfinished, name), { recursive: true })
      writeFileSync(join(unfinished, name, 'content'), 'half')
      utimesSync(join(unfinished, name), 1_000, 1_000)
    }
    utimesSync(join(unfinished, 'blob-dead', 'content'), 1_000, 1_000)
    expect(await blobs.removeUnfinished(1_001_000)).toBe(1)
    expect(readdirSync(unfinished)).toEqual(['blob-slow'])
  })

  it('take the time of being set aside from the clock', async () => {
    const clock = { now: () => 1_700_000_000_000, sleep: async () => undefined, turn: async () => undefined }
    const blobs = fileBlobs({ directory: freshDirectory(), clock })
    const { digest } = await blobs.put(inChunks(bytesNamed('clocked'), 7))
    await blobs.setAside(digest)
    expect(await itemsOf(blobs.list())).toEqual([{ digest, bytes: 100, sinceMs: 1_700_000_000_000, isSetAside: true }])
  })

  it.each(['', 'a\0b', undefined])('refuse %j as a directory', (directory) => {
    expect(() => fileBlobs({ directory: directory as string })).toThrow(/directory/)
  })

  it('say what is wrong with their directory', async () => {
    const directory = freshDirectory()
    mkdirSync(join(directory, '..'), { recursive: true })
    writeFileSync(directory, 'a file')
    const refused = claimCheck(fileBlobs({ directory })).check(bytesNamed('any'))
    await expect(refused).rejects.toMatchObject({ code: 'BLOBS_FAILED', message: expect.stringContaining(directory) })
  })

  it.each([
    ['ENOSPC', 'BLOBS_FAILED', /disk is full/],
    ['EACCES', 'BLOBS_FAILED', /may not/],
    ['EMFILE', 'BLOBS_UNAVAILABLE', /Repeat/],
    ['EWHATEVER', 'BLOBS_FAILED', /as the system says it/],
  ])('translate %s', (code, ours, message) => {
    const cause = Object.assign(new Error('as the system says it'), { code, syscall: 'write' })
    expect(translated(cause, 'files in x')).toMatchObject({
      code: ours,
      message: expect.stringMatching(message),
      cause,
    })
  })
})
