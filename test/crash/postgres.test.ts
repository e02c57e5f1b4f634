import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { seeded } from '../../store/src/conformance/seeded.ts'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { type FreshPlace, first, freshDatabase } from '../postgres/database.ts'
import { onEveryPostgres } from '../postgres/on-postgres.ts'
import { crashFolder } from './crash-folder.ts'
import { readJournal } from './journal.ts'
import { surviveKill } from './survive-kill.ts'
import type { Place } from './surviving-events.ts'
import type { LifeAtUrl } from './writer-at-url.ts'

/** In turn, in an order that chance decides: a backend and the postmaster while the writer lives, then the writer itself. */
const kills = Number(process.env.POSTGRES_CRASH_KILLS ?? 9)
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = seeded(seed)
/** Answers between two kills, at least. */
const answersMin = 20

const writer = fileURLToPath(new URL('./writer-at-url.ts', import.meta.url))

onEveryPostgres(({ major }) => {
  describe(`a store of which something is killed ${kills} times (CRASH_SEED=${seed})`, () => {
    it('loses nothing acknowledged, doubles nothing, and leaves no hole', { timeout: 600_000 }, async () => {
      const server = await startedServer(major)
      const promised = new Map<string, Place>()
      const total = { kills: 0, acknowledged: 0, unanswered: 0, committed: 0 }
      for (let life = 0; total.kills < kills; life++) {
        const { journal, killed } = await liveAndDie(server, life)
        await using store = openStore({ engine: postgres({ url: server.database.url }) })
        const survived = await surviveKill(store, { journal, promised, random })
        total.kills += killed
        total.acknowledged += survived.acknowledged
        total.unanswered += survived.unanswered
        total.committed += survived.committed
      }
      console.info(`PostgreSQL ${major}, seed ${seed}: ${JSON.stringify(total)}`)
      expect(total.acknowledged).toBeGreaterThan(kills * answersMin)
      expect(total.unanswered).toBeGreaterThan(0)
    })
  })
})

interface Server {
  readonly cluster: Cluster
  readonly database: FreshPlace
  readonly folder: string
}

async function startedServer(major: number): Promise<Server> {
  const folder = crashFolder('postgres-kills')
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  // Syncing every file of the cluster before recovery would take seconds.
  const settings = process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {}
  const cluster = await startCluster({ major, settings })
  onTestFinished(cluster.stop)
  return { cluster, database: await freshDatabase(cluster), folder }
}

/** Starts a writer, kills what it depends on, and in the end the writer; gives what it noted. */
async function liveAndDie(server: Server, life: number) {
  const journal = join(server.folder, `journal-${life}`)
  writeFileSync(journal, '')
  const order: LifeAtUrl = { url: server.database.url, journal, seed: random.below(2 ** 31), life }
  const child = spawn(process.execPath, [writer, JSON.stringify(order)], { stdio: ['ignore', 'inherit', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const ways = random.oneIn(2) ? [killBackend, killPostmaster] : [killPostmaster, killBackend]
  for (const way of ways) {
    await answers(child, journal)
    await way(server)
  }
  await answers(child, journal)
  await pause(random.below(50))
  child.kill('SIGKILL')
  expect(await ended).toEqual([null, 'SIGKILL'])
  await writersGone(server)
  return { journal: readJournal(journal).filter((entry) => entry.kind !== 'opened'), killed: ways.length + 1 }
}

/** Waits until the writer was answered some times more. */
async function answers(child: ChildProcess, journal: string): Promise<void> {
  const answered = (): number => readJournal(journal).filter(({ kind }) => kind === 'acknowledged').length
  const enough = answered() + answersMin + random.below(50)
  await vi.waitUntil(
    () => {
      if (child.exitCode !== null) throw new Error(`the writer ended by itself with exit code ${child.exitCode}`)
      return answered() >= enough
    },
    { timeout: 60_000, interval: 5 },
  )
}

const ofWriters = `from pg_stat_activity where datname = current_database() and application_name = 'varve'`

async function killBackend({ database }: Server): Promise<void> {
  await first(database, `select pg_terminate_backend(pid) ${ofWriters} order by random() limit 1`)
}

async function killPostmaster({ cluster }: Server): Promise<void> {
  await cluster.kill()
  await pause(random.below(100))
  await cluster.restart()
}

/** What a dead writer sent last may still be under way. */
async function writersGone({ database }: Server): Promise<void> {
  await vi.waitUntil(async () => (await first(database, `select count(*)::int ${ofWriters}`)) === 0, {
    timeout: 20_000,
  })
}

/** The moment of a kill is chance, not a condition to wait for. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
