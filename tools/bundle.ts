/**
 * Joins the modules of each package into one file for each of its entries and a few that entries share, so that importing
 * `varve` reads a handful of files instead of more than two hundred. Part of `npm run build`; the compiler writes the
 * declarations.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path'
import { rolldown } from 'rolldown'

const root = join(import.meta.dirname, '..')

/** Modules that run in a thread of their own, which whoever starts it finds beside its own file. */
const threads: Readonly<Record<string, string>> = { server: 'kurrent/projections/isolate/isolate-worker' }
const startsThread = { module: /[\\/]isolate[\\/]isolate\.ts$/, name: 'kurrent/projections/isolate/isolate' }

for (const folder of ['store', 'server']) await bundle(folder)

async function bundle(folder: string): Promise<void> {
  const entries = [...entriesOf(folder), ...(threads[folder] === undefined ? [] : [threads[folder]])]
  await using build = await rolldown({
    input: Object.fromEntries(entries.map((name) => [name, join(root, folder, 'src', `${name}.ts`)])),
    platform: 'node',
    // The oldest Node that the package is for knows no `await using`, and imports nothing of a file that says it.
    transform: { target: `node${manifestOf(folder).engines.node.replace('>=', '')}` },
    // What a package depends on comes from npm. What stands for newer syntax is joined in, and depends on nothing.
    external: (id) => !id.startsWith('.') && !isAbsolute(id) && !id.startsWith('@oxc-project/runtime/'),
  })
  const out = join(root, folder, 'dist')
  const { output } = await build.write({
    dir: out,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => (name === startsThread.name ? '[name].js' : 'joined/[name]-[hash].js'),
    codeSplitting: { groups: [{ test: startsThread.module, name: startsThread.name }] },
  })
  const written = new Set(output.map(({ fileName }) => join(out, fileName)))
  for (const path of filesIn(out, '.js')) if (!written.has(path)) rmSync(path)
  keepBack(out, entries)
}

/** Has npm leave out the declarations that no entry leads to: what they describe is inside the joined files. */
function keepBack(out: string, entries: readonly string[]): void {
  const reached = new Set<string>()
  const waiting = entries.map((name) => join(out, `${name}.d.ts`))
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    const named = readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*["'](\.[^"']+)\.(?:ts|js)["']/g)
    for (const [, module] of named) waiting.push(join(dirname(path), `${module}.d.ts`))
  }
  const unreached = filesIn(out, '.d.ts').filter((path) => !reached.has(path))
  writeFileSync(
    join(out, '.npmignore'),
    unreached.map((path) => `/${relative(out, path).replaceAll(sep, '/')}\n`).join(''),
  )
}

function filesIn(folder: string, ending: string): readonly string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return paths.filter((path) => path.endsWith(ending)).map((path) => join(folder, path))
}

/** The modules behind the entries and the commands of a package, as in `engines/sqlite/index`. */
function entriesOf(folder: string): readonly string[] {
  const { exports, bin = {} } = manifestOf(folder)
  return [...Object.values(exports), ...Object.values(bin)]
    .filter((target) => target.endsWith('.js'))
    .map((target) => posix.relative('dist', target).slice(0, -'.js'.length))
}

interface Manifest {
  readonly engines: { readonly node: string }
  readonly exports: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest
}
