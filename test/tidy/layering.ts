import { library, machines, mayImport } from './layers.ts'
import type { Rule } from './rule.ts'
import { type AstNode, dottedName, nodesIn, type SourceFile } from './source.ts'
import { isTest, manifest, type Tree, targetOf } from './tree.ts'

interface Edge {
  readonly from: string
  readonly to: string
  readonly at: string
}

/** Rule 1: the layers. */
export const importsDownwardOnly: Rule = {
  holds: 'a layer of the library imports lower layers only, types included',
  breaches: (tree) => edgesIn(tree).flatMap(({ from, to, at }) => (allowed(from, to) ? [] : [`${at} imports ${to}`])),
  wrong: {
    'the model imports the port': { 'store/src/model/event.ts': "import { a } from '../engine/engine.ts'" },
    'a type is imported upwards': { 'store/src/engine/engine.ts': "import type { A } from '../streams/append.ts'" },
    'a type is imported in place': { 'store/src/engine/engine.ts': "type A = import('../streams/append.ts').A" },
    'a name is re-exported upwards': { 'store/src/engine/engine.ts': "export { a } from '../streams/append.ts'" },
    'an import happens at run time': { 'store/src/streams/read.ts': "await import('../subscriptions/subscribe.ts')" },
    'a projection reaches behind the contract': { 'store/src/projections/project.ts': "import '../streams/read.ts'" },
    'a target reaches further than it may': {
      'store/src/projections/targets/postgres/build.ts': "import '../../../engines/postgres/read.ts'",
    },
    'one engine imports another': { 'store/src/engines/sqlite/read.ts': "import '../memory/read.ts'" },
    'a verb imports an engine': { 'store/src/streams/read.ts': "import '../engines/memory/index.ts'" },
    'a folder has no layer': { 'store/src/extras/extra.ts': "import '../model/event.ts'" },
    'the library leaves its folder': { 'store/src/streams/read.ts': "import '../../../test/x.ts'" },
  },
  right: {
    'store/src/streams/read.ts': "import '../model/event.ts'\nimport './append.ts' // '../subscriptions/wake.ts'",
    'store/src/streams/read.test.ts': "import '../open-store.ts'",
    'store/src/engines/sqlite/read.ts': "import './rows.ts'\nimport '../../engine/engine.ts'\nimport 'node:sqlite'",
    'store/src/projections/targets/postgres/build.ts':
      "import '../turns.ts'\nimport '../../../engines/postgres/driver.ts'",
  },
}

/** Rule 3: machines are pure. */
export const machinesArePure: Rule = {
  holds: 'a state machine imports the model and other machines only and neither waits nor runs in the background',
  breaches: (tree) =>
    [...tree.sources.values()]
      .filter(({ path }) => isMachine(path))
      .flatMap(({ path, imports, program, lineOf }) => {
        const foreign = imports
          .filter(({ specifier }) => {
            const target = targetOf(path, specifier) ?? ''
            return !target.startsWith(`${library}model/`) && !isMachine(target)
          })
          .map(({ specifier, line }) => `${path}:${line} is a machine and imports ${specifier}`)
        const waiting = waitingIn(program).map((start) => `${path}:${lineOf(start)} is a machine and is asynchronous`)
        return [...foreign, ...waiting]
      }),
  wrong: {
    'a machine imports the port': { 'store/src/subscriptions/catch-up.ts': "import '../engine/engine.ts'" },
    'a machine imports Node': { 'store/src/deciders/decider.ts': "import 'node:fs'" },
    'a machine awaits': { 'store/src/projections/projection.ts': 'export async function fold() {}' },
    'a machine makes a promise': { 'store/src/groups/group.ts': 'const later = new Promise(() => {})' },
  },
  right: {
    'store/src/subscriptions/catch-up.ts': "import type { A } from '../model/event.ts'\nexport const next = () => 1",
    'store/src/reactions/process.ts': "import type { Reaction } from './reaction.ts'",
    'store/src/subscriptions/subscribe.ts': "import './catch-up.ts'\nasync function run() {}",
  },
}

const manifestOfVarve = {
  'store/package.json': '{ "exports": { ".": "./dist/index.js", "./sqlite": "./dist/engines/sqlite/index.js" } }',
}

