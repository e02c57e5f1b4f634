import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modulesNamedIn, type Packed, pack, reachedFiles, root, run, temporaryFolder } from './packed/pack.ts'
import { tourOf } from './packed/tour.ts'
import { nodesIn, parseSource } from './tidy/source.ts'

/** What `tsc --init` suggests, without types of Node: the declarations may not need them. */
const compilerOptions = {
  module: 'nodenext',
  target: 'esnext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  types: [],
}

const temporary = temporaryFolder('exports')
const packed: Record<string, Packed> = {}

beforeAll(async () => {
  packed.store = await pack('store', temporary.path)
  packed.server = await pack('server', temporary.path)
})
afterAll(temporary.remove)

function of(workspace: string): Packed {
  return packed[workspace] as Packed
}

function targetsOf({ manifest }: Packed): readonly string[] {
  const targets = [...Object.values(manifest.exports), ...Object.values(manifest.bin ?? {})]
  return targets.map((target) => target.replace(/^\.\//, ''))
}

interface Entry {
  readonly specifier: string
  readonly declaration: string
}

function importable({ manifest }: Packed): readonly Entry[] {
  const code = Object.entries(manifest.exports).filter(([, target]) => target.endsWith('.js'))
  return code.map(([entry, target]) => ({
    specifier: `${manifest.name}${entry.slice(1)}`,
    declaration: target.replace(/^\.\/(.*)\.js$/, '$1.d.ts'),
  }))
}

function exportsAll({ specifier }: Entry, index: number): string {
  return `export * as entry${index} from '${specifier}'\n`
}

function namesNode(from: Packed, declaration: string): boolean {
  return [...reachedFiles(from, [declaration])].some((path) =>
    modulesNamedIn(from, path).some((name) => name.startsWith('node:')),
  )
}

/** Where a declaration says `any`: by the parser, so that neither a comment nor a name is taken for one. */
function anysIn(path: string, text: string): readonly string[] {
  const { program, lineOf } = parseSource(path, text)
  return [...nodesIn(program)]
    .filter(({ type }) => type === 'TSAnyKeyword')
    .map(({ start }) => `${path}:${lineOf(start)} says any`)
}

/** Where code declares what is disposed of by the end of its block, as Node does from 24 on. */
function resourcesIn(path: string, text: string): readonly string[] {
  // Few files have such words at all, if only in SQL, and parsing all of them takes seconds.
  if (!/\busing \w+ = /.test(text)) return []
  const { program, lineOf } = parseSource(path, text)
  return [...nodesIn(program)]
    .filter(({ type, kind }) => type === 'VariableDeclaration' && (kind === 'using' || kind === 'await using'))
    .map(({ start }) => `${path}:${lineOf(start)} needs Node 24`)
}

it('finds what only a newer Node can read', () => {
  const text = "// using a = b\nexport const using = 'await using a'\n{ using a = b() }\nawait using c = d()\n"
  expect(resourcesIn('a.js', text)).toEqual(['a.js:3 needs Node 24', 'a.js:4 needs Node 24'])
})

it('finds any where it is a type, and nowhere else', () => {
  const text =
    '/** any */\nexport declare const any: "any"\nexport declare function f(...any: any[]): Map<string, any>\n'
  expect(anysIn('a.d.ts', text)).toEqual(['a.d.ts:3 says any', 'a.d.ts:3 says any'])
})

describe.each(['store', 'server'])('the package of %s/, as npm would publish it', (workspace) => {
  it('has a file, with types, behind every entry', () => {
    const targets = targetsOf(of(workspace))
    const declarations = targets.filter((path) => path.endsWith('.js')).map((path) => path.replace(/\.js$/, '.d.ts'))
    expect(of(workspace).files).toEqual(expect.arrayContaining([...targets, ...declarations]))
  })

  it('holds what its entries lead to and nothing else', () => {
    const { files } = of(workspace)
    const entries = targetsOf(of(workspace)).filter((path) => path.endsWith('.js'))
    const reached = reachedFiles(of(workspace), [...entries, ...entries.map((path) => path.replace(/\.js$/, '.d.ts'))])
    // A module that only types come from leaves an empty file of code, and the other way round.
    const modules = new Set([...reached].map((path) => path.replace(/(\.d\.ts|\.js)$/, '')))
    expect(
      files.filter((path) => path.startsWith('dist/') && !modules.has(path.replace(/(\.d\.ts|\.js)$/, ''))),
    ).toEqual([])
  })

  it('lets no type be anything', () => {
    const entries = targetsOf(of(workspace)).filter((path) => path.endsWith('.js'))
    const declarations = reachedFiles(
      of(workspace),
      entries.map((path) => path.replace(/\.js$/, '.d.ts')),
    )
    expect(declarations.size).toBeGreaterThanOrEqual(entries.length)
    expect([...declarations].flatMap((path) => anysIn(path, of(workspace).source(path)))).toEqual([])
  })

  it('brings its licence and its README, and no tests', () => {
    const { files } = of(workspace)
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
    expect(files.filter((path) => path.includes('.test.') || path.includes('tsbuildinfo'))).toEqual([])
  })

  it('says nothing that the oldest Node it is for cannot read', () => {
    expect(of(workspace).manifest.engines.node).toBe('>=22.13')
    const code = of(workspace).files.filter((path) => path.endsWith('.js'))
    expect(code.length).toBeGreaterThan(0)
    expect(code.flatMap((path) => resourcesIn(path, of(workspace).source(path)))).toEqual([])
  })

  it('tells in its README of every entry', () => {
    const readme = of(workspace).source('README.md')
    const specifiers = importable(of(workspace)).map(({ specifier }) => specifier)
    expect(specifiers.filter((specifier) => !readme.includes(`\`${specifier}\``))).toEqual([])
  })

  it('names no package that it does not declare', () => {
    const { files, manifest } = of(workspace)
    const declared = [manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })]
    const named = files
      .filter((path) => /\.(js|d\.ts)$/.test(path))
      .flatMap((path) => modulesNamedIn(of(workspace), path))
    const foreign = named.filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
    expect(foreign.filter((name) => !declared.some((own) => name === own || name.startsWith(`${own}/`)))).toEqual([])
  })

  it('passes publint', async () => {
    const { code, output } = await run('publint', ['run', of(workspace).tarball, '--strict'], root)
    expect(code, output).toBe(0)
  })

  it('resolves with types from every ES module', async () => {
    const args = [of(workspace).tarball, '--profile', 'esm-only', '--no-definitely-typed', '--no-emoji']
    const { code, output } = await run('attw', args, root)
    expect(code, output).toBe(0)
  })
})

