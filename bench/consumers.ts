import { pathToFileURL } from 'node:url'
import { startCluster } from '../test/postgres/cluster.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { publish, type Report, section } from './harness/report.ts'
import type { ConsumerSettings } from './trials/consumer-trials.ts'

const module = new URL('./trials/consumer-trials.ts', import.meta.url).href

/** Read models beside the log in one PostgreSQL, kept by projections of Varve and by a consumer of Emmett. */
export async function benchConsumers(preset: Preset): Promise<Report> {
  await using cluster = await startCluster({ settings: { max_wal_size: '8GB', checkpoint_timeout: '30min' } })
  const full = preset.name === 'full'
  const events = full ? 200_000 : 20_000
  const amounts = { url: cluster.url, postmaster: cluster.pid(), partitions: 1, projections: 1, windowMs: 10_000 }
  const candidate = (
    name: string,
    trial: string,
    settings: Pick<ConsumerSettings, 'consumer' | 'isTuned' | 'events'> & Partial<ConsumerSettings>,
  ): Candidate => ({ name, module, trial, settings: { ...amounts, ...settings } })
  const one = { consumer: 'varve', isTuned: false } as const
  const batch = { consumer: 'varve', isTuned: true } as const
  const theirs = { consumer: 'emmett', isTuned: false } as const
  const tuned = { consumer: 'emmett', isTuned: true } as const

  // What makes a round trip per event takes its time: a tenth or a fifth of them says as much.
  const catchingUp = await interleave(
    [
      candidate('varve, a statement per batch', 'catchUp', { ...batch, events }),
      candidate('the same, 8 partitions', 'catchUp', { ...batch, events, partitions: 8 }),
      candidate('varve, a statement per event', 'catchUp', { ...one, events: events / 10 }),
      candidate('Emmett, default', 'catchUp', { ...theirs, events: events / 10 }),
      candidate('Emmett, tuned', 'catchUp', { ...tuned, events: events / 5 }),
    ],
    preset.rounds,
  )
  const samples = { events: full ? 500 : 100 }
  const live = await interleave(
    [candidate('varve', 'live', { ...batch, ...samples }), candidate('Emmett', 'live', { ...theirs, ...samples })],
    preset.rounds,
  )
  const idling = { events: 0, projections: 50 }
  const idle = await interleave(
    [candidate('varve', 'idle', { ...batch, ...idling }), candidate('Emmett', 'idle', { ...theirs, ...idling })],
    full ? 3 : 1,
  )
  return {
    workload: 'consumers',
    conditions: { ...conditionsNow(preset.name), postgres: `PostgreSQL ${cluster.version} on this machine, fsync on` },
    sections: [
      section(`catching up with ${events / 1000}k events`, catchingUp, {
        to: 'varve, a statement per batch',
        by: 'eventsPerSecond',
      }),
      section('from an append to the row that readers see', live, { to: 'varve', by: 'p50Ms' }),
      section('50 idle projections', idle, { to: 'varve', by: 'queriesPerSecond' }),
    ],
    bars: [],
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchConsumers(presetFrom(process.argv.slice(2))))
}
