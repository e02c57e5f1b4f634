import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Measured } from './measured.ts'

/** One run of one candidate in its own process; `folder` is empty at first and gone afterwards. */
export type Trial<Settings> = (settings: Settings, folder: string) => Promise<Measured>

/** What the child is told. */
export interface TrialOrder {
  /** URL of a module that exports `trials`. */
  readonly module: string
  readonly name: string
  readonly settings: unknown
  readonly folder: string
}

/** Runs one of a module's trials in a fresh process, so that no candidate inherits another one's heap or compiled code. */
export function runTrial(order: TrialOrder): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./trial-process.ts', import.meta.url)), [JSON.stringify(order)], {
      execArgv: ['--expose-gc'],
    })
    let measured: Measured | undefined
    child.on('message', (message) => {
      measured = message as Measured
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (measured !== undefined && code === 0) resolve(measured)
      else reject(new Error(`${order.name} ended with ${signal ?? `exit code ${code}`}; what it said is above.`))
    })
  })
}
