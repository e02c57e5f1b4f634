// A PostgreSQL cluster that lives as long as its test:
//
//   initdb > starting > ready > stopped, its folder gone
//                         ready > killed (a crash) > starting > ready, recovered
//
// It is as durable as one in production unless asked otherwise: a promise that is only tested without fsync is not tested.

import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import {
  type Distribution,
  distributions,
  madeRunnable,
  npmMajor,
  toolOf,
  versionOf,
  whyMissing,
} from './distribution.ts'
import { freePort, hireKeeper, holds, type Keeper, type Run } from './kept-server.ts'
import { giveTo, serverFolder, writeSecret } from './server-folder.ts'
import { type Identity, identity, type RunAs } from './unprivileged.ts'

/** How to start a cluster; everything has a default that suits a test. */
export interface ClusterOptions {
  /** The major version; default: the one npm installs. */
  readonly major?: number
  /** Default 200. */
  readonly connectionsMax?: number
  /** Further settings by name, as in `postgresql.conf`; they win over the ones this file makes. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Where to make the folder of the cluster; default: on the disk of the sources. */
  readonly parentFolder?: string
  /** Default: whatever is needed and possible. */
  readonly runAs?: RunAs
  /** Makes a standby of that cluster, which can be read; the distribution has to have `pg_basebackup`. */
  readonly replicaOf?: Cluster
}

/** A running cluster. Its superuser is `postgres`, its first database too. */
export interface Cluster {
  readonly url: string
  readonly port: number
  readonly major: number
  /** Like `18.4`. */
  readonly version: string
  readonly dataFolder: string
  readonly runAs: RunAs
  /** The process id of the postmaster; another one after a restart. */
  pid(): number
  /** The process that ends the server when this one goes. */
  readonly keeper: number
  /** What the server has logged. */
  logged(): string
  /** The path of a program like `pg_dump`, undefined when this distribution lacks it. */
  tool(name: string): string | undefined
  /** Kills the postmaster as a crash would, with SIGKILL; the cluster stays on disk for `restart`. */
  kill(): Promise<void>
  /** Stops the server if it runs, and starts it again on the same port. */
  restart(): Promise<void>
  /** Stops the server and removes the cluster. Stopping twice is fine. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const startMs = 30_000
const stopMs = 10_000
const startsMax = 5

interface Place {
  readonly distribution: Distribution
  readonly runner: Identity
  readonly keeper: Keeper
  readonly dataFolder: string
  readonly settings: Readonly<Record<string, string | number>>
}

/** Makes a cluster and starts it: 1 to 3 seconds. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { major = npmMajor, connectionsMax = 200 } = options
  const found = distributions().find((distribution) => distribution.major === major)
  if (found === undefined) throw new Error(`${whyMissing(major)}.`)
  const runner = identity(options.runAs)
  const folder = serverFolder('postgres', runner, options.parentFolder)
  const keeper = hireKeeper(folder, runner)
  try {
    const distribution = madeRunnable(found, folder, runner.runAs === 'nobody' ? 'always' : 'if-needed')
    const { replicaOf } = options
    const password = replicaOf === undefined ? randomBytes(12).toString('hex') : new URL(replicaOf.url).password
    const making = { distribution, runner, keeper, folder }
    const dataFolder = await (replicaOf === undefined ? initialised(making, password) : copied(making, replicaOf))
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: connectionsMax,
      fsync: 'on',
      synchronous_commit: 'on',
      ...options.settings,
    }
    return await running({ distribution, runner, keeper, dataFolder, settings }, password)
  } catch (error) {
    await keeper.dismiss()
    throw error
  }
}

async function running(place: Place, password: string): Promise<Cluster> {
  const { distribution, runner, keeper, dataFolder } = place
  const first = await startedOnSomePort(place)
  const { port } = first
  let { run } = first
  const stop = async (): Promise<void> => {
    await shutDown(run)
    await keeper.dismiss()
  }
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    port,
    major: distribution.major,
    version: versionOf(distribution),
    dataFolder,
    runAs: runner.runAs,
    keeper: keeper.pid,
    pid: () => run.pid,
    logged: keeper.logged,
    tool: (name) => toolOf(distribution, name),
    kill: () => killed(run),
    restart: async () => {
      await shutDown(run)
      run = await started(place, port)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The port was free a moment ago; somebody else may have been faster. */
async function startedOnSomePort(place: Place): Promise<{ readonly port: number; readonly run: Run }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return { port, run: await started(place, port) }
    } catch (error) {
      if (attempt === startsMax || !String(error).includes('Address already in use')) throw error
    }
  }
}

