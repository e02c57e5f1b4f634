// One cluster per major version for a whole run of the tests, started when the first test asks for it:
//
//   global-setup.ts, in the process that runs the tests, listens > a test connects, writes a major version >
//   the cluster starts unless it has > the test reads where it is
//
// Listening costs nothing, so a run that needs no PostgreSQL does not pay for one. The socket is in a folder that only this
// user may enter, because the answer has the superuser's password in it.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'

/** Where a cluster is that somebody else started and will stop. */
export type LentCluster = Pick<Cluster, 'url' | 'port' | 'major' | 'version' | 'dataFolder'>

/** Hands out clusters until it is closed. */
export interface Lender {
  /** What `borrowed` needs to find it. */
  readonly socket: string
  close(): Promise<void>
}

type Answer = { readonly cluster: LentCluster } | { readonly failed: string }

/** Starts to listen; `options` are for every cluster that it will start. */
export async function lender(options: Omit<ClusterOptions, 'major'> = {}): Promise<Lender> {
  const clusters = new Map<number, Promise<Cluster>>()
  const folder = mkdtempSync(join(tmpdir(), 'varve-lender-'))
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\${folder.replaceAll(/\W/g, '-')}` : join(folder, 'socket')
  const server = createServer({ allowHalfOpen: true }, (connection) => lend(connection, clusters, options))
  server.listen(socket)
  await once(server, 'listening')
  server.unref()
  // An interrupted run closes nothing.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return { socket, close: () => close(server, folder, clusters) }
}

/** The cluster of a major version, started by the lender unless it runs already. */
export async function borrowed(socket: string, major: number): Promise<LentCluster> {
  const connection = connect({ path: socket, allowHalfOpen: true })
  connection.end(String(major))
  const answer = JSON.parse(await text(connection)) as Answer
  if ('failed' in answer) throw new Error(answer.failed)
  return answer.cluster
}

async function lend(
  connection: Socket,
  clusters: Map<number, Promise<Cluster>>,
  options: Omit<ClusterOptions, 'major'>,
): Promise<void> {
  // A test that was ended while it waited is no reason to fail.
  connection.on('error', () => undefined)
  try {
    const major = Number(await text(connection))
    const starting = clusters.get(major) ?? startCluster({ ...options, major })
    clusters.set(major, starting)
    const { url, port, version, dataFolder } = await starting
    answer(connection, { cluster: { url, port, major, version, dataFolder } })
  } catch (error) {
    answer(connection, { failed: error instanceof Error ? error.message : String(error) })
  }
}

function answer(connection: Socket, words: Answer): void {
  connection.end(JSON.stringify(words))
}

async function close(server: Server, folder: string, clusters: ReadonlyMap<number, Promise<Cluster>>): Promise<void> {
  server.close()
  for (const starting of await Promise.allSettled(clusters.values())) {
    if (starting.status === 'fulfilled') await starting.value.stop()
  }
  rmSync(folder, { recursive: true, force: true })
}
