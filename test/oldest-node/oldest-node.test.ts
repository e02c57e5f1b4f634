import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, it } from 'vitest'
import { type Ended, type Packed, pack, root, run } from '../packed/pack.ts'
import { freshSchema } from '../postgres/database.ts'
import { onNewestPostgres, sayWhy } from '../postgres/on-postgres.ts'
import { oldestNode, oldestVersion, whyNoOldestNode } from './oldest-node.ts'

const programs = join(import.meta.dirname, 'programs')
const reason = sayWhy(whyNoOldestNode())

/** Inside the repository, so that what the packages depend on is found; `varve` and `varve-server` are those packed. */
let project = ''
let packages: readonly Packed[] = []

describe.skipIf(reason !== undefined)(`on Node ${oldestVersion} the packages, as npm would publish them,`, () => {
  beforeAll(async () => {
    mkdirSync(join(root, '.varve'), { recursive: true })
    project = mkdtempSync(join(root, '.varve', 'oldest-node-'))
    packages = await Promise.all(['store', 'server'].map((workspace) => pack(workspace, project)))
    mkdirSync(join(project, 'node_modules'))
    for (const { manifest, folder } of packages) symlinkSync(folder, join(project, 'node_modules', manifest.name))
    writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }))
    for (const name of readdirSync(programs)) copyFileSync(join(programs, name), join(project, name))
    return () => rmSync(project, { recursive: true, force: true })
  })

  it.concurrent('are imported, entry by entry', async ({ expect }) => {
    const entries = packages.flatMap(({ manifest }) =>
      Object.entries(manifest.exports)
        .filter(([, target]) => target.endsWith('.js'))
        .map(([entry]) => `${manifest.name}${entry.slice(1)}`),
    )
    expect(entries).toEqual(expect.arrayContaining(['varve', 'varve/conformance', 'varve-server']))
    const imports = entries.map((entry) => `await import('${entry}')\n`)
    writeFileSync(join(project, 'entries.js'), `${imports.join('')}console.log(process.version)\n`)
    expect(await onOldest('entries.js')).toEqual({ code: 0, output: `v${oldestVersion}\n` })
  })

  it.concurrent('keep every promise in memory and on SQLite', { timeout: 180_000 }, async ({ expect }) => {
    const { code, output } = await onOldest('--test', '--test-reporter=tap', 'conformance.ts')
    const failed = [...output.matchAll(/^ *not ok .*\n(?:.*\n){12}/gm)].slice(0, 3).map(([lines]) => lines)
    expect({ code, failed }, output.slice(-500)).toEqual({ code: 0, failed: [] })
    // Where cases cease to be registered, nothing fails.
    expect(Number(/^# pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThan(800)
  })

  it.concurrent('serve what a command appends to a client of KurrentDB', async ({ expect }) => {
    expect(await onOldest('served.ts')).toEqual({ code: 0, output: '' })
  })

  onNewestPostgres(({ cluster }) => {
    it.concurrent('append, refuse, read and follow', async ({ expect }) => {
      await using schema = await freshSchema(await cluster())
      expect(await onOldest('on-postgres.ts', schema.url)).toEqual({ code: 0, output: '' })
    })
  })
})

/** Its own types are what a program is stripped of; what is packed has none. */
function onOldest(...args: readonly string[]): Promise<Ended> {
  return run(oldestNode, ['--no-warnings', '--experimental-strip-types', ...args], project)
}
