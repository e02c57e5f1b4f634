import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
import { first } from './database.ts'
import { npmMajor, whyMissing } from './distribution.ts'
import { onPostgres, sayWhy } from './on-postgres.ts'
import { hasNamespaces, isRoot, nobody, type RunAs } from './unprivileged.ts'

/** A keeper gives its server ten seconds to end by itself. */
const patience = { timeout: 30_000 }

onPostgres(({ major, cluster: shared }) => {
  it('runs the version asked for, as durable as in production', async () => {
    const cluster = await shared()
    expect(await first(cluster, 'select version()')).toMatch(new RegExp(`^PostgreSQL ${major}\\.`))
    expect(await first(cluster, 'show fsync')).toBe('on')
    expect(await first(cluster, 'show synchronous_commit')).toBe('on')
    expect(await first(cluster, 'show full_page_writes')).toBe('on')
  })

  it('is one and the same for everybody who asks', async () => {
    const [one, other] = await Promise.all([shared(), shared()])
    expect(one).toEqual(other)
  })

  it('keeps a committed row through kill -9, and starts although the dead left its lock file', async () => {
    const cluster = await started({ major })
    await first(cluster, 'create table entry as select 42 as id')
    const killed = cluster.pid()
    await cluster.kill()
    expect(existsSync(join(cluster.dataFolder, 'postmaster.pid'))).toBe(true)
    await cluster.restart()
    expect(cluster.pid()).not.toBe(killed)
    expect(await first(cluster, 'select id from entry')).toBe(42)
    expect(cluster.logged()).toContain('automatic recovery in progress')
  })
})

describe.skipIf(whyMissing(npmMajor))('a cluster', () => {
  it('starts although the process id of the killed server belongs to another process now', async () => {
    const cluster = await started()
    await cluster.kill()
    writeFileSync(join(cluster.dataFolder, 'postmaster.pid'), `${process.pid}\n${cluster.dataFolder}\n`)
    await cluster.restart()
    expect(await first(cluster, 'select 1 as one')).toBe(1)
  })

  it('leaves neither a process nor a file after it was stopped', async () => {
    const cluster = await started()
    const server = cluster.pid()
    await cluster.stop()
    await cluster.stop()
    expect(isAlive(server)).toBe(false)
    expect(existsSync(cluster.dataFolder)).toBe(false)
  })

  it('leaves neither a process nor a file after its user was killed', async () => {
    const { child, lone } = await loneCluster()
    child.kill('SIGKILL')
    await vi.waitUntil(() => !isAlive(lone.pid) && !existsSync(lone.dataFolder), patience)
  })

  it.skipIf(process.platform !== 'linux')('leaves no process after all of Node was killed', async () => {
    const { child, lone } = await loneCluster()
    process.kill(lone.keeper, 'SIGKILL')
    child.kill('SIGKILL')
    await vi.waitUntil(() => !isAlive(lone.pid), patience)
    rmSync(dirname(lone.dataFolder), { recursive: true, force: true, maxRetries: 10 })
  })

  it('takes settings and a limit of connections', async () => {
    const cluster = await started({ connectionsMax: 7, settings: { fsync: 'off', work_mem: '8MB' } })
    expect(await first(cluster, 'show max_connections')).toBe('7')
    expect(await first(cluster, 'show fsync')).toBe('off')
    expect(await first(cluster, 'show work_mem')).toBe('8MB')
  })

  it('runs in a folder that only its owner may enter', async () => {
    const parentFolder = temporaryFolder()
    expect(statSync(parentFolder).mode & 0o777).toBe(0o700)
    const cluster = await started({ parentFolder })
    expect(cluster.dataFolder.startsWith(parentFolder)).toBe(true)
    expect(await first(cluster, 'select 1 as one')).toBe(1)
  })

  it.for<RunAs>(['namespace', 'nobody'])('runs for root as %s', async (runAs, { skip }) => {
    if (!isRoot()) skip(sayWhy('this is not root'))
    if (runAs === 'namespace' && !hasNamespaces()) skip(sayWhy('user namespaces are off'))
    const cluster = await started({ runAs })
    expect(cluster.runAs).toBe(runAs)
    expect(await first(cluster, 'select 1 as one')).toBe(1)
  })
})

describe.skipIf(whyMissing(npmMajor))('a process that is not root', () => {
  it('runs a cluster as itself', async ({ skip }) => {
    const reason = whyNotAsNobody()
    if (reason !== undefined) skip(sayWhy(reason))
    const { child, lone } = await loneCluster(isRoot() ? { uid: nobody, gid: nobody } : {})
    expect(lone.runAs).toBe('self')
    expect(await first(lone, 'show fsync')).toBe('on')
    child.send('stop')
    await once(child, 'exit')
    expect(existsSync(lone.dataFolder)).toBe(false)
  })
})

interface Lone {
  readonly keeper: number
  readonly pid: number
  readonly url: string
  readonly dataFolder: string
  readonly runAs: RunAs
}

async function started(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await startCluster(options)
  onTestFinished(cluster.stop)
  return cluster
}

async function loneCluster(user: { uid?: number; gid?: number } = {}): Promise<{ child: ChildProcess; lone: Lone }> {
  const program = fileURLToPath(new URL('./lone-cluster.ts', import.meta.url))
  const child = fork(program, [], { execPath: process.execPath, execArgv: [], ...user })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process ended with ${code}`)
  })
  const [lone] = (await Promise.race([once(child, 'message'), ended])) as [Lone]
  ended.catch(() => undefined)
  return { child, lone }
}

/** Root's own folders are closed to others, and a clone of the repository may be in one. */
function whyNotAsNobody(): string | undefined {
  if (!isRoot()) return undefined
  if (process.platform !== 'linux') return `root cannot become nobody on ${process.platform}`
  const closed = [process.execPath, import.meta.dirname].flatMap(closedFolder)
  return closed.length === 0 ? undefined : `nobody may not enter ${closed[0]}`
}

function closedFolder(path: string): readonly string[] {
  const parent = dirname(path)
  const above = parent === path ? [] : closedFolder(parent)
  return (statSync(path).mode & 0o005) === 0o005 ? above : [...above, path]
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'varve-closed-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Whoever has ended but is not fetched by its parent, as in containers without an init, is a zombie on Linux. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const stat = `/proc/${pid}/stat`
    return !existsSync(stat) || !/^\d+ \(.*\) Z /s.test(readFileSync(stat, 'utf8'))
  } catch {
    return false
  }
}
