import { pathToFileURL } from 'node:url'
import { type Cluster, startCluster } from '../test/postgres/cluster.ts'
import { freshDatabase } from '../test/postgres/database.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave, type Rounds } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, type Section, section } from './harness/report.ts'
import { summarise } from './harness/statistics.ts'
import { fillForPostgres, type PostgresSettings } from './trials/postgres-trials.ts'

const module = new URL('./trials/postgres-trials.ts', import.meta.url).href
const by = 'eventsPerSecond'

/** What the tables call each of the peers. */
const names = {
  varve: 'varve',
  remembering: 'varve, recent states',
  byHand: "varve's function by hand",
  plain: 'plain INSERT',
  merged: 'raw merged insert',
  emmett: 'Emmett',
  messageDb: 'Message DB',
} as const

type PeerName = keyof typeof names

/** As durable as in production. Checkpoints come seldom, so that they do not hit one candidate and spare another. */
export const serverSettings = { shared_buffers: '512MB', max_wal_size: '8GB', checkpoint_timeout: '30min' } as const

/** Everything on one PostgreSQL server, beside what people use on it today; a report as soon as there is one. */
export async function* benchPostgres(preset: Preset): AsyncGenerator<Report> {
  await using cluster = await startCluster({ settings: serverSettings })
  for (const [workload, measure] of Object.entries({ appending, reading, waiting })) {
    const conditions = { ...conditionsNow(preset.name), postgres: serverWords(cluster) }
    const parts = await measure(preset, cluster)
    yield {
      workload: `postgres-${workload}`,
      conditions,
      sections: parts.map((part) => part.section),
      bars: parts.flatMap((part) => part.bars),
    }
  }
}

interface Part {
  readonly section: Section
  readonly bars: readonly Bar[]
}

/** The server, in the words of a report. */
export function serverWords({ version }: Cluster): string {
  const set = Object.entries(serverSettings).map(([name, value]) => `${name} ${value}`)
  return [`PostgreSQL ${version} on this machine, over TCP`, 'fsync on', 'synchronous_commit on', ...set].join(', ')
}

async function appending(preset: Preset, cluster: Cluster): Promise<readonly Part[]> {
  const candidate = candidates(preset, cluster)
  const parts: Part[] = []
  const all: readonly PeerName[] = ['varve', 'plain', 'merged', 'emmett', 'messageDb']
  for (const appenders of [1, 16, 64, 256]) {
    const peers: readonly PeerName[] = appenders === 1 ? [...all, 'byHand'] : all
    const rounds = await interleave(
      peers.map((peer) => candidate(peer, 'appends', { appenders, size: 1 })),
      preset.rounds,
    )
    parts.push({
      section: section(`${appenders} appenders, one event each`, rounds, { to: names.varve, by }),
      bars: [
        ...(appenders === 1 ? [bar(rounds, '1 appender', 'plain', 0.7)] : []),
        ...(appenders === 64 ? [bar(rounds, '64 appenders', 'emmett', 8)] : []),
        ...(appenders >= 64 ? [bar(rounds, `${appenders} appenders`, 'merged', 0.8)] : []),
      ],
    })
  }
  const batches = await interleave(
    all.map((peer) => candidate(peer, 'batches', { appenders: 16, size: 100 })),
    preset.rounds,
  )
  parts.push({
    section: section('appends of 100 events, 16 at once', batches, { to: names.varve, by }),
    bars: [bar(batches, 'appends of 100', 'plain', 0.8)],
  })
  const commands = await interleave(
    (['varve', 'remembering', 'merged', 'emmett'] as const).map((peer) =>
      candidate(peer, 'commands', { appenders: 32, size: 20 }),
    ),
    preset.rounds,
  )
  parts.push({
    section: section('commands: load 20 events, decide, append, 32 at once', commands, { to: names.varve, by }),
    bars: [
      bar(commands, 'commands', 'emmett', 4),
      bar(commands, 'commands, recent states', 'emmett', 4, 'remembering'),
    ],
  })
  const contended = await interleave(
    (['varve', 'emmett'] as const).map((peer) => candidate(peer, 'contended', { appenders: 1, size: 1_000 })),
    preset.rounds,
  )
  const title = '1,000 commands at once on 10 streams, each by the command handler of its library'
  const inTurn = ratio(contended, { of: names.varve, to: names.emmett, by: 'commandsPerSecond' })
  parts.push({
    section: section(title, contended, { to: names.varve, by: 'commandsPerSecond' }),
    bars: [{ what: '1,000 commands at once, x Emmett', measured: inTurn, bound: 'at least', limit: 4 }],
  })
  return parts
}

