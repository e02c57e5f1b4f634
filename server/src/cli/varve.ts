#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { withoutPassword } from '../store-url.ts'
import { describeFailure, Interrupted, OutputClosed } from './failure.ts'
import { runProgram } from './program.ts'
import { createTerminal, isTakenInTime } from './terminal.ts'

/** One press of Ctrl-C can arrive several times: from the terminal, and from whatever started this. */
const onePressMs = 1_000

const words = process.argv.slice(2)
const ending = new AbortController()
/** What SIGHUP does when it does not end the command. */
let hungUp: (() => void) | undefined
const terminal = createTerminal(process, ending.signal, (reason) => ending.abort(reason))

// The first signal lets work come to a clean end, a later one does not wait for it.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  const reason = new Interrupted(constants.signals[name])
  process.on(name, () => {
    if (name === 'SIGHUP' && hungUp !== undefined) return hungUp()
    if (!ending.signal.aborted) {
      pressedAt = performance.now()
      ending.abort(reason)
    } else if (performance.now() - pressedAt > onePressMs) process.exit(reason.exitCode)
  })
}
let pressedAt = 0

async function main(): Promise<number> {
  try {
    const exitCode = await runProgram({ version: version(), terminal, signal: ending.signal, onHangup }, words)
    await terminal.flush()
    return exitCode
  } catch (error) {
    // What cannot be written is told by this error, or by another one that ended the command first.
    await terminal.flush().catch(() => undefined)
    const { line, exitCode } = describeFailure(error)
    if (!(error instanceof OutputClosed)) terminal.note(`varve: ${line}`)
    if (isVerbose()) terminal.note(withoutPassword(stackOf(error)))
    return exitCode
  }
}

function onHangup(listener: () => void): () => void {
  hungUp = listener
  return () => {
    hungUp = undefined
  }
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return (manifest as { readonly version: string }).version
}

function isVerbose(): boolean {
  const debug = process.env.VARVE_DEBUG ?? ''
  return words.includes('--verbose') || !['', '0', 'false'].includes(debug)
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const stack = error.stack ?? error.message
  return error.cause === undefined ? stack : `${stack}\nCaused by ${stackOf(error.cause)}`
}

/** Resolves when a stream has handed on all that was written to it, or nobody takes it any more. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve()
    else stream.write('', () => resolve())
  })
}

process.exitCode = await main()
await isTakenInTime(Promise.all([written(process.stdout), written(process.stderr)]), ending.signal)
// Standard input that nobody reads to its end, or what a module of the user's opened, would keep the process waiting.
process.exit()
