import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { afterAll, beforeAll, describe } from 'vitest'
import { serverConfig } from '../../server/src/config.ts'
import { startServer } from '../../server/src/server.ts'
import { kurrentdb } from '../../store/src/engines/kurrentdb/index.ts'

/** A database of KurrentDB, or a Varve that is served. */
export interface Database {
  /** What a test and an engine may share: connecting takes half a second. */
  readonly client: () => KurrentDBClient
  readonly url: () => string
  /** A store that is fresh because its namespace is: the log of a database is shared and cannot be emptied. */
  readonly freshNamespace: () => string
  /** An engine in a namespace, on the shared client. */
  readonly engineIn: (namespace: string) => ReturnType<typeof kurrentdb>
  /** False on a server that is itself a store with Varve's limits, in which an event has to fit with what goes along. */
  readonly hasOwnLimits: boolean
}

/**
 * Specifies something that holds on KurrentDB: on `varve serve` in this process, and on the database that KURRENTDB_URL names,
 * in namespaces of its own, which stay there.
 */
export function onKurrent(specify: (database: Database) => void): void {
  describe('varve serve', () => specify(served()))
  const url = process.env.KURRENTDB_URL
  if (url !== undefined) describe('KURRENTDB_URL', () => specify(databaseAt(async () => ({ url }), true)))
}

function served(): Database {
  return databaseAt(async () => {
    const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
    return { url: `kurrentdb://${new URL(server.url).host}?tls=false`, stop: () => server.close() }
  }, false)
}

interface Running {
  readonly url: string
  readonly stop?: () => Promise<unknown>
}

function databaseAt(start: () => Promise<Running>, hasOwnLimits: boolean): Database {
  let running: Running | undefined
  let client: KurrentDBClient | undefined
  const begun = Date.now().toString(36)
  let namespaces = 0

  beforeAll(async () => {
    running = await start()
    client = KurrentDBClient.connectionString(running.url)
  })
  afterAll(async () => {
    await client?.dispose()
    await running?.stop?.()
  })

  const connected = (): KurrentDBClient => {
    if (client === undefined) throw new Error('The database is there while a test runs, not before.')
    return client
  }
  return {
    client: connected,
    url: () => running?.url ?? '',
    freshNamespace: () => `t${begun}_${++namespaces}`,
    engineIn: (namespace) => kurrentdb({ client: connected(), namespace }),
    hasOwnLimits,
  }
}
