import type { Rule } from './rule.ts'
import { type AstNode, dottedName, isNode, nodesIn, type SourceFile } from './source.ts'
import { entriesOf, isTest, type Tree, targetOf } from './tree.ts'

/** Lines of a function, first to last. */
const functionLines = 70
/** Lines of a file. */
const fileLines = 300

/** Rule 7: no barrels. */
export const onlyEntriesReExport: Rule = {
  holds: 'only the published entries re-export, and they do it name by name',
  breaches: (tree) => {
    const entries = new Set([...entriesOf(tree, 'store'), ...entriesOf(tree, 'server')])
    return sources(tree).flatMap(({ path, program, reExports, lineOf }) => [
      ...(entries.has(path) ? [] : reExports).map((line) => `${path}:${line} re-exports, but is no entry`),
      ...starExports(program).map((start) => `${path}:${lineOf(start)} re-exports everything instead of names`),
    ])
  },
  wrong: {
    'a folder has a barrel': { 'store/src/streams/index.ts': "export { a } from './append.ts'" },
    'a barrel carries types': { 'server/src/http/all.ts': "export type { A } from './read.ts'" },
    'an entry re-exports everything': {
      'store/package.json': '{ "exports": { ".": "./dist/index.js" } }',
      'store/src/index.ts': "export * from './open-store.ts'",
    },
  },
  right: {
    'store/package.json': '{ "exports": { ".": "./dist/index.js" } }',
    'store/src/index.ts': "export { openStore } from './open-store.ts'",
    'store/src/streams/read.ts': 'const a = 1\nexport { a }',
  },
}

/** Rule 7: no default exports. */
export const exportsByName: Rule = {
  holds: 'every export has a name; only configuration files export a default, because their tools ask for it',
  breaches: (tree) =>
    sources(tree)
      .filter(({ path }) => !path.endsWith('.config.ts'))
      .flatMap(({ path, defaultExports }) => defaultExports.map((line) => `${path}:${line} exports a default`)),
  wrong: {
    'a function is the default': { 'store/src/model/event.ts': 'export default function event() {}' },
    'a name becomes the default': { 'store/src/model/event.ts': 'const a = 1\nexport { a as default }' },
  },
  right: { 'vitest.config.ts': 'export default {}', 'store/src/model/event.ts': "const text = 'export default 1'" },
}

/** Rule 7: names of files. */
export const filesAreKebabCase: Rule = {
  holds: 'files and folders of code are named in kebab-case',
  breaches: (tree) =>
    sources(tree)
      .filter(({ path }) => !path.split('/').every((part) => /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/.test(part)))
      .map(({ path }) => `${path} is not kebab-case`),
  wrong: {
    'a file is in camel case': { 'store/src/streams/groupCommit.ts': '' },
    'a folder is in snake case': { 'store/src/event_store/read.ts': '' },
  },
  right: { 'store/src/streams/group-commit.ts': '', 'test/types/a-b.test-d.ts': '' },
}

/** Rule 7: sizes. */
export const staysSmall: Rule = {
  holds: `a function has at most ${functionLines} lines and a file at most ${fileLines}`,
  breaches: (tree) =>
    sources(tree)
      // The list of public names is as long as there are names.
      .filter(({ path }) => !/\/(conformance|generated)\/|^store\/src\/index\.ts$/.test(path))
      .flatMap((source) => [...longFile(source), ...longFunctions(source)]),
  wrong: {
    'a function is long': { 'store/src/a.ts': `function a() {\n${'a()\n'.repeat(functionLines)}}` },
    'a method is long': { 'store/src/a.ts': `class A {\n  run() {\n${'a()\n'.repeat(functionLines)}}\n}` },
    'a closure is long': { 'store/src/a.ts': `const a = () => {\n${'a()\n'.repeat(functionLines)}}` },
    'a file is long': { 'store/src/a.ts': 'a()\n'.repeat(fileLines + 1) },
  },
  right: {
    'store/src/a.ts': `function a() {\n${'a()\n'.repeat(functionLines - 2)}}`,
    'store/src/b.ts': 'a()\n'.repeat(fileLines),
    'store/src/b.test.ts': `describe('a', () => {\n${'a()\n'.repeat(functionLines)}})`,
    'store/src/conformance/atomic.ts': 'a()\n'.repeat(fileLines + 1),
    'store/src/index.ts': "export { a } from './a.ts'\n".repeat(fileLines + 1),
  },
}

