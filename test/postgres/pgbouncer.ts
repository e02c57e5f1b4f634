// PgBouncer in front of a cluster, in transaction mode: every transaction may get another server connection, so whatever a
// session keeps (prepared statements, LISTEN, advisory locks, SET) is lost or belongs to somebody else.

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { freePort, hireKeeper, holds } from './kept-server.ts'
import { isListening } from './killable.ts'
import { serverFolder, writeSecret } from './server-folder.ts'
import { identity } from './unprivileged.ts'

/** How to start a PgBouncer. */
export interface PgbouncerOptions {
  /** Connections to the server for each database and user; default 4, so that clients have to share them. */
  readonly poolConnections?: number
  /** Further settings by name, as in `pgbouncer.ini`; they win over the ones this file makes. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** A running PgBouncer. */
export interface Pgbouncer {
  readonly port: number
  /** The URL of a database of the cluster, by way of the bouncer. */
  through(database: { readonly url: string }): string
  /** Stopping twice is fine. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const startMs = 30_000
const stopMs = 10_000

/** Why there is no PgBouncer here, undefined when there is one. */
export function whyNoPgbouncer(): string | undefined {
  return program() === undefined ? 'pgbouncer is not installed (on Debian: apt-get install pgbouncer)' : undefined
}

/** Starts a PgBouncer in front of a cluster: some 0.1 seconds. */
export async function startPgbouncer(
  cluster: { readonly url: string },
  { poolConnections = 4, settings = {} }: PgbouncerOptions = {},
): Promise<Pgbouncer> {
  const runner = identity()
  const folder = serverFolder('pgbouncer', runner)
  const keeper = hireKeeper(folder, runner)
  const port = await freePort()
  const target = new URL(cluster.url)
  const [usersFile, file] = [join(folder, 'users.txt'), join(folder, 'pgbouncer.ini')]
  writeSecret(usersFile, `"${target.username}" "${target.password}"\n`, runner)
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: usersFile,
    pool_mode: 'transaction',
    default_pool_size: poolConnections,
    max_client_conn: 200,
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`)
  const databases = `[databases]\n* = host=${target.hostname} port=${target.port}\n`
  writeSecret(file, `${databases}[pgbouncer]\n${lines.join('')}`, runner)
  const run = await keeper.start([program() ?? 'pgbouncer', file]).catch(async (error: unknown) => {
    await keeper.dismiss()
    throw error
  })
  if (!(await holds(() => isListening(port), run, startMs))) {
    const words = keeper.logged()
    await keeper.dismiss()
    throw new Error(`PgBouncer did not start:\n${words}`)
  }
  const stop = async (): Promise<void> => {
    // Not SIGINT, which waits for clients.
    if (run.isRunning()) process.kill(run.pid, 'SIGTERM')
    await run.ends(stopMs)
    await keeper.dismiss()
  }
  return { port, through: ({ url }) => withPort(url, port), stop, [Symbol.asyncDispose]: stop }
}

function program(): string | undefined {
  // Debian has it where only root looks.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  return folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path))
}

function withPort(url: string, port: number): string {
  const changed = new URL(url)
  changed.port = String(port)
  return changed.href
}
