import { createReadStream } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import { isSystemError } from './failure.ts'
import type { Session } from './session.ts'

/**
 * The bytes of a file, or of standard input for `-`. Ends when the command is to end: whoever writes into a pipe may not
 * say anything for ever.
 */
export async function* bytesOf(file: string, { terminal, signal }: Session): AsyncGenerator<Buffer> {
  const stream = file === '-' ? (terminal.stdin as Readable) : createReadStream(file, { highWaterMark: 262_144 })
  try {
    for await (const chunk of addAbortSignal(signal, stream)) yield Buffer.from(chunk)
  } catch (error) {
    signal.throwIfAborted()
    // Reading a directory fails without telling which.
    if (isSystemError(error) && error.path === undefined) throw Object.assign(error, { path: nameOf(file) })
    throw error
  }
}

/** What messages call it. */
export function nameOf(file: string): string {
  return file === '-' ? 'Standard input' : file
}
