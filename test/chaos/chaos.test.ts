import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Pool } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { seeded } from '../../store/src/conformance/seeded.ts'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { createGroup } from '../../store/src/groups/admin.ts'
import { groupInfo } from '../../store/src/groups/group-info.ts'
import { parkedEvents } from '../../store/src/groups/replay-parked.ts'
import type { RecordedEvent } from '../../store/src/model/event.ts'
import { openStore } from '../../store/src/open-store.ts'
import { listProjections, parkedInProjection } from '../../store/src/projections/admin.ts'
import { postgresTarget } from '../../store/src/projections/targets/postgres/index.ts'
import { sqliteTarget } from '../../store/src/projections/targets/sqlite/index.ts'
import { crashFolder } from '../crash/crash-folder.ts'
import { type Cluster, startCluster } from '../postgres/cluster.ts'
import { freshDatabase } from '../postgres/database.ts'
import { npmMajor } from '../postgres/distribution.ts'
import { onPostgres } from '../postgres/on-postgres.ts'
import { type ChaosOrder, groups, leaseMs } from './notes.ts'

/** The test of a release takes three minutes: VARVE_CHAOS_SECONDS=180. */
const seconds = Number(process.env.VARVE_CHAOS_SECONDS ?? 12)
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = seeded(seed)
const workerPath = fileURLToPath(new URL('./worker.ts', import.meta.url))
/** For so long nothing may have come further, in milliseconds, however slow the machine is. */
const stillMs = 45_000

onPostgres(({ major }) => {
  // One server is enough: what is tried here is what stands on it.
  describe.runIf(major === npmMajor)(`processes that are killed and hang for ${seconds} s (CRASH_SEED=${seed})`, () => {
    it('leave every read model and every group as if nothing had been', {
      timeout: seconds * 1_000 + 240_000,
    }, async () => {
      const world = await begun(major)
      const loading = load(world)
      await disturb(world)
      await loading
      await untilAllIsDone(world)
      await expectReadModels(world)
      await expectGroups(world)
    })
  })
})

interface World {
  readonly cluster: Cluster
  readonly store: EventStore
  readonly pool: Pool
  readonly order: Omit<ChaosOrder, 'name'>
  readonly workers: ChildProcess[]
  readonly endsAtMs: number
}

async function begun(major: number): Promise<World> {
  const folder = crashFolder('chaos')
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const settings = process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {}
  const cluster = await startCluster({ major, settings })
  onTestFinished(cluster.stop)
  const { url } = await freshDatabase(cluster)
  const store = openStore({ engine: postgres({ url }) })
  onTestFinished(() => store.close())
  const pool = new Pool({ connectionString: url, max: 2 })
  pool.on('error', () => undefined)
  onTestFinished(() => pool.end())
  await pool.query(
    'create table handled (nth bigserial primary key, "group" text not null, position bigint not null, stream text not null)',
  )
  const filter = { types: ['Noted'] }
  await createGroup(store, 'in-order', { filter, strategy: 'pinned', memberTimeoutMs: leaseMs, retryDelayMs: 50 })
  await createGroup(store, 'spread', { filter, memberTimeoutMs: leaseMs, retryDelayMs: 50 })
  const world: World = {
    ...{ cluster, store, pool, workers: [], endsAtMs: Date.now() + seconds * 1_000 },
    order: { url, readModelPath: join(folder, 'read-model.db') },
  }
  await Promise.all([0, 1, 2, 3].map((nth) => start(world, nth, 0)))
  return world
}

async function start(world: World, nth: number, life: number): Promise<void> {
  const order: ChaosOrder = { ...world.order, name: `worker-${nth}-${life}` }
  const worker = fork(workerPath, [JSON.stringify(order)])
  world.workers[nth] = worker
  onTestFinished(() => void worker.kill('SIGKILL'))
  await once(worker, 'message')
}

/** Notes something all the time; what is not acknowledged is sent again until it is. */
async function load({ store, endsAtMs }: World): Promise<void> {
  for (let nth = 0; Date.now() < endsAtMs; nth++) {
    const data = { nth, isPoison: random.oneIn(150) }
    // Other ones after a while: of what follows poison in its stream no more is parked than there may be, however long this takes.
    const streamId = `Note-${Math.floor(nth / 1_000)}-${random.below(100)}`
    for (let isStored = false; !isStored; ) {
      isStored = await store.append(streamId, [{ type: 'Noted', data }], { idempotencyKey: `note-${nth}` }).then(
        () => true,
        () => pause(50, false),
      )
    }
    await pause(5)
  }
}

