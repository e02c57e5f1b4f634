import { pathToFileURL } from 'node:url'
import { startCluster } from '../test/postgres/cluster.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, section } from './harness/report.ts'
import type { ReadModelSettings } from './trials/read-model-trials.ts'

const module = new URL('./trials/read-model-trials.ts', import.meta.url).href
const by = 'eventsPerSecond'
const byHand = 'a loop by hand'

/** Projections into PostgreSQL: how fast they catch up beside a loop written by hand. */
export async function benchReadModels(preset: Preset): Promise<Report> {
  await using cluster = await startCluster({ settings: { max_wal_size: '8GB', checkpoint_timeout: '30min' } })
  const events = preset.name === 'full' ? 200_000 : 20_000
  const candidate = (name: string, trial: string, partitions = 1): Candidate => {
    // A round trip for each event takes its time: a tenth of them says as much.
    const some = trial === 'statements' ? events / 10 : events
    const settings: ReadModelSettings = { url: cluster.url, engine: 'sqlite', events: some, partitions }
    return { name, module, trial, settings }
  }
  const rounds = await interleave(
    [
      candidate(byHand, 'loop'),
      candidate('documents', 'documents'),
      candidate('documents, 8 partitions', 'documents', 8),
      candidate('a statement per event', 'statements'),
      candidate('a statement per event, 8 partitions', 'statements', 8),
    ],
    preset.rounds,
  )
  const bars = ['documents', 'documents, 8 partitions'].map((of): Bar => {
    const measured = ratio(rounds, { of, to: byHand, by })
    return { what: `${of}, x a loop by hand`, measured, bound: 'at least', limit: 0.5 }
  })
  return {
    workload: 'read-models',
    conditions: { ...conditionsNow(preset.name), postgres: `PostgreSQL ${cluster.version} on this machine, fsync on` },
    sections: [section(`catching up with ${events / 1000}k events, into PostgreSQL`, rounds, { to: byHand, by })],
    bars,
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchReadModels(presetFrom(process.argv.slice(2))))
}
