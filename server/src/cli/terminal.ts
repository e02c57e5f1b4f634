import type { ReadStream, WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import { systemClock } from 'varve'
import { OutputClosed, OutputFailed } from './failure.ts'

/** The three streams of a process, as the command line needs them. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY'>>
  readonly stdout: OutputStream
  readonly stderr: OutputStream
}

/** A stream that may be a terminal. */
export type OutputStream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

/** The looks in use; each has one meaning everywhere. */
export type Look = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta'

/** Where results, notes and questions go. Standard output carries results only, so that a pipe gets nothing else. */
export interface Terminal {
  readonly stdin: Streams['stdin']
  readonly stderr: OutputStream
  /** True when a person reads standard output: results are laid out for the eye. */
  readonly isRead: boolean
  /** True when a person reads standard error: progress may be drawn there. */
  readonly isWatched: boolean
  /** Characters of a line of standard output. */
  readonly columns: number
  /** Prints one line of the result. Buffered; resolves when there is room for more. */
  print(line: string): Promise<void>
  /** Hands on what was printed so far. Resolves once it is written, and rejects when it cannot be. */
  flush(): Promise<void>
  /** Prints one line that is not part of the result. */
  note(line: string): void
  /** Colours text of the result on a terminal, honouring NO_COLOR and FORCE_COLOR. */
  styled(look: Look | readonly Look[], text: string): string
}

/** Why standard output takes nothing any more. */
type Lost = OutputClosed | OutputFailed

/** Printed characters that are gathered before they are written: a write per event costs more than reading it. */
const bufferChars = 65_536

/** How long whoever reads a pipe is given to take what was printed, once the command is to end; in milliseconds. */
const lastTakenMs = 500

/**
 * The terminal over a process's streams. `onLost` hears once when standard output takes nothing any more. Once `ending` has
 * aborted, what nobody takes is lost: a reader that hangs would keep the command for as long as it does.
 */
export function createTerminal(streams: Streams, ending: AbortSignal, onLost: (reason: Lost) => void): Terminal {
  const { stdin, stdout, stderr } = streams
  let buffered = ''
  let lost: unknown
  let isNoted = true

  function lose(error: NodeJS.ErrnoException): unknown {
    if (lost !== undefined) return lost
    const reason = error.code === 'EPIPE' ? new OutputClosed() : new OutputFailed(error)
    lost = reason
    onLost(reason)
    return reason
  }
  stdout.on('error', lose)
  // A result is worth printing when what is said beside it cannot be.
  stderr.on('error', () => {
    isNoted = false
  })

  async function flush(): Promise<void> {
    if (lost !== undefined) throw lost
    if (buffered === '') return
    const text = buffered
    buffered = ''
    const writing = new Promise<void>((resolve, reject) => {
      stdout.write(text, (error) => (error ? reject(lose(error)) : resolve()))
    })
    if (await isTakenInTime(writing, ending)) return
    lost ??= ending.reason
    throw lost
  }

  const isRead = stdout.isTTY === true
  return {
    stdin,
    stderr,
    isRead,
    isWatched: stderr.isTTY === true,
    columns: stdout.columns ?? 80,
    print: async (line) => {
      buffered += `${line}\n`
      if (isRead || buffered.length >= bufferChars) await flush()
    },
    flush,
    note: (line) => {
      if (isNoted) stderr.write(`${line}\n`)
    },
    styled: (look, text) => styleText(look as Look, text, { stream: stdout as WriteStream }),
  }
}

/** Whether what is written is taken, however long that takes; once `ending` has aborted, whether it soon is. */
export async function isTakenInTime(writing: Promise<unknown>, ending: AbortSignal): Promise<boolean> {
  const taken = new AbortController()
  const tooLate = (async (): Promise<boolean> => {
    await aborted(ending, taken.signal)
    await systemClock.sleep(lastTakenMs, taken.signal)
    return false
  })()
  try {
    return await Promise.race([writing.then(() => true), tooLate])
  } finally {
    taken.abort()
  }
}

/** Resolves when a signal has aborted, or nobody waits for that any more. */
function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    over.addEventListener('abort', () => resolve())
    signal.addEventListener('abort', () => resolve(), { once: true, signal: over })
  })
}