/** Starts the server. After a crash it waits until the last process of the killed one has let go of the memory they share. */
async function started(place: Place, port: number): Promise<Run> {
  const { distribution, keeper, dataFolder, settings } = place
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const command = [toolOf(distribution, 'postgres') ?? '', '-D', dataFolder, '-p', String(port), ...flags]
  for (const untilMs = Date.now() + startMs; ; ) {
    const loggedBefore = keeper.logged().length
    const run = await keeper.start(command)
    if (await holds(() => isReady(dataFolder, run.pid), run, startMs)) return run
    await killed(run)
    const words = keeper.logged().slice(loggedBefore)
    if (Date.now() > untilMs || !mayTryAgain(words, dataFolder)) {
      throw new Error(`PostgreSQL did not start:\n${words}`)
    }
    await wait(50)
  }
}

function mayTryAgain(words: string, dataFolder: string): boolean {
  if (words.includes('is still in use')) return true
  if (!words.includes('lock file "postmaster.pid" already exists')) return false
  // The number of the killed server belongs to another process by now. PostgreSQL still refuses to start beside living
  // processes of the old one: it finds their shared memory by the inode of the folder.
  rmSync(join(dataFolder, 'postmaster.pid'), { force: true })
  return true
}

/** The server writes its process id into the first line of this file and its state into the eighth. */
function isReady(dataFolder: string, pid: number): boolean {
  const lines = textOf(join(dataFolder, 'postmaster.pid')).split('\n')
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

/** What a file says; nothing when there is none, or it goes away just now. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Ends every session and stops cleanly. */
async function shutDown(run: Run): Promise<void> {
  if (!run.isRunning()) return
  process.kill(run.pid, 'SIGINT')
  if (!(await run.ends(stopMs))) await killed(run)
}

async function killed(run: Run): Promise<void> {
  if (!run.isRunning()) return
  process.kill(run.pid, 'SIGKILL')
  if (!(await run.ends(stopMs))) throw new Error(`The server with process id ${run.pid} cannot be killed.`)
}

type Making = Pick<Place, 'distribution' | 'runner' | 'keeper'> & { readonly folder: string }

async function initialised({ distribution, runner, keeper, folder }: Making, password: string): Promise<string> {
  const dataFolder = emptyDataFolder(folder, runner)
  const passwordFile = join(folder, 'password')
  writeSecret(passwordFile, password, runner)
  const command = [toolOf(distribution, 'initdb') ?? '', '-D', dataFolder, '-U', 'postgres']
  const flags = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--no-locale', '--encoding=UTF8', '--no-sync']
  await completed(keeper, [...command, ...flags])
  return dataFolder
}

/** What `pg_basebackup` makes of a running cluster: its data, and where to get what is written from now on. */
async function copied({ distribution, runner, keeper, folder }: Making, { url }: Cluster): Promise<string> {
  const dataFolder = emptyDataFolder(folder, runner)
  const command = [toolOf(distribution, 'pg_basebackup') ?? '', '-D', dataFolder, '-d', url]
  await completed(keeper, [...command, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'])
  return dataFolder
}

function emptyDataFolder(folder: string, runner: Identity): string {
  const dataFolder = join(folder, 'data')
  mkdirSync(dataFolder, { mode: 0o700 })
  giveTo(runner, dataFolder)
  return dataFolder
}

async function completed(keeper: Keeper, command: readonly string[]): Promise<void> {
  const run = await keeper.start(command)
  if (!(await run.ends(startMs)) || run.exit() !== 0) throw new Error(`${command[0]} failed:\n${keeper.logged()}`)
}
