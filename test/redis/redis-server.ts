// A Redis of its own for a test, which writes every command to its disk before it answers.

import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { freePort, hireKeeper } from '../postgres/kept-server.ts'
import { type Killable, startKillable } from '../postgres/killable.ts'
import { giveTo, serverFolder } from '../postgres/server-folder.ts'
import { identity } from '../postgres/unprivileged.ts'

/** A running Redis. */
export interface RedisServer extends Killable {
  readonly url: string
  readonly port: number
}

/** How to start a Redis. */
export interface RedisServerOptions {
  /** Further settings, as on the command line: `['--maxmemory', '10mb']`. */
  readonly settings?: readonly string[]
}

const startMs = 30_000

/** Why there is no Redis here, undefined when there is one. */
export function whyNoRedis(): string | undefined {
  return program() === undefined ? 'redis-server is not installed (on Debian: apt-get install redis-server)' : undefined
}

/** Starts a sentinel that watches a server, under the name `watched`. */
export async function startSentinel({ port }: RedisServer): Promise<RedisServer> {
  const own = await freePort()
  const runner = identity()
  const folder = serverFolder('sentinel', runner)
  const file = join(folder, 'sentinel.conf')
  const lines = [`port ${own}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor watched 127.0.0.1 ${port} 1`]
  // It writes down there what it comes to know.
  writeFileSync(file, `${lines.join('\n')}\n`)
  giveTo(runner, file)
  const command = [program() ?? 'redis-server', file, '--sentinel']
  const isUp = (): Promise<boolean> => answers(own)
  const keeper = hireKeeper(folder, runner)
  const server = await startKillable(keeper, { name: 'The sentinel', command, isUp, startMs })
  return { ...server, url: `redis://127.0.0.1:${own}`, port: own }
}

/** Starts a Redis with an empty folder: some 0.2 seconds. */
export async function startRedis({ settings = [] }: RedisServerOptions = {}): Promise<RedisServer> {
  const runner = identity()
  const folder = serverFolder('redis', runner)
  const keeper = hireKeeper(folder, runner)
  const port = await freePort()
  const command = [
    program() ?? 'redis-server',
    ...['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'always'],
    ...settings,
  ]
  const server = await startKillable(keeper, { name: 'Redis', command, isUp: () => answers(port), startMs })
  return { ...server, url: `redis://127.0.0.1:${port}`, port }
}

function program(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin']
  return folders.map((folder) => join(folder, 'redis-server')).find((path) => existsSync(path))
}

/** Whether it is there and has loaded what lies on its disk. */
async function answers(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    socket.write('PING\r\n')
    const [answer] = await once(socket, 'data')
    return /^(\+PONG|-NOAUTH)/.test(String(answer))
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
