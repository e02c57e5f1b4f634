// A program that runs one server at a time for another process and never lets it outlive that one:
//
//   waiting > running > waiting > ... > the other process goes, in whatever way > the server ends, its folder goes
//
// A process that is killed cannot clean up, so this one does. It is in a session of its own, where neither Ctrl-C nor the
// end of a process group reaches it; the closed channel is how it learns that it is alone.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, rmSync } from 'node:fs'
import type { User } from './unprivileged.ts'

/** What the keeper is asked to run. */
export interface Order {
  readonly command: string
  readonly args: readonly string[]
  readonly folder: string
  readonly logFile: string
  readonly user: User
}

/** What the keeper tells: one of the first two for every order, and one `exit` for every `pid`. */
export type Report = { readonly pid: number } | { readonly failed: string } | { readonly exit: number | string }

/** A server that does not end in this time is killed. */
const endMs = 10_000

const folder = process.argv[2] ?? ''
let server: ChildProcess | undefined

process.on('message', (order) => run(order as Order))
process.once('disconnect', end)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (process.connected) process.disconnect()
  })
}

function run({ command, args, folder: cwd, logFile, user }: Order): void {
  const log = openSync(logFile, 'a')
  const started = spawn(command, args, { stdio: ['ignore', log, log], cwd, ...user, env: environment() })
  closeSync(log)
  server = started
  started.once('error', ({ message }) => tell({ failed: message }))
  started.once('spawn', () => tell({ pid: started.pid ?? 0 }))
  started.once('exit', (code, signal) => tell({ exit: code ?? signal ?? 'unknown' }))
}

/** Settings for other clusters stay outside. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')))
}

async function end(): Promise<void> {
  if (server !== undefined && server.exitCode === null && server.signalCode === null) {
    const killer = setTimeout(() => server?.kill('SIGKILL'), endMs)
    const exit = once(server, 'exit')
    server.kill('SIGQUIT')
    await exit
    clearTimeout(killer)
  }
  // The processes of a killed server may still be writing.
  if (folder !== '') rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

function tell(report: Report): void {
  if (process.connected) process.send?.(report)
}
