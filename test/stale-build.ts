import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** What imports `varve` by its name runs what was built last: says so before the tests when that is not what is written. */
export function setup(): void {
  const stale = ['store', 'server'].filter((folder) => newestIn(join(root, folder, 'src')) > builtAt(folder))
  if (stale.length === 0) return
  process.stderr.write(`The sources of ${stale.join(' and ')} are newer than what was built of them: npm run build\n`)
}

function builtAt(folder: string): number {
  const entry = folder === 'store' ? 'index.js' : 'server.js'
  return statSync(join(root, folder, 'dist', entry), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function newestIn(folder: string): number {
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.test.ts'),
  )
  return Math.max(...sources.map((path) => statSync(join(folder, path)).mtimeMs))
}
