import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventStore } from 'varve'
import { runStoreCase, storeCases, storeConformance } from 'varve/conformance'
import { connect } from 'varve/remote'
import { describe, it } from 'vitest'
import { serverConfig } from './config.ts'
import { type RunningServer, startServer } from './server.ts'

describe('a remote store over the memory engine', () => {
  storeConformance({
    test: it,
    open: async () => {
      const server = await served('memory:')
      return { store: await connect({ url: server.url }), cleanUp: () => server.close() }
    },
  })
})

describe('a remote store over a memory engine with a log in shards', () => {
  // What has nothing to do with the order of the log is the same as over the other engines.
  const promises = ['shards', 'live', 'reads', 'honest', 'ordered']
  for (const one of storeCases.filter(({ promise, shards }) => promises.includes(promise) && shards !== 'one')) {
    it(`${one.promise}: ${one.name}`, async () => {
      await runStoreCase(one, async () => {
        const server = await served('memory:?logShards=4')
        return { store: await connect({ url: server.url }), cleanUp: () => server.close() }
      })
    })
  }
})

describe('a remote store over the sqlite engine', () => {
  storeConformance({
    test: it,
    open: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'varve-remote-'))
      let server = await served(`sqlite:${join(folder, 'store.db')}`)

      async function reopen(): Promise<EventStore> {
        await server.close()
        server = await served(`sqlite:${join(folder, 'store.db')}`)
        return connect({ url: server.url })
      }
      async function cleanUp(): Promise<void> {
        await server.close()
        rmSync(folder, { recursive: true })
      }
      return { store: await connect({ url: server.url }), reopen, cleanUp }
    },
  })
})

function served(store: string): Promise<RunningServer> {
  return startServer(serverConfig({ store, port: 0, logLevel: 'silent' }))
}
