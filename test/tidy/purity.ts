import type { Rule } from './rule.ts'
import { type AstNode, dottedName, isNode, nodesIn, type SourceFile } from './source.ts'
import { isTest, manifest, type Tree, targetOf } from './tree.ts'

/** Rule 5: drivers. */
export const driversStayInOneFolder: Rule = {
  holds: 'a driver is imported in one folder and is an optional peer with a range; the library has no dependencies',
  breaches: (tree) => {
    const used = [...tree.sources.values()]
      .filter(({ path }) => path.startsWith('store/src/') && !isTest(path))
      .flatMap(({ path, imports }) => imports.map(({ specifier }) => ({ path, driver: packageOf(specifier) })))
      .filter(({ driver }) => driver !== '')
    return [...new Set(used.map(({ driver }) => driver))]
      .flatMap((driver) => [
        ...inOneFolder(driver, [
          ...new Set(used.filter((use) => use.driver === driver).map(({ path }) => folderOf(path))),
        ]),
        ...peerBreaches(tree, driver),
      ])
      .concat(ownDependencies(tree))
  },
  wrong: {
    'a driver is used in two folders': {
      'store/package.json': peer('pg', '^8.0.0'),
      'store/src/engines/postgres/read.ts': "import 'pg'",
      'store/src/projections/targets/postgres.ts': "import type { Pool } from 'pg'",
    },
    'a driver is no peer': { 'store/package.json': '{}', 'store/src/engines/postgres/read.ts': "await import('pg')" },
    'a peer is not optional': {
      'store/package.json': '{ "peerDependencies": { "pg": "^8.0.0" } }',
      'store/src/engines/postgres/read.ts': "import 'pg'",
    },
    'a peer has no range': {
      'store/package.json': peer('pg', '*'),
      'store/src/engines/postgres/read.ts': "import 'pg'",
    },
    'the library has a dependency': { 'store/package.json': '{ "dependencies": { "pg": "^8.0.0" } }' },
  },
  right: {
    'store/package.json': peer('@aws-sdk/client-dynamodb', '^3.0.0'),
    'store/src/engines/dynamodb/read.ts': "import '@aws-sdk/client-dynamodb/dist/x.js'\nimport 'node:crypto'",
    'store/src/engines/dynamodb/rows/a.ts': "import '@aws-sdk/client-dynamodb'",
    'store/src/streams/append.test.ts': "import 'fast-check'",
  },
}