/** Rule 8: names that say nothing. */
export const namesSayWhat: Rule = {
  holds: 'no file or folder has a name that fits anything',
  breaches: (tree) =>
    sources(tree)
      .filter(({ path }) => !path.startsWith('test/types/') && path.split('/').some((part) => saysNothing(part, path)))
      .map(({ path }) => `${path} is named after nothing in particular`),
  wrong: {
    'a file holds helpers': { 'store/src/streams/helpers.ts': '' },
    'a file holds helpers of a kind': { 'store/src/streams/string-utils.ts': '' },
    'a folder is common': { 'server/src/common/read.ts': '' },
    'a service outside of gRPC': { 'server/src/http/service.ts': '' },
    'a test holds helpers': { 'test/helpers.ts': '' },
  },
  right: { 'server/src/kurrent/service.ts': '', 'store/src/streams/base64.ts': '', 'test/types/append.test-d.ts': '' },
}

/** Rule 8: every file is used. */
export const everyFileIsReached: Rule = {
  holds: 'every file of the packages is reached from an entry, and what only tests reach is a test',
  breaches: (tree) => {
    const reached = reachable(tree, [...entriesOf(tree, 'store'), ...entriesOf(tree, 'server')])
    return sources(tree)
      .filter(({ path }) => /^(store|server)\/src\//.test(path) && !isTest(path) && !reached.has(path))
      .map(({ path }) => `${path} is imported by nothing that is published`)
  },
  wrong: {
    'nothing imports a file': { 'store/package.json': '{ "exports": "./dist/index.js" }', 'store/src/lost.ts': '' },
    'only a test imports a file': {
      'store/package.json': '{ "exports": "./dist/index.js" }',
      'store/src/index.ts': '',
      'store/src/lost.ts': '',
      'store/src/lost.test.ts': "import './lost.ts'",
    },
  },
  right: {
    'store/package.json': '{ "exports": { ".": "./dist/index.js" } }',
    'store/src/index.ts': "export { a } from './found.ts'",
    'store/src/found.ts': "new Worker(new URL('./worker.ts', import.meta.url))",
    'store/src/worker.ts': '',
    'server/package.json': '{ "bin": { "varve": "./dist/cli/varve.js" } }',
    'server/src/cli/varve.ts': '',
  },
}

const emptyNames = ['utils', 'util', 'helpers', 'helper', 'common', 'shared', 'misc', 'manager']
const emptyWholeNames = ['service', 'base', 'types']

function saysNothing(part: string, path: string): boolean {
  const [stem = ''] = part.split('.')
  if (stem === 'service' && path.includes('/kurrent/')) return false
  return emptyWholeNames.includes(stem) || stem.split('-').some((word) => emptyNames.includes(word))
}

function longFile({ path, text }: SourceFile): readonly string[] {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  return lines > fileLines ? [`${path}:${lines} has ${lines} lines`] : []
}

function longFunctions({ path, program, lineOf }: SourceFile): readonly string[] {
  const suites = new Set(isTest(path) ? suiteBodies(program) : [])
  return [...nodesIn(program)]
    .filter((node) => isFunction(node) && !suites.has(node))
    .map(({ start, end }) => ({ line: lineOf(start), lines: lineOf(end) - lineOf(start) + 1 }))
    .filter(({ lines }) => lines > functionLines)
    .map(({ line, lines }) => `${path}:${line} is a function of ${lines} lines`)
}

function isFunction({ type }: AstNode): boolean {
  return type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression'
}

/** The bodies of `describe`, and of what describes something on every engine or database: they are chapters, not functions. */
function suiteBodies(program: AstNode): readonly AstNode[] {
  return [...nodesIn(program)]
    .filter(
      (node) =>
        node.type === 'CallExpression' &&
        /^(describe|onEveryEngine|onPostgres|onEveryPostgres|onNewestPostgres|onDynamoDB|onSearch|onKurrent|on(Own|Secure)?Kafka(ThroughProxy)?)\b/.test(
          calledName(node.callee),
        ),
    )
    .flatMap((node) => (node.arguments as readonly AstNode[]).filter(isFunction))
}

function calledName(callee: unknown): string {
  const called = isNode(callee) && callee.type === 'CallExpression' ? callee.callee : callee
  return dottedName(called) ?? ''
}

function starExports(program: AstNode): readonly number[] {
  return [...nodesIn(program)]
    .filter(({ type, exported }) => type === 'ExportAllDeclaration' && !isNode(exported))
    .map(({ start }) => start)
}

function reachable(tree: Tree, entries: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>()
  const waiting = [...entries]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const source = tree.sources.get(path)
    if (source === undefined || reached.has(path)) continue
    reached.add(path)
    for (const { specifier } of source.imports) waiting.push(targetOf(path, specifier) ?? '')
  }
  return reached
}

function sources(tree: Tree): readonly SourceFile[] {
  return [...tree.sources.values()]
}