async function reading(preset: Preset, cluster: Cluster): Promise<readonly Part[]> {
  const candidate = candidates(preset, cluster)
  const events = preset.name === 'full' ? 200_000 : 50_000
  const readers = ['varve', 'plain', 'emmett'] as const
  const filled = new Map<string, string>()
  for (const peer of readers) {
    const { url } = await freshDatabase(cluster)
    await fillForPostgres(peer, url, events)
    filled.set(peer, url)
  }
  const beside = (
    trial: string,
    more: { readonly appenders: number; readonly size: number; readonly windowMs?: number },
  ) =>
    interleave(
      readers.map((peer) => candidate(peer, trial, { ...more, filled: filled.get(peer) ?? '' })),
      preset.rounds,
    )
  const parts: Part[] = []
  for (const size of [100, 1_000]) {
    const rounds = await beside('reads', { appenders: 1, size })
    parts.push({ section: section(`reads of streams of ${size}`, rounds, { to: names.varve, by }), bars: [] })
  }
  const rounds = await beside('catchUp', { appenders: 1, size: 1, windowMs: 5_000 })
  parts.push({
    section: section(`catching up with ${events / 1000}k events, five seconds at the most`, rounds, {
      to: names.varve,
      by,
    }),
    bars: [bar(rounds, 'catching up', 'plain', 0.8)],
  })
  return parts
}

async function waiting(preset: Preset, cluster: Cluster): Promise<readonly Part[]> {
  const candidate = candidates(preset, cluster)
  const full = preset.name === 'full'
  const both = ['varve', 'emmett'] as const
  const live = await interleave(
    both.map((peer) => candidate(peer, 'live', { appenders: 1, size: full ? 500 : 30 })),
    preset.rounds,
  )
  const idle = await interleave(
    both.map((peer) => candidate(peer, 'idle', { appenders: 1, size: 50, windowMs: full ? 30_000 : 10_000 })),
    full ? 3 : 1,
  )
  return [
    {
      section: section('live latency, append to handler of another store', live, { to: names.varve, by: 'p50Ms' }),
      bars: [atMost(live, 'live latency p99, ms', 'p99Ms', 10)],
    },
    {
      section: section('50 idle subscriptions', idle, { to: names.varve, by: 'queriesPerSecond' }),
      bars: [atMost(idle, '50 idle subscriptions, queries per second', 'queriesPerSecond', 1)],
    },
  ]
}

type More = Pick<PostgresSettings, 'appenders' | 'size'> & Partial<Pick<PostgresSettings, 'filled' | 'windowMs'>>

function candidates({ warmUpMs, windowMs }: Preset, cluster: Cluster) {
  const server = { url: cluster.url, postmaster: cluster.pid() }
  return (peer: PeerName, trial: string, more: More): Candidate => {
    const settings: PostgresSettings = { peer, ...server, warmUpMs, windowMs, ...more }
    return { name: names[peer], module, trial, settings }
  }
}

function bar(rounds: Rounds, what: string, to: PeerName, limit: number, of: PeerName = 'varve'): Bar {
  const measured = ratio(rounds, { of: names[of], to: names[to], by })
  return { what: `${what}, x ${names[to]}`, measured, bound: 'at least', limit }
}

function atMost(rounds: Rounds, what: string, metric: string, limit: number): Bar {
  const values = (rounds.get(names.varve) ?? []).map((round) => round[metric] ?? Number.NaN)
  return { what, measured: summarise(values), bound: 'at most', limit }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for await (const report of benchPostgres(presetFrom(process.argv.slice(2)))) publish(report)
}
