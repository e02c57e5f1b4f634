import type { ReadStream, WriteStream } from 'node:tty'
import { styleText } from 'node:util'
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
  /** Prints one line of the result. Buffered; resolves when the reader has taken enough for more. */
  print(line: string): Promise<void>
  /** Hands on what was printed so far. */
  flush(): Promise<void>
  /** Prints one line that is not part of the result. */
  note(line: string): void
  /** Colours text of the result on a terminal, honouring NO_COLOR and FORCE_COLOR. */
  styled(look: Look | readonly Look[], text: string): string
}

/** Printed characters that are gathered before they are written: a write per event costs more than reading it. */
const bufferChars = 65_536

/** The terminal over a process's streams. `onLost` hears when standard output takes nothing any more. */
export function createTerminal(streams: Streams, onLost: (reason: OutputClosed | OutputFailed) => void): Terminal {
  const { stdin, stdout, stderr } = streams
  let buffered = ''
  let isLost = false
  let isNoted = true

  stdout.on('error', (error: NodeJS.ErrnoException) => {
    isLost = true
    onLost(error.code === 'EPIPE' ? new OutputClosed() : new OutputFailed(error))
  })
  // A result is worth printing when what is said beside it cannot be.
  stderr.on('error', () => {
    isNoted = false
  })

  async function flush(): Promise<void> {
    if (buffered === '' || isLost) return
    const text = buffered
    buffered = ''
    if (stdout.write(text)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdout.off('drain', done)
        stdout.off('close', done)
        stdout.off('error', done)
        resolve()
      }
      stdout.on('drain', done)
      stdout.on('close', done)
      stdout.on('error', done)
    })
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
