import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { type Envelope, type EventStore, openStore, toEnvelope } from 'varve'
import { sqlite } from 'varve/sqlite'
import type { TestContext } from 'vitest'
import { serverConfig } from '../../server/src/config.ts'
import { type RunningServer, startServer } from '../../server/src/server.ts'

/** A database that is copied from or to: a store that is served, and an official client of it. */
export interface CopiedDatabase {
  readonly client: KurrentDBClient
  readonly server: RunningServer
  readonly url: string
}

/** Serves an empty store, at any port that is free or a given one; it ends with the test, which may run beside others. */
export async function servedDatabase({ onTestFinished }: TestContext, port = 0): Promise<CopiedDatabase> {
  const server = await startServer(serverConfig({ store: 'memory:', port, logLevel: 'silent' }))
  const url = `kurrentdb://${new URL(server.url).host}?tls=false`
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
