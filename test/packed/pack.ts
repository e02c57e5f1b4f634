import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseSource } from '../tidy/source.ts'

const runFile = promisify(execFile)

/** The repository's root. */
export const root: string = dirname(dirname(import.meta.dirname))

/** One of the two packages, packed as npm would publish it and unpacked again. */
export interface Packed {
  readonly tarball: string
  /** Where the tarball was unpacked. */
  readonly folder: string
  /** Paths inside the package. */
  readonly files: readonly string[]
  readonly manifest: Manifest
  readonly source: (path: string) => string
}

/** What the tests read of a package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly engines: { readonly node: string }
  readonly exports: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** What a command said, and the code it ended with. */
export interface Ended {
  readonly code: number
  readonly output: string
}

/** A folder of its own for one test file, removed by `remove`. */
export function temporaryFolder(name: string): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `varve-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Packs a workspace. What it was built into has to be there already. */
export async function pack(workspace: string, into: string): Promise<Packed> {
  const args = ['pack', '--workspace', workspace, '--pack-destination', into, '--json', '--ignore-scripts']
  const { stdout } = await runFile('npm', args, { cwd: root })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  const folder = mkdtempSync(join(into, `${workspace}-`))
  const tarball = join(into, filename)
  await runFile('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder])
  const source = (path: string): string => readFileSync(join(folder, path), 'utf8')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  return { tarball, folder, files, manifest: JSON.parse(source('package.json')) as Manifest, source }
}

/** Runs a command on the repository's own tools; its exit code is part of the answer, not an error. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const env = { ...process.env, PATH: path, NO_COLOR: '1', FORCE_COLOR: '0' }
  try {
    const { stdout, stderr } = await runFile(command, args, { cwd, env })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string }
    if (typeof code !== 'number') throw error
    return { code, output: stdout + stderr }
  }
}

/** Every module that a packed file names. */
export function modulesNamedIn(packed: Packed, path: string): readonly string[] {
  return parseSource(path, packed.source(path)).imports.map(({ specifier }) => specifier)
}

/** The files that the entries of a package lead to, declarations for declarations and code for code. */
export function reachedFiles(packed: Packed, entries: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>()
  const waiting = [...entries]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path) || !packed.files.includes(path)) continue
    reached.add(path)
    if (!/\.(js|ts)$/.test(path)) continue
    const origin = new URL(path, 'file:///')
    for (const specifier of modulesNamedIn(packed, path).filter((name) => name.startsWith('.'))) {
      const target = fileURLToPath(new URL(specifier, origin)).slice(1)
      waiting.push(path.endsWith('.d.ts') ? target.replace(/\.(ts|js)$/, '.d.ts') : target)
    }
  }
  return reached
}
