import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { EventStore } from 'varve'
import { openStoreAt, type Purpose } from '../open-engine.ts'
import { CliFailure, type ExitCode } from './failure.ts'
import type { Terminal } from './terminal.ts'

/** What every command works with. */
export interface Session {
  readonly storeUrl: string
  readonly terminal: Terminal
  /** True: JSON lines whoever reads. */
  readonly json: boolean
  /** Aborts on Ctrl-C, on a request to end, and when nobody reads the output any more. */
  readonly signal: AbortSignal
  /** Has SIGHUP call this instead of ending the command, until what it gives is called. */
  readonly onHangup: (hungUp: () => void) => () => void
}

/** Runs a command's work; its exit code is 0 when the work gives none. */
export type Run = (command: Command, work: (session: Session) => Promise<ExitCode | undefined>) => Promise<void>

/** Where the store lies unless --store or VARVE_STORE says otherwise. */
export const defaultStoreUrl = 'sqlite:varve.db'

/**
 * Opens the store for one piece of work and closes it afterwards.
 * `existing`: a file or a schema that is not there is refused, because a mistyped name must not make an empty store.
 */
export async function withStore<Result>(
  session: Session,
  purpose: Purpose,
  work: (store: EventStore) => Promise<Result>,
): Promise<Result> {
  const { storeUrl, signal } = session
  signal.throwIfAborted()
  refuseUnfitStore(storeUrl, purpose)
  const store = await openStoreAt(storeUrl, purpose, process.env.VARVE_TOKEN)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** The file behind a store URL, or undefined when the store is no file. */
export function filePathOf(storeUrl: string): string | undefined {
  const path = /^sqlite:(.+)$/is.exec(storeUrl)?.[1]
  return path === undefined || path === ':memory:' ? undefined : path
}

/** Refuses a directory, and a file that is empty or not there when there has to be a store. */
export function refuseUnfitStore(storeUrl: string, purpose: Purpose): void {
  const path = filePathOf(storeUrl)
  if (path === undefined) return
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) {
    throw new CliFailure(`${storeUrl} is a directory. Name a file in it, as in sqlite:${join(path, 'varve.db')}.`)
  }
  if (purpose === 'create') return
  // SQLite takes an empty file for a new database, and would make a store of it for a command that only reads.
  if (found !== undefined && found.size > 0) return
  throw new CliFailure(
    `There is no store at ${storeUrl}. Check --store (or VARVE_STORE); 'varve append', 'varve import' and 'varve serve' make a new one.`,
  )
}
