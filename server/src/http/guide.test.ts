import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { defineEvents, defineProjection, event, memoryTarget, type ProjectionInstance, runProjections } from 'varve'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serverConfig } from '../config.ts'
import { type RunningServer, startServer } from '../server.ts'

const guide = readFileSync(new URL('../../../docs/guides/http-api.md', import.meta.url), 'utf8')
const written = 'http://127.0.0.1:2113'

/** The projection that the guide says is running. */
const orders = defineProjection({
  name: 'orders',
  events: defineEvents({ OrderPlaced: event<{ total_cents: number }>() }),
  target: memoryTarget(() => new Map<string, number>()),
  on: { OrderPlaced: (totals, { streamId, data }) => totals.set(streamId, data.total_cents) },
})

/** Every block of commands, with the block behind it that shows what they print. */
const examples = [...guide.matchAll(/^```sh\n(.*?)^```\n```(?:json|text)\n(.*?)^```$/gms)].map(
  ([, commands = '', shown = ''], index) => ({ name: `${index + 1}: ${commands.split('\n')[0]}`, commands, shown }),
)

describe('the guide to the HTTP API', () => {
  let server: RunningServer
  let projections: ProjectionInstance

  beforeAll(async () => {
    server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
    projections = runProjections(server.store, [orders], { instance: 'guide', leaseMs: 400 })
  })
  afterAll(async () => {
    await projections.stop()
    await server.close()
  })

  it('shows what every command prints', () => {
    expect(examples).toHaveLength([...guide.matchAll(/^```sh$/gm)].length)
    expect(examples.length).toBeGreaterThanOrEqual(12)
  })

  // One after the other, since each begins where the one before left the store.
  it('prints exactly that', { timeout: 60_000 }, async ({ skip }) => {
    if (!hasCurl()) skip('curl is not installed, so its lines cannot be run')
    for (const { name, commands, shown } of examples) {
      const printed = await output(commands.replaceAll(written, server.url), matcherOf(shown))
      expect(printed.replace(/\s+/g, ''), name).toMatch(matcherOf(shown))
    }
  })
})

/** Runs commands until they end, or have printed what they should: those that follow never end. */
function output(commands: string, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const shell: ChildProcess = spawn('sh', ['-ec', commands.replaceAll(/\bcurl /g, 'curl -sS ')], { detached: true })
    let printed = ''
    shell.stdout?.on('data', (data: Buffer) => {
      printed += data.toString()
      // The whole group: the shell alone would leave curl behind.
      if (wanted.test(printed.replace(/\s+/g, '')) && shell.pid !== undefined && commands.includes(' -N ')) {
        process.kill(-shell.pid)
      }
    })
    shell.stderr?.on('data', (data: Buffer) => {
      printed += data.toString()
    })
    shell.on('error', reject)
    shell.on('close', () => resolve(printed))
  })
}

/** White space says nothing here, and … stands for anything. */
function matcherOf(shown: string): RegExp {
  const parts = shown.replace(/\s+/g, '').split('…')
  return new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*?')}$`)
}

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'])
    return true
  } catch {
    return false
  }
}