it('varve depends on nothing, and varve-server on the same release of varve', () => {
  expect(of('store').manifest.dependencies).toBeUndefined()
  expect(of('server').manifest.dependencies?.varve).toBe(of('store').manifest.version)
})

describe('varve, installed into an empty TypeScript project', () => {
  const project = join(temporary.path, 'project')

  beforeAll(async () => {
    mkdirSync(project)
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', type: 'module', private: true }))
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    const flags = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund']
    const { code, output } = await run('npm', ['install', of('store').tarball, ...flags], project)
    expect(code, output).toBe(0)
  })

  it('comes alone', () => {
    expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['varve'])
  })

  it('compiles with every declaration checked, without types of Node unless an entry hands out something of Node', async () => {
    const entries = importable(of('store'))
    const plain = entries.filter(({ declaration }) => !namesNode(of('store'), declaration))
    expect(plain.map(({ specifier }) => specifier)).toEqual(
      expect.arrayContaining(['varve', 'varve/sqlite', 'varve/remote']),
    )
    writeFileSync(join(project, 'entries.ts'), plain.map(exportsAll).join(''))
    const { code, output } = await run('tsc', ['-p', '.'], project)
    expect(code, output).toBe(0)
  })

  it('compiles with every declaration checked, whichever entry is imported', async () => {
    writeFileSync(join(project, 'entries.ts'), importable(of('store')).map(exportsAll).join(''))
    const typesOfNode = ['--typeRoots', join(root, 'node_modules', '@types'), '--types', 'node']
    const { code, output } = await run('tsc', ['-p', '.', ...typesOfNode], project)
    expect(code, output).toBe(0)
  })

  it.each([
    ['@aws-sdk/client-s3', 's3', 's3Blobs', "({ bucket: 'any' }).setAside('0'.repeat(64))"],
    ['@aws-sdk/client-dynamodb', 'dynamodb', 'dynamodb', "({ table: 'any', region: 'any' }).head()"],
    ['pg', 'postgres', 'postgres', "({ url: 'postgres://127.0.0.1:1/any' }).head()"],
    ['@kurrent/kurrentdb-client', 'kurrentdb', 'kurrentdb', "({ url: 'kurrentdb://127.0.0.1:1?tls=false' }).head()"],
    ['pg', 'targets/postgres', 'postgresTarget', "({ url: 'postgres://127.0.0.1:1/any' }).checkpoint('any')"],
    ['redis', 'targets/redis', 'redisTarget', "({ url: 'redis://127.0.0.1:1', prefix: 'any' }).checkpoint('any')"],
  ])('says that %s is missing where varve/%s is used', async (driver, entry, name, call) => {
    const report = 'catch((error) => console.log(error.code, error.message))'
    writeFileSync(join(project, 'missing.js'), `import { ${name} } from 'varve/${entry}'\n${name}${call}.${report}\n`)
    const { output } = await run('node', ['missing.js'], project)
    expect(output).toMatch(/^DRIVER_MISSING /)
    expect(output).toContain(`npm install ${driver}`)
  })

  it('runs the tour of the README', async () => {
    const tour = tourOf(readFileSync(join(root, 'README.md'), 'utf8'))
    writeFileSync(join(project, 'tour.ts'), tour.code)
    const compiled = await run('tsc', ['-p', '.'], project)
    expect(compiled.code, compiled.output).toBe(0)
    const { code, output } = await run('node', ['tour.js'], project)
    expect({ code, output }).toEqual({ code: 0, output: tour.output })
  })
})
