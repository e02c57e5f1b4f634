import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { StoredBlob } from './blob-store.ts'
import { translated } from './file-errors.ts'

/** Content whose digest and length are known, which can be read more than once. */
export interface Spooled extends StoredBlob, AsyncDisposable {
  /** All of it, when it fits into memory. */
  readonly held: Uint8Array | undefined
  /** All of it from the beginning, when it lies in a temporary file. */
  stream(): Readable
}

/** Bytes that are held in memory; a temporary file takes what is longer. */
const heldBytes = 8_388_608

/**
 * Reads content to its end, because a name made of its digest, and the length a request has to tell first, are only known
 * then. Memory does not grow with the length.
 */
export async function spool(content: AsyncIterable<Uint8Array>): Promise<Spooled> {
  const hash = createHash('sha256')
  const held: Uint8Array[] = []
  let file: SpoolFile | undefined
  let bytes = 0
  try {
    for await (const chunk of content) {
      hash.update(chunk)
      bytes += chunk.byteLength
      if (file === undefined && bytes > heldBytes) {
        file = await openFile()
        for (const earlier of held.splice(0)) await file.write(earlier)
      }
      // A source may fill one buffer again and again.
      if (file === undefined) held.push(new Uint8Array(chunk))
      else await file.write(chunk)
    }
    await file?.finish()
  } catch (error) {
    await file?.remove()
    throw error
  }
  return {
    digest: hash.digest('hex'),
    bytes,
    held: file === undefined ? Buffer.concat(held) : undefined,
    stream: () => createReadStream(file?.path ?? ''),
    [Symbol.asyncDispose]: async () => file?.remove(),
  }
}

interface SpoolFile {
  readonly path: string
  write(chunk: Uint8Array): Promise<void>
  finish(): Promise<void>
  remove(): Promise<void>
}

async function openFile(): Promise<SpoolFile> {
  const run = <Result>(work: () => Promise<Result>): Promise<Result> =>
    work().catch((error: unknown) => {
      throw translated(error, `temporary files in ${tmpdir()}`)
    })
  const folder = await run(() => mkdtemp(join(tmpdir(), 'varve-blob-')))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const path = join(folder, 'content')
  const file: FileHandle = await run(() => open(path, 'wx', 0o600)).catch(async (error: unknown) => {
    await remove()
    throw error
  })
  return {
    path,
    write: (chunk) => run(() => file.appendFile(chunk)),
    finish: () => run(() => file.close()),
    remove: async () => {
      await file.close()
      await remove()
    },
  }
}