/** Rule 4: the server stands on what is published. */
export const serverUsesPublishedEntries: Rule = {
  holds:
    'the server imports published entries of varve only, its protocols leave each other alone, one file names engines',
  breaches: (tree) => {
    const published = publishedEntries(tree)
    return productFiles(tree, 'server/src/').flatMap(({ path, imports }) =>
      imports.flatMap(({ specifier, names, line }) => {
        const says = serverBreach(path, specifier, names, published)
        return says === undefined ? [] : [`${path}:${line} ${says}`]
      }),
    )
  },
  wrong: {
    'the server reaches into the library': { 'server/src/http/read.ts': "import '../../../store/src/open-store.ts'" },
    'a deep import of the package': {
      ...manifestOfVarve,
      'server/src/http/read.ts': "import 'varve/dist/streams/read.js'",
    },
    'a protocol imports another': { 'server/src/http/read.ts': "import '../cli/read.ts'" },
    'a route names an engine': {
      ...manifestOfVarve,
      'server/src/http/read.ts': "import { sqlite } from 'varve/sqlite'",
    },
    'a route names the memory engine': {
      ...manifestOfVarve,
      'server/src/http/read.ts': "import { memory } from 'varve'",
    },
  },
  right: {
    ...manifestOfVarve,
    'server/src/open-engine.ts': "import { sqlite } from 'varve/sqlite'",
    'server/src/cli/read.ts': "import { openStore } from 'varve'\nimport '../open-engine.ts'\nimport './progress.ts'",
    'server/src/cli/varve.ts': "import manifest from '../../package.json' with { type: 'json' }",
    'server/src/http/read.test.ts': "import { memory } from 'varve'",
  },
}

const protocols = ['http', 'kurrent', 'cli']

function serverBreach(
  path: string,
  specifier: string,
  names: readonly string[],
  published: ReadonlyMap<string, string>,
): string | undefined {
  if (specifier === 'varve' || specifier.startsWith('varve/')) {
    const source = published.get(specifier)
    if (source === undefined) return `imports ${specifier}, which varve does not publish`
    const namesEngine = source.startsWith('./dist/engines/') || names.includes('memory')
    return namesEngine && path !== 'server/src/open-engine.ts' ? 'names an engine; open-engine.ts does that' : undefined
  }
  const target = targetOf(path, specifier)
  if (target === undefined) return undefined
  if (!target.startsWith('server/src/') && target !== 'server/package.json')
    return `imports ${target} from outside the package`
  const [from, to] = [path, target].map((file) => protocols.find((name) => file.startsWith(`server/src/${name}/`)))
  return from !== undefined && to !== undefined && from !== to ? `of ${from}/ imports ${target} of ${to}/` : undefined
}

/** What varve publishes, by the name it is imported with. */
function publishedEntries(tree: Tree): ReadonlyMap<string, string> {
  const { exports = {} } = manifest(tree, 'store/package.json') as { exports?: Readonly<Record<string, string>> }
  return new Map(Object.entries(exports).map(([entry, target]) => [`varve${entry.slice(1)}`, target]))
}

function isMachine(path: string): boolean {
  return machines.some((machine) => path === `${library}${machine}.ts`)
}

function edgesIn(tree: Tree): readonly Edge[] {
  return productFiles(tree, library).flatMap(({ path, imports }) =>
    imports.flatMap(({ specifier, line }) => {
      const to = targetOf(path, specifier)
      return to === undefined ? [] : [{ from: path, to, at: `${path}:${line}` }]
    }),
  )
}

function productFiles(tree: Tree, folder: string): readonly SourceFile[] {
  return [...tree.sources.values()].filter(({ path }) => path.startsWith(folder) && !isTest(path))
}

function allowed(from: string, to: string): boolean {
  if (!to.startsWith(library)) return false
  const [own, target] = [partOf(from), to.slice(library.length)]
  const list = mayImport[own.name]
  if (list === undefined) return false
  return [...list, own.folder].some((part) => part === '*' || target === part || target.startsWith(`${part}/`))
}

/** The layer a file belongs to and the folder it may use freely: its own one, for an engine only that engine's. */
function partOf(path: string): { readonly name: string; readonly folder: string } {
  const inside = path.slice(library.length)
  const [name = '', second = ''] = inside.split('/')
  const own = Object.keys(mayImport).find((part) => part.includes('/') && inside.startsWith(`${part}/`))
  return { name: own ?? name, folder: name === 'engines' ? `${name}/${second}` : name }
}

function waitingIn(program: AstNode): readonly number[] {
  return [...nodesIn(program)]
    .filter((node) => node.async === true || node.type === 'AwaitExpression' || dottedName(node) === 'Promise')
    .map(({ start }) => start)
}