/** Rule 6: engines prove themselves. */
export const enginesRunConformance: Rule = {
  holds: 'every engine has a test that runs the whole conformance suite',
  breaches: (tree) =>
    [...new Set([...tree.sources.keys()].flatMap((path) => /^store\/src\/engines\/([^/]+)\//.exec(path)?.[1] ?? []))]
      .filter((engine) => !runsConformance(tree.sources.get(`store/src/engines/${engine}/${engine}.test.ts`)))
      .map((engine) => `store/src/engines/${engine}/${engine}.test.ts does not run engineConformance`),
  wrong: {
    'an engine has no test': { 'store/src/engines/redis/index.ts': '' },
    'a test leaves the suite out': {
      'store/src/engines/redis/index.ts': '',
      'store/src/engines/redis/redis.test.ts': '// engineConformance({ test })',
    },
  },
  right: {
    'store/src/engines/redis/index.ts': '',
    'store/src/engines/redis/redis.test.ts':
      "import { engineConformance } from '../../conformance/index.ts'\nengineConformance({})",
  },
}

/** Rule 6: what is thrown. */
export const throwsOwnErrors: Rule = {
  holds: 'engines and streams throw only the error classes of model/',
  breaches: (tree) =>
    [...tree.sources.values()]
      .filter(({ path }) => /^store\/src\/(engines|streams)\//.test(path) && !isTest(path))
      .flatMap((source) => foreignThrows(source)),
  wrong: {
    'an engine throws a plain error': { 'store/src/engines/sqlite/read.ts': "throw new Error('no')" },
    'a verb throws a class of its own': {
      'store/src/streams/read.ts': 'class Gone extends Error {}\nthrow new Gone()',
    },
    'a verb throws a text': { 'store/src/streams/read.ts': "throw 'no'" },
    'a class of ours comes from elsewhere': {
      'store/src/streams/read.ts': "import { QueueFull } from './queue.ts'\nthrow new QueueFull()",
    },
  },
  right: {
    'store/src/streams/read.ts':
      "import { QueueFull } from '../model/errors.ts'\ntry { a() } catch (error) { throw error }\nthrow new QueueFull()",
    'store/src/engines/postgres/keys.ts': "import { Lost } from '../../model/key-errors.ts'\nthrow new Lost()",
    'store/src/engines/sqlite/append.ts': "import { translated } from './errors.ts'\nthrow translated(error)",
    'store/src/engines/sqlite/append.test.ts': "throw new Error('no')",
  },
}

/** Rule 10: time and chance come in. */
export const timeAndChanceComeIn: Rule = {
  holds: 'time, timers and randomness are touched at the composition roots only; everything else is handed them',
  breaches: (tree) =>
    [...tree.sources.values()]
      .filter(({ path }) => /^(store|server)\/src\//.test(path) && !isTest(path) && !ownsTime(path))
      .flatMap(({ path, program, lineOf }) =>
        [...nodesIn(program)].flatMap((node) => {
          const name = impureName(node)
          return name === undefined ? [] : [`${path}:${lineOf(node.start)} uses ${name}`]
        }),
      ),
  wrong: {
    'a verb reads the clock': { 'store/src/streams/append.ts': 'const now = Date.now()' },
    'a verb makes a date of now': { 'store/src/streams/append.ts': 'const now = new Date()' },
    'a verb draws a number': { 'store/src/deciders/execute.ts': 'const jitter = Math.random()' },
    'a verb sets a timer': { 'store/src/subscriptions/wake.ts': 'setTimeout(wake, 10)' },
    'a verb takes the timer by another way': { 'store/src/subscriptions/wake.ts': 'globalThis.setTimeout(wake, 10)' },
    'a timer is imported': {
      'store/src/subscriptions/wake.ts': "import { setTimeout as wait } from 'node:timers/promises'",
    },
    'an id is drawn': { 'server/src/http/append.ts': 'const id = crypto.randomUUID()' },
    'an id is drawn by name': { 'server/src/http/append.ts': "import { randomUUID as id } from 'node:crypto'" },
  },
  right: {
    'store/src/engine/system-clock.ts': 'export const now = () => Date.now()',
    'store/src/streams/append.ts': "const at = new Date(clock.now())\n// not Date.now()\nconst text = 'Math.random()'",
    'server/src/cli/varve.ts': 'const startedAt = Date.now()',
  },
}

const impureNames = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'process.hrtime',
  'process.hrtime.bigint',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'AbortSignal.timeout',
  'crypto.randomUUID',
  'crypto.getRandomValues',
  'randomUUID',
  'randomBytes',
  'randomFillSync',
  'randomInt',
])

/** The composition roots, and the places that time, ids, and keys and nonces come from, which nobody may choose. */
const sources = [
  'store/src/open-store.ts',
  'store/src/engine/system-clock.ts',
  'store/src/streams/event-id.ts',
  'store/src/erasure/box.ts',
  'server/src/auth/secrets.ts',
  // A thread of its own, whose time nothing outside of it can give it.
  'server/src/kurrent/projections/isolate/isolate-worker.ts',
]

function ownsTime(path: string): boolean {
  return (
    sources.includes(path) ||
    path.startsWith('store/src/conformance/') ||
    path === 'server/src/server.ts' ||
    path.startsWith('server/src/cli/')
  )
}

function impureName(node: AstNode): string | undefined {
  if (node.type === 'NewExpression') {
    return dottedName(node.callee) === 'Date' && (node.arguments as unknown[]).length === 0 ? 'new Date()' : undefined
  }
  if (node.type === 'ImportDeclaration') return impureImport(node)
  const called = node.type === 'CallExpression' ? dottedName(node.callee) : undefined
  const name = called?.replace(/^(globalThis|global|window)\./, '')
  return name !== undefined && impureNames.has(name) ? name : undefined
}

function impureImport({ source, specifiers }: AstNode): string | undefined {
  const from = isNode(source) ? String(source.value) : ''
  if (/^node:timers/.test(from)) return from
  if (from !== 'node:crypto') return undefined
  return (specifiers as readonly AstNode[])
    .map(({ imported }) => dottedName(imported) ?? '')
    .find((name) => impureNames.has(name))
}

function foreignThrows({ path, program, imports, lineOf }: SourceFile): readonly string[] {
  const ours = new Set(
    imports.flatMap(({ specifier, names }) =>
      /^store\/src\/model\/(\w+-)?errors\.ts$/.test(targetOf(path, specifier) ?? '') ? names : [],
    ),
  )
  return [...nodesIn(program)].flatMap(({ type, argument, start }) => {
    if (type !== 'ThrowStatement' || !isNode(argument)) return []
    const thrown = argument.type === 'NewExpression' ? (dottedName(argument.callee) ?? '') : argument.type
    const isOurs = argument.type === 'NewExpression' ? ours.has(thrown) : !/Literal$/.test(thrown)
    return isOurs ? [] : [`${path}:${lineOf(start)} throws ${thrown}`]
  })
}

function runsConformance(test: SourceFile | undefined): boolean {
  if (test === undefined) return false
  return [...nodesIn(test.program)].some(
    (node) => node.type === 'CallExpression' && dottedName(node.callee) === 'engineConformance',
  )
}

/** The package a specifier belongs to, empty for a file and for what Node brings. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return ''
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function folderOf(path: string): string {
  const [, , ...parts] = path.split('/')
  return parts.slice(0, parts[0] === 'engines' ? 2 : 1).join('/')
}

function inOneFolder(driver: string, folders: readonly string[]): readonly string[] {
  return folders.length === 1 ? [] : [`${driver} is imported in ${folders.join(' and ')}`]
}

function peerBreaches(tree: Tree, driver: string): readonly string[] {
  const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest(tree, 'store/package.json') as Peers
  const range = peerDependencies[driver]
  return [
    ...(range === undefined ? [`store/package.json does not name ${driver} as a peer`] : []),
    ...(range === '*' ? [`store/package.json takes any version of ${driver}`] : []),
    ...(peerDependenciesMeta[driver]?.optional === true ? [] : [`store/package.json forces ${driver} on everybody`]),
  ]
}

function ownDependencies(tree: Tree): readonly string[] {
  const { dependencies = {} } = manifest(tree, 'store/package.json') as Peers
  return Object.keys(dependencies).map((name) => `store/package.json depends on ${name}`)
}

interface Peers {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

function peer(name: string, range: string): string {
  return JSON.stringify({ peerDependencies: { [name]: range }, peerDependenciesMeta: { [name]: { optional: true } } })
}
