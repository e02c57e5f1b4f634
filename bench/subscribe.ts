import { pathToFileURL } from 'node:url'
import { durableEngines } from './engines.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave, type Rounds } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, type Section, section } from './harness/report.ts'
import { summarise } from './harness/statistics.ts'
import type { SubscribeSettings } from './trials/subscribe-trials.ts'

const module = new URL('./trials/subscribe-trials.ts', import.meta.url).href

/** Subscriptions: how soon an event arrives, how fast they catch up, what they cost when slow and when idle. */
export async function benchSubscribe(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const full = preset.name === 'full'
  const amounts = { samples: full ? 1_000 : 200, idleMs: full ? 10_000 : 3_000 }
  const sections: Section[] = []
  const bars: Bar[] = []

  const measure = async (title: string, rows: readonly Candidate[], by: string): Promise<Rounds> => {
    const rounds = await interleave(rows, preset.rounds)
    sections.push(section(title, rounds, { to: rows[0]?.name ?? '', by }))
    return rounds
  }
  const each = (trial: string, settings: Omit<SubscribeSettings, 'engine' | 'samples' | 'idleMs'>) =>
    preset.engines.map(
      (engine): Candidate => ({
        name: `varve ${engine}`,
        module,
        trial,
        settings: { engine, ...amounts, ...settings },
      }),
    )

  const live = await measure(
    'live latency, from append to handler, idle store',
    [
      ...each('live', { events: 0, subscriptions: 1 }),
      ...each('liveFromOtherProcess', { events: 0, subscriptions: 1 })
        .filter((_, at) => durableEngines.includes(preset.engines[at] ?? ''))
        .map((candidate) => ({ ...candidate, name: `${candidate.name}, appended by another process` })),
      {
        name: 'raw log, one record after the same pause',
        module,
        trial: 'rawAfterPause',
        settings: { engine: 'none', ...amounts, events: 0, subscriptions: 0 },
      },
    ],
    'p50Ms',
  )
  await measure(
    'catching up with 100k events',
    each('catchUp', { events: 100_000, subscriptions: 1 }),
    'eventsPerSecond',
  )
  for (const subscriptions of [0, 10]) {
    const title = `heap kept while 100k events are appended, ${subscriptions} slow readers`
    await measure(title, each('slowReader', { events: 100_000, subscriptions }), 'heapMib')
  }
  const idle = await measure(
    '50 idle subscriptions on a store of 20k events',
    each('idle', { events: 20_000, subscriptions: 50 }),
    'percentOfCore',
  )
  if (preset.engines.includes('sqlite')) {
    bars.push(
      bar('live latency p99, ms', live, 'p99Ms', 5),
      bar('50 idle subscriptions, % of a core', idle, 'percentOfCore', 1),
    )
  }
  return { workload: 'subscribe', conditions, sections, bars }
}

function bar(what: string, rounds: Rounds, metric: string, limit: number): Bar {
  const values = (rounds.get('varve sqlite') ?? []).map((round) => round[metric] ?? Number.NaN)
  return { what, measured: summarise(values), bound: 'at most', limit }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchSubscribe(presetFrom(process.argv.slice(2))))
}
