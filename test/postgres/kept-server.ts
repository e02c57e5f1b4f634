import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Order, Report } from './keeper.ts'
import type { Identity } from './unprivileged.ts'

/** A server that was started. */
export interface Run {
  readonly pid: number
  isRunning(): boolean
  /** The exit code or the signal that ended it, undefined while it runs. */
  exit(): number | string | undefined
  /** Waits until it has ended; false when that takes longer. */
  ends(timeoutMs: number): Promise<boolean>
}

/** Runs servers in a folder, one after the other; all ends and the folder goes when this process does, however it ends. */
export interface Keeper {
  readonly pid: number
  /** Starts a program; `logged()` has what it writes. */
  start(command: readonly string[]): Promise<Run>
  /** All that the servers have written so far. */
  logged(): string
  /** Ends the server if it still runs, and removes the folder. */
  dismiss(): Promise<void>
}

/** Hires a keeper for a folder, which it will remove. */
export function hireKeeper(folder: string, { prefix, user }: Identity): Keeper {
  const logFile = join(folder, 'server.log')
  const keeper = fork(fileURLToPath(new URL('./keeper.ts', import.meta.url)), [folder], {
    execPath: process.execPath,
    execArgv: [],
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const gone = once(keeper, 'exit')
  // Whoever forgets to stop a server can still end; the keeper notices.
  keeper.unref()
  keeper.channel?.unref()
  return {
    pid: keeper.pid ?? 0,
    start: async (words) => {
      const [command = '', ...args] = [...prefix, ...words]
      const order: Order = { command, args, folder, logFile, user }
      return started(keeper, order)
    },
    logged: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
    dismiss: async () => {
      if (keeper.connected) keeper.disconnect()
      keeper.ref()
      await gone
    },
  }
}

/** Below those that systems give to connections, and to whoever listens wherever there is room: Linux begins at 32,768. */
const ports = { first: 15_000, beyond: 32_000 }
const given = new Set<number>()

/**
 * A TCP port of 127.0.0.1 that nobody has and that is given to nobody by chance: a server may take seconds until it
 * listens there, in which other tests connect and listen thousands of times.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(ports.first, ports.beyond)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

/** Looks until something holds; false when the server ended before, or it took too long. */
export async function holds(
  condition: () => boolean | Promise<boolean>,
  run: Run,
  timeoutMs: number,
): Promise<boolean> {
  for (const untilMs = Date.now() + timeoutMs; Date.now() < untilMs && run.isRunning(); await wait(10)) {
    if (await condition()) return true
  }
  return false
}

function started(keeper: ChildProcess, order: Order): Promise<Run> {
  const { promise: run, resolve, reject } = Promise.withResolvers<Run>()
  const ended = Promise.withResolvers<void>()
  let exit: number | string | undefined
  const over = (why: number | string): void => {
    exit = why
    keeper.off('message', listen)
    keeper.off('exit', lose)
    ended.resolve()
    reject(new Error(`${order.command} did not start: ${why}`))
  }
  const ends = (timeoutMs: number) => fulfilledWithin(ended.promise, timeoutMs)
  const lose = (): void => over('its keeper is gone')
  const listen = (message: unknown): void => {
    const report = message as Report
    if ('exit' in report) over(report.exit)
    else if ('failed' in report) over(report.failed)
    else resolve({ pid: report.pid, isRunning: () => exit === undefined, exit: () => exit, ends })
  }
  keeper.on('message', listen)
  keeper.on('exit', lose)
  keeper.send(order)
  // The open channel must not hold a process that has nothing else to do, but one that waits for the start.
  keeper.channel?.ref()
  return run.finally(() => keeper.channel?.unref())
}

/** The timer also holds this process while it waits. */
async function fulfilledWithin(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController()
  const tooLong = wait(timeoutMs, false, { signal: timer.signal }).catch(() => false)
  const isFulfilled = await Promise.race([promise.then(() => true), tooLong])
  timer.abort()
  return isFulfilled
}
