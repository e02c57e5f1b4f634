import { type FileHandle, open, stat, truncate } from 'node:fs/promises'
import { CliFailure, isSystemError } from './failure.ts'
import type { Terminal } from './terminal.ts'

/** Where an export goes, line by line. */
export interface LineSink {
  write(line: string): Promise<void>
  /** Hands on what was gathered; of a file, resolves when it is on disk. Safe to call after a failure. */
  close(): Promise<void>
}

const bufferChars = 262_144

/** Lines to standard output. */
export function standardOutput(terminal: Terminal): LineSink {
  return { write: (line) => terminal.print(line), close: () => terminal.flush() }
}

/** Lines to a new file. An existing one is refused, unless it is empty: it may be the only copy of something. */
export async function newLineFile(path: string): Promise<LineSink> {
  const existing = await statIfThere(path)
  if (existing?.isFile() && existing.size > 0) {
    throw new CliFailure(`${path} exists. Add what is new with --continue, or export to another file.`)
  }
  return lineFile(await open(path, 'a'))
}

/** How an earlier export ends. */
export interface EarlierExport {
  /** The last whole line, undefined when there is none. */
  readonly lastLine: string | undefined
  /** Bytes up to and with that line. */
  readonly wholeBytes: number
  /** What stands behind it: a line that was cut off; empty when the file ends well. */
  readonly torn: string
}

/** Finds the end of an earlier export; undefined when there is no such file. */
export async function earlierExport(path: string): Promise<EarlierExport | undefined> {
  if ((await statIfThere(path)) === undefined) return undefined
  const handle = await open(path, 'r+')
  try {
    return await endOf(handle)
  } finally {
    await handle.close()
  }
}

/** Lines behind the whole ones of an earlier export; a torn one is removed. */
export async function grownLineFile(path: string, { wholeBytes, torn }: EarlierExport): Promise<LineSink> {
  if (torn !== '') await truncate(path, wholeBytes)
  return lineFile(await open(path, 'a'))
}

function lineFile(handle: FileHandle): LineSink {
  let buffered = ''
  let closed = false

  async function flush(): Promise<void> {
    const text = buffered
    buffered = ''
    if (text !== '') await handle.appendFile(text)
  }

  return {
    write: async (line) => {
      buffered += `${line}\n`
      if (buffered.length >= bufferChars) await flush()
    },
    close: async () => {
      if (closed) return
      closed = true
      try {
        await flush()
        await syncIfPossible(handle)
      } finally {
        await handle.close()
      }
    },
  }
}

/** An export is a backup: it is done when it would survive a power cut. Pipes and devices have nothing to sync. */
async function syncIfPossible(handle: FileHandle): Promise<void> {
  try {
    await handle.sync()
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'EINVAL') throw error
  }
}

/** Searches backward in growing steps: an export may be larger than memory. */
async function endOf(handle: FileHandle): Promise<EarlierExport> {
  const { size } = await handle.stat()
  for (let step = 65_536; ; step *= 2) {
    const begin = Math.max(0, size - step)
    const tail = Buffer.alloc(size - begin)
    await handle.read(tail, 0, tail.length, begin)
    const end = tail.lastIndexOf(0x0a)
    const before = end < 1 ? -1 : tail.lastIndexOf(0x0a, end - 1)
    if (before < 0 && begin > 0) continue
    return {
      lastLine: end < 0 ? undefined : tail.toString('utf8', before + 1, end),
      wholeBytes: begin + end + 1,
      torn: tail.toString('utf8', end + 1),
    }
  }
}

async function statIfThere(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined
    throw error
  }
}
