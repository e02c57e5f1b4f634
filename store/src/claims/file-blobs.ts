/**
 * Blobs as files. `<directory>/blobs/ab/abcd…` is a blob, `set-aside/ab/abcd…` one that a collection has set aside, and
 * `unfinished/<random>/content` one that is being written.
 *
 * - A blob appears by a rename, after its bytes were synced; the folders it appears in are synced before `put` resolves.
 * - `put` always writes and renames, also over an equal blob: its file is young then, by which a collection knows that it is
 *   in use, and a damaged one is mended. There is no moment at which the name is not there.
 * - Between folders a blob moves by a rename. A reader that finds it in neither looks again, because it may have moved
 *   behind the reader's back.
 */

import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { type FileHandle, mkdir, mkdtemp, open, opendir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import { BlobMissing } from '../model/blob-errors.ts'
import { isDigest } from '../model/claim.ts'
import { InvalidArgument } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import type { BlobEntry, BlobStore, StoredBlob } from './blob-store.ts'
import { checkDigest } from './digest.ts'
import { isAbsent, translated } from './file-errors.ts'

const optionFields = fieldsOf<FileBlobsOptions>({ directory: true, clock: true })

/** Options of {@link fileBlobs}. */
export interface FileBlobsOptions {
  /** Made when it is not there. Several processes may use it at once. */
  readonly directory: string
  /** Says when a blob was set aside. Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

/** Bytes read from a file at once. */
const chunkBytes = 262_144

/**
 * Keeps blobs as files in a directory, synced to disk before a check-in resolves.
 *
 * @throws INVALID_ARGUMENT when no directory is given. Nothing is made or opened before the first call.
 */
export function fileBlobs(options: FileBlobsOptions): BlobStore {
  refuseUnknownOptions(options, optionFields, 'fileBlobs')
  const { directory, clock = systemClock } = options
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new InvalidArgument('directory', 'is not the path of a directory')
  }
  const root = resolve(directory)
  const name = `files in ${directory}`
  const pathIn = (folder: Folder, digest: string): string => {
    checkDigest(digest)
    return join(root, folder, digest.slice(0, 2), digest)
  }
  const run = <Result>(work: () => Promise<Result>): Promise<Result> =>
    work().catch((error: unknown) => {
      throw translated(error, name)
    })
  const move = async (digest: string, from: Folder, to: Folder): Promise<void> => {
    const [source, target] = [pathIn(from, digest), pathIn(to, digest)]
    await run(() => unlessAbsent(() => moveFile(source, target, clock.now())))
  }
  return {
    name,
    put: (content) => store(root, content, run),
    get: (digest) => {
      const places = [pathIn('blobs', digest), pathIn('set-aside', digest)]
      return { [Symbol.asyncIterator]: () => chunksOf(places, { digest, name, run }) }
    },
    list: () => ({
      [Symbol.asyncIterator]: async function* () {
        yield* listed(root, 'set-aside', run)
        yield* listed(root, 'blobs', run)
      },
    }),
    setAside: async (digest) => move(digest, 'blobs', 'set-aside'),
    restore: async (digest) => move(digest, 'set-aside', 'blobs'),
    remove: async (digest) => {
      const path = pathIn('set-aside', digest)
      await run(() => rm(path, { force: true }))
    },
    removeUnfinished: (beforeMs) => run(() => removeUnfinished(join(root, 'unfinished'), beforeMs)),
  }
}

type Folder = 'blobs' | 'set-aside'
type Run = <Result>(work: () => Promise<Result>) => Promise<Result>

async function store(root: string, content: AsyncIterable<Uint8Array>, run: Run): Promise<StoredBlob> {
  const unfinished = join(root, 'unfinished')
  await run(() => mkdir(unfinished, { recursive: true }))
  const folder = await run(() => mkdtemp(join(unfinished, 'blob-')))
  try {
    const path = join(folder, 'content')
    const stored = await write(path, content, run)
    await run(() => publish(root, path, join(root, 'blobs', stored.digest.slice(0, 2), stored.digest)))
    return stored
  } finally {
    await run(() => rm(folder, { recursive: true, force: true }))
  }
}

/** Errors of the file are the blob store's; errors of the content pass as they are. */
async function write(path: string, content: AsyncIterable<Uint8Array>, run: Run): Promise<StoredBlob> {
  const file = await run(() => open(path, 'wx'))
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of content) {
      hash.update(chunk)
      await run(() => file.appendFile(chunk))
      bytes += chunk.byteLength
    }
    await run(() => file.sync())
    return { digest: hash.digest('hex'), bytes }
  } finally {
    await run(() => file.close())
  }
}

async function publish(root: string, path: string, target: string): Promise<void> {
  const folder = dirname(target)
  const isNew = (await mkdir(folder, { recursive: true })) !== undefined
  await rename(path, target)
  await syncFolder(folder)
  // A folder is durable once the one it lies in is synced.
  if (isNew) for (const parent of [dirname(folder), root, dirname(root)]) await syncFolder(parent)
}

/** Windows opens no folders, and keeps names durable by itself. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** The time first: a move that is cut off between the two leaves a blob that is younger than it was, which is safe. */
async function moveFile(source: string, target: string, nowMs: number): Promise<void> {
  await utimes(source, nowMs / 1000, nowMs / 1000)
  await mkdir(dirname(target), { recursive: true })
  await rename(source, target)
}

async function unlessAbsent(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
}

interface Wanted {
  readonly digest: string
  readonly name: string
  readonly run: Run
}

async function* chunksOf(places: readonly string[], { digest, name, run }: Wanted): AsyncGenerator<Uint8Array> {
  const file = await run(() => firstThere(places))
  if (file === undefined) throw new BlobMissing(digest, name)
  try {
    for (;;) {
      const { bytesRead, buffer } = await run(() => file.read(Buffer.allocUnsafe(chunkBytes)))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function firstThere(places: readonly string[]): Promise<FileHandle | undefined> {
  for (const place of [...places, ...places, ...places]) {
    try {
      return await open(place, 'r')
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
  }
  return undefined
}

async function* listed(root: string, folder: Folder, run: Run): AsyncGenerator<BlobEntry> {
  for (const prefix of await run(() => namesIn(join(root, folder)))) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue
    for (const digest of await run(() => namesIn(join(root, folder, prefix)))) {
      // Files that others have put here are none of ours.
      if (!isDigest(digest)) continue
      const found = await run(() => statOf(join(root, folder, prefix, digest)))
      if (found?.isFile() === true) {
        yield { digest, bytes: found.size, sinceMs: found.mtimeMs, isSetAside: folder === 'set-aside' }
      }
    }
  }
}

async function removeUnfinished(folder: string, beforeMs: number): Promise<number> {
  let removed = 0
  for (const name of await namesIn(folder)) {
    const path = join(folder, name)
    const times = await Promise.all([statOf(path), statOf(join(path, 'content'))])
    if (times.some((found) => found !== undefined && found.mtimeMs >= beforeMs)) continue
    await rm(path, { recursive: true, force: true })
    removed++
  }
  return removed
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = []
  try {
    for await (const { name } of await opendir(folder)) names.push(name)
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
  return names
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (!isAbsent(error)) throw error
    return undefined
  }
}
