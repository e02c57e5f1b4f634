import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { type Envelope, type EventStore, openStore, toEnvelope } from 'varve'
import { sqlite } from 'varve/sqlite'
import type { TestContext } from 'vitest'
import { serverConfig } from '../../server/src/config.ts'
import { type RunningServer, startServer } from '../../server/src/server.ts'
import type { Certificates } from '../security/certificates.ts'
import { basic, quickPasswords, send } from '../security/requests.ts'
import { quickConnection } from './quick-connection.ts'

/** A database that is copied from or to: a store that is served, and an official client of it. */
export interface CopiedDatabase {
  readonly client: KurrentDBClient
  readonly server: RunningServer
  readonly url: string
}

/** Serves an empty store, at any port that is free or a given one; it ends with the test, which may run beside others. */
export async function servedDatabase(test: TestContext, port = 0): Promise<CopiedDatabase> {
  const server = await startServer(serverConfig({ store: 'memory:', port, logLevel: 'silent' }))
  return copied(test, server, `kurrentdb://${new URL(server.url).host}?tls=false&${quickConnection}`)
}

/**
 * Likewise over TLS and with logins: the database as `admin` has it, whose password has to be encoded in a URL. There is a
 * user `ada` as well, with her name as password.
 */
export async function securedDatabase(test: TestContext, { ca, cert, key }: Certificates): Promise<CopiedDatabase> {
  const secured = { cert, key, adminPassword: 's3cret/@:?' }
  const config = serverConfig({ store: 'memory:', port: 0, logLevel: 'silent', ...secured })
  const server = await startServer(config, quickPasswords)
  const authorization = basic('admin', secured.adminPassword)
  await send(server.url, 'POST', '/users', { ca, authorization, body: { login: 'ada', password: 'ada' } })
  const { port } = new URL(server.url)
  const user = `admin:${encodeURIComponent(secured.adminPassword)}`
  return copied(test, server, `kurrentdb://${user}@localhost:${port}?tls=true&tlsCAFile=${ca}&${quickConnection}`)
}

function copied({ onTestFinished }: TestContext, server: RunningServer, url: string): CopiedDatabase {
  const client = KurrentDBClient.connectionString(url)
  onTestFinished(async () => {
    await client.dispose()
    await server.close()
  })
  return { client, server, url }
}

/** Works on a store in a file of a folder. */
export async function inFile<Result>(
  folder: string,
  name: string,
  work: (store: EventStore) => Promise<Result>,
): Promise<Result> {
  await using store = openStore({ engine: sqlite({ path: join(folder, name) }) })
  return await work(store)
}

/** What an export of a store would hold. */
export async function envelopesIn(store: EventStore): Promise<readonly Envelope[]> {
  return (await store.readAll().toArray()).map(toEnvelope)
}

/** Likewise of a store in a file. */
export function envelopesInFile(folder: string, name: string): Promise<readonly Envelope[]> {
  return inFile(folder, name, envelopesIn)
}

/** How many events are in a file that another process may be making. */
export async function headOfFile(folder: string, name: string): Promise<number> {
  if (!existsSync(join(folder, name))) return 0
  return inFile(folder, name, (store) => store.head())
}

/** An event without its place in the log. */
export function withoutPosition({ global_position: _, ...envelope }: Envelope): object {
  return envelope
}

/** An event without what another database cannot be given of what closes a stream. */
export function comparable(envelope: Envelope): object {
  if (envelope.event_type !== '$tombstone') return envelope
  const { event_id: _, metadata: __, ...rest } = envelope
  return rest
}
