import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const root = join(import.meta.dirname, '..', '..')
const command = join(root, 'server', 'dist', 'cli', 'varve.js')

/** How a run of `varve` ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A run of `varve` under way. */
export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with the whole of standard output so far, as soon as it matches. */
  printed(pattern: RegExp): Promise<string>
}

/** What a run is given besides its words. */
export interface Given {
  /** Null: nothing comes, and it does not end. */
  readonly stdin?: string | Uint8Array | null
  /** An open file that takes standard output. */
  readonly stdout?: number
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
}

/** An empty folder for one test file, outside of the repository. */
export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'varve-cli-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Runs the built command in a folder and waits for its end. */
export function varve(folder: string, words: readonly string[], given: Given = {}): Promise<Ended> {
  return start(folder, words, given).ended
}

/** Starts the built command in a folder. Standard input is empty unless given. */
export function start(folder: string, words: readonly string[], given: Given = {}): Running {
  const { stdin = '', stdout: output = 'pipe', env = {}, uid } = given
  if (!existsSync(command)) throw new Error(`${command} is not there: build first, with npm run build`)
  const options: SpawnOptions = {
    cwd: folder,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['pipe', output, 'pipe'],
    ...(uid !== undefined && { uid }),
  }
  const child = spawn(process.execPath, [command, ...words], options)
  const { stdin: input, stdout, stderr } = child
  if (input === null || stderr === null) throw new Error('the command has no pipes')
  // A command that refuses its arguments does not read its input.
  input.on('error', () => undefined)
  if (stdin !== null) input.end(stdin)
  let printed = ''
  const waiting = new Set<() => void>()
  stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk
    for (const look of waiting) look()
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    const errors = text(stderr)
    child.on('error', reject)
    child.on('close', (code) => {
      void errors.then((says) => resolve({ code, stdout: printed, stderr: says }))
    })
  })
  return { child, ended, printed: (pattern) => whenPrinted(pattern) }

  function whenPrinted(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(printed)) return
        waiting.delete(look)
        resolve(printed)
      }
      waiting.add(look)
      look()
      void ended.then(({ stderr: says }) => reject(new Error(`ended before it printed ${pattern}: ${printed}${says}`)))
    })
  }
}

/** Settings of whoever runs the tests must not reach the command. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(VARVE_|FORCE_COLOR|NO_COLOR)/.test(name))
  return Object.fromEntries(kept)
}
