import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe } from 'vitest'
import { serverConfig } from '../server/src/config.ts'
import { startServer } from '../server/src/server.ts'
import { dynamodb } from '../store/src/engines/dynamodb/index.ts'
import { memory } from '../store/src/engines/memory/index.ts'
import { postgres } from '../store/src/engines/postgres/index.ts'
import { sqlite } from '../store/src/engines/sqlite/index.ts'
import type { EventStore } from '../store/src/event-store.ts'
import { openStore } from '../store/src/open-store.ts'
import { connect } from '../store/src/remote/connect.ts'
import { onDynamoDB } from './dynamodb/on-dynamodb.ts'
import { freshDatabase } from './postgres/database.ts'
import { onPostgres } from './postgres/on-postgres.ts'
import { type ReusedStores, reusedStores } from './postgres/reused-stores.ts'

/** Opens a fresh, empty store; it is closed and its storage removed after the test. */
export type OpenFresh = () => Promise<EventStore>

/**
 * Specifies something that holds on any store: in memory, in a SQLite file, over HTTP, and on every PostgreSQL of this
 * machine; with `VARVE_EVERY_ENGINE=1` also on DynamoDB.
 */
export function onEveryEngine(specify: (open: OpenFresh) => void): void {
  describe('memory', () => specify(cleaningUp(async () => ({ store: openStore({ engine: memory() }) }))))
  describe('sqlite', () => specify(cleaningUp(openSqlite)))
  describe('remote', () => specify(cleaningUp(openRemote)))
  // The conformance suite has all promises; here everything else takes its time on an emulator.
  if (process.env.VARVE_EVERY_ENGINE === '1') {
    onDynamoDB((server) =>
      specify(
        cleaningUp(async () => {
          const { client, freshTable } = server()
          return { store: openStore({ engine: dynamodb({ table: freshTable(), client }) }) }
        }),
      ),
    )
  }
  onPostgres(({ cluster }) => {
    let stores: Promise<{ readonly url: string; readonly reused: ReusedStores }> | undefined

    async function makeStores(): Promise<{ readonly url: string; readonly reused: ReusedStores }> {
      const { url } = await freshDatabase(await cluster())
      return { url, reused: reusedStores({ url }) }
    }

    specify(
      cleaningUp(async () => {
        stores ??= makeStores()
        const { url, reused } = await stores
        const schema = await reused.take()
        const store = openStore({ engine: postgres({ url, schema }) })
        return { store, cleanUp: () => reused.giveBack(schema) }
      }),
    )
  })
}

interface Fresh {
  readonly store: EventStore
  /** Called when the store is closed. */
  readonly cleanUp?: () => unknown
}

function cleaningUp(open: () => Promise<Fresh>): OpenFresh {
  const opened: Fresh[] = []
  afterEach(async () => {
    for (const { store, cleanUp } of opened.splice(0)) {
      await store.close()
      await cleanUp?.()
    }
  })
  return async () => {
    const fresh = await open()
    opened.push(fresh)
    return fresh.store
  }
}

async function openSqlite(): Promise<Fresh> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-'))
  const store = openStore({ engine: sqlite({ path: join(folder, 'store.db') }) })
  return { store, cleanUp: () => rmSync(folder, { recursive: true }) }
}

async function openRemote(): Promise<Fresh> {
  const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  return { store: await connect({ url: server.url }), cleanUp: () => server.close() }
}