async function disturb(world: World): Promise<void> {
  const done: Record<string, number> = { kill: 0, hang: 0, restart: 0 }
  for (let life = 1; Date.now() < world.endsAtMs; life++) {
    const nth = random.below(world.workers.length)
    const worker = world.workers[nth] as ChildProcess
    const way = random.pick(['kill', 'kill', 'hang', 'hang', 'restart'])
    done[way] = (done[way] ?? 0) + 1
    if (way === 'kill') {
      worker.kill('SIGKILL')
      await start(world, nth, life)
    } else if (way === 'hang') {
      worker.kill('SIGSTOP')
      await pause(leaseMs + random.below(leaseMs))
      worker.kill('SIGCONT')
    } else {
      await world.cluster.kill()
      await world.cluster.restart()
    }
    await pause(random.below(1_500))
  }
  console.info(`seed ${seed}: ${JSON.stringify({ ...done, events: await world.store.head() })}`)
}

async function untilAllIsDone({ store }: World): Promise<void> {
  let last = { atMs: Date.now(), progress: '' }
  for (;;) {
    const head = await store.head()
    const projections = await listProjections(store)
    const infos = await Promise.all(groups.map((group) => groupInfo(store, group)))
    const isProjected = projections.length === 3 && projections.every(({ position }) => position === head)
    const isConsumed = infos.every((info) => info.lagEvents === 0 && info.inFlight === 0)
    if (isProjected && isConsumed) return
    const places = projections.flatMap(({ generations }) => generations.flatMap(({ partitions }) => partitions))
    const progress = JSON.stringify([
      places.map(({ position }) => position),
      infos.map(({ acked, parked }) => [acked, parked]),
    ])
    if (progress !== last.progress) last = { atMs: Date.now(), progress }
    expect(Date.now() - last.atMs, `it stands still: ${JSON.stringify({ head, projections, infos })}`).toBeLessThan(
      stillMs,
    )
    await pause(250)
  }
}

/** What the log says, without what policies set aside: poison, and what came after it in its stream. */
async function foldedLog({ store }: World): Promise<readonly RecordedEvent[]> {
  const poisoned = new Set<string>()
  const events = await store.readAll().toArray()
  return events.filter(({ streamId, data }) => {
    if ((data as { isPoison: boolean }).isPoison) poisoned.add(streamId)
    return !poisoned.has(streamId)
  })
}

async function expectReadModels(world: World): Promise<void> {
  const expected = (await foldedLog(world)).map(({ position }) => position)
  await using inPostgres = postgresTarget({ url: world.order.url })
  await using inFile = sqliteTarget({ path: world.order.readModelPath })
  const positions = async (sql: string): Promise<number[]> =>
    (await inPostgres.readModel.query(sql)).rows.map(({ position }) => Number(position))
  expect(await positions('select position from seen order by position')).toEqual(expected)
  const filed = inFile.readModel.prepare('select position from filed order by position').all()
  expect(filed.map(({ position }) => Number(position))).toEqual(expected)
  const { rows } = await inPostgres.readModel.query('select sum(notes)::int as notes from totals')
  expect(rows[0]?.notes).toBe(expected.length)
  const all = await world.store.readAll().toArray()
  for (const name of ['seen', 'totals', 'filed']) {
    const parked: number[] = []
    for await (const { position } of parkedInProjection(world.store, name)) parked.push(position)
    expect([...parked, ...expected].sort((a, b) => a - b)).toEqual(all.map(({ position }) => position))
  }
}

async function expectGroups({ store, pool }: World): Promise<void> {
  const all = await store.readAll().toArray()
  const isPoison = ({ data }: RecordedEvent): boolean => (data as { isPoison: boolean }).isPoison
  for (const group of groups) {
    const { rows } = await pool.query('select position::int, stream from handled where "group" = $1 order by nth', [
      group,
    ])
    const firsts = new Map(
      (rows as { position: number; stream: string }[]).toReversed().map((row) => [row.position, row]),
    )
    const handled = [...firsts.keys()].sort((a, b) => a - b)
    expect(handled).toEqual(all.filter((event) => !isPoison(event)).map(({ position }) => position))
    const parked: number[] = []
    for await (const { position } of parkedEvents(store, group)) parked.push(position)
    expect(parked.sort((a, b) => a - b)).toEqual(all.filter(isPoison).map(({ position }) => position))
  }
  await expectOrder(pool)
}

/** The first time that each event of a stream was handled is in the order of the stream. */
async function expectOrder(pool: Pool): Promise<void> {
  const { rows } = await pool.query(`
    select stream, array_agg(position::int order by first) as positions
    from (select stream, position, min(nth) as first from handled where "group" = 'in-order' group by 1, 2) as each
    group by stream`)
  for (const { positions } of rows as { positions: number[] }[]) {
    expect(positions).toEqual([...positions].sort((a, b) => a - b))
  }
}
