import { serverConfig, startServer } from 'varve-server'
import { afterAll, describe, expect, it } from 'vitest'
import { docstringPrograms } from './docstrings/examples.ts'
import { root } from './packed/pack.ts'
import { writePrograms } from './packed/programs.ts'
import { treeOnDisk } from './tidy/tree.ts'

// The examples connect to where a server listens by default; here it listens on a port that is free.
const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }, {}))
const written = docstringPrograms(treeOnDisk(root))
const examples = new Map([...written].map(([name, code]) => [name, code.replace('http://127.0.0.1:2113', server.url)]))
const programs = writePrograms('docstrings', examples)
afterAll(async () => {
  programs.remove()
  await server.close()
})

describe('an example in a docstring', () => {
  it('compiles', { timeout: 60_000 }, async () => {
    const { code, output } = await programs.compile()
    expect(code, output).toBe(0)
  })

  it.each([...examples.keys()])('runs: %s', async (name) => {
    const { code, output } = await programs.run(name)
    expect(code, output).toBe(0)
  })

  it('exists', () => {
    expect(examples.size).toBeGreaterThanOrEqual(10)
  })
})
