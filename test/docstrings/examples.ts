import { join } from 'node:path'
import { root } from '../packed/pack.ts'
import { type AstNode, dottedName, isNode, nodesIn, parseSource, type SourceFile } from '../tidy/source.ts'
import { manifest, type Tree, targetOf } from '../tidy/tree.ts'

const stage = 'test/docstrings/stage.ts'

/** What an application has from elsewhere. */
const fromElsewhere = [
  ['z', "import * as z from 'zod'"],
  ['test', "import { test } from 'node:test'"],
] as const

/** The examples in the docstrings of the library, as programs: by file and line, each with the imports it leaves out. */
export function docstringPrograms(tree: Tree): ReadonlyMap<string, string> {
  const offered = namesOffered(tree)
  const sources = [...tree.sources.values()].filter(({ path }) => path.startsWith('store/src/'))
  return new Map(
    sources.flatMap((source) =>
      examplesIn(source).map(({ line, code }) => {
        const name = `${source.path.slice('store/src/'.length, -'.ts'.length).replaceAll('/', '-')}-${line}`
        return [name, programOf(code, offered)] as const
      }),
    ),
  )
}

function examplesIn({
  text,
  comments,
  lineOf,
}: SourceFile): readonly { readonly line: number; readonly code: string }[] {
  return comments
    .filter(({ isDocstring }) => isDocstring)
    .flatMap(({ start, end }) => {
      const lines = text
        .slice(start, end)
        .replace(/\s*\*\/$/, '')
        .split('\n')
        .map((line) => line.replace(/^\s*\* ?/, ''))
      const tags = lines.flatMap((line, index) => (line.startsWith('@example') ? [index] : []))
      return tags.map((tag) => {
        const next = lines.findIndex((line, index) => index > tag && line.startsWith('@'))
        const code = lines.slice(tag + 1, next < 0 ? undefined : next).join('\n')
        return { line: lineOf(start) + tag, code }
      })
    })
}

/**
 * An example says what matters and leaves out the imports. A name that the library publishes comes from there, one that the
 * stage has from the stage; an example that never ends stops where the stage has seen enough.
 */
function programOf(code: string, offered: ReadonlyMap<string, string>): string {
  const imports = [...freeNames(code)].flatMap((name) => offered.get(name) ?? [])
  return [
    ...imports,
    `import { SeenEnough } from '${join(root, stage)}'`,
    "process.on('uncaughtException', (error) => {",
    '  if (error instanceof SeenEnough) process.exit(0)',
    '  console.error(error)',
    '  process.exit(1)',
    '})',
    code,
    'export {}',
  ].join('\n')
}

function freeNames(code: string): ReadonlySet<string> {
  const names = new Set<string>()
  const bound = new Set<string>()
  for (const node of nodesIn(parseSource('example.ts', code).program)) {
    if (node.type === 'Identifier') names.add(String(node.name))
    if (node.type === 'VariableDeclarator' || node.type === 'FunctionDeclaration') bound.add(dottedName(node.id) ?? '')
    if (node.type === 'ImportSpecifier') bound.add(dottedName(node.local) ?? '')
  }
  return new Set([...names].filter((name) => !bound.has(name)))
}

/** The import statement of every name that an entry of the library or the stage exports. */
function namesOffered(tree: Tree): ReadonlyMap<string, string> {
  const { exports } = manifest(tree, 'store/package.json') as { exports: Readonly<Record<string, string>> }
  const published = Object.entries(exports)
    .filter(([, target]) => target.endsWith('.js'))
    .flatMap(([entry, target]) => {
      const path = target.replace('./dist/', 'store/src/').replace(/\.js$/, '.ts')
      return importsFrom(tree, path, `varve${entry.slice(1)}`)
    })
  return new Map([...fromElsewhere, ...importsFrom(tree, stage, join(root, stage)), ...published])
}

function importsFrom(tree: Tree, path: string, specifier: string): readonly (readonly [string, string])[] {
  const source = tree.sources.get(path)
  if (source === undefined) return []
  const own = source.declared.map(({ name }) => ({ name, from: source }))
  const passedOn = source.imports.filter(({ line }) => source.reExports.includes(line))
  const reExported = passedOn.flatMap((entry) => {
    const from = tree.sources.get(targetOf(path, entry.specifier) ?? '')
    return from === undefined ? [] : entry.names.map((name) => ({ name, from }))
  })
  return [...own, ...reExported].map(({ name, from }) => {
    const kind = isValue(from, name) ? '' : 'type '
    return [name, `import { ${kind}${name} } from '${specifier}'`] as const
  })
}

function isValue({ program }: SourceFile, name: string): boolean {
  return (program.body as readonly AstNode[]).some(({ declaration }) => {
    if (!isNode(declaration) || declaration.type.startsWith('TS')) return false
    const { declarations = [declaration] } = declaration as AstNode & { readonly declarations?: readonly AstNode[] }
    return declarations.some((declarator) => dottedName(declarator.id) === name)
  })
}
