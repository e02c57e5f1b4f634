import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { parseSource, type SourceFile } from './source.ts'

/** The repository as the rules see it: every text file, and the parsed form of those that hold code. */
export interface Tree {
  /** Text by path from the root, with forward slashes. */
  readonly texts: ReadonlyMap<string, string>
  readonly sources: ReadonlyMap<string, SourceFile>
}

/** Folders that come and go while tests of programs and of measurements run are among them. */
const notOurs = new Set([
  ...['node_modules', 'dist', 'coverage', '.git', 'LICENSE', 'package-lock.json'],
  ...['.varve', 'stores'],
])
const text = /\.(ts|tsx|mjs|js|json|md|ya?ml|html|css|sql|txt)$|\/run$|^\.gitignore$/
const code = /\.(ts|tsx|mjs)$/

/** Reads the working tree. */
export function treeOnDisk(root: string): Tree {
  const paths = walk(root, '').filter((path) => text.test(path))
  return treeOf(Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')])))
}

/** A tree from texts by path; what the rules are proven with. */
export function treeOf(texts: Readonly<Record<string, string>>): Tree {
  const entries = Object.entries(texts)
  const sources = entries
    .filter(([path]) => code.test(path) && !path.endsWith('.d.ts'))
    .map(([path, content]) => [path, parseSource(path, content)] as const)
  return { texts: new Map(entries), sources: new Map(sources) }
}

/** The file a relative specifier means, undefined for a package. */
export function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? join(dirname(path), specifier) : undefined
}

/** Whether a file exists for tests only. */
export function isTest(path: string): boolean {
  return /\.test(-d)?\.tsx?$/.test(path) || /^(test|bench|examples|tools)\//.test(path) || isProof(path)
}

/** The deliberately wrong engines and targets: they prove the conformance suites and are not published. */
function isProof(path: string): boolean {
  return /^store\/src\/conformance\/wrong-(engines|targets)\//.test(path)
}

/** A parsed manifest of a package, empty when there is none. */
export function manifest(tree: Tree, path: string): Readonly<Record<string, unknown>> {
  return JSON.parse(tree.texts.get(path) ?? '{}') as Record<string, unknown>
}

/** The source files that a package's exports and commands are built from. */
export function entriesOf(tree: Tree, folder: string): readonly string[] {
  const { exports = {}, bin = {} } = manifest(tree, `${folder}/package.json`)
  return leaves([exports, bin])
    .filter((path) => path.startsWith('./dist/') && path.endsWith('.js'))
    .map((path) => `${folder}/src/${path.slice('./dist/'.length, -'.js'.length)}.ts`)
}

function leaves(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : []
}

function walk(root: string, folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !notOurs.has(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? walk(root, path) : [path]
    })
}
