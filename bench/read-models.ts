import { pathToFileURL } from 'node:url'
import { startCluster } from '../test/postgres/cluster.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave, type Rounds } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, section } from './harness/report.ts'
import type { ReadModelSettings } from './trials/read-model-trials.ts'

const module = new URL('./trials/read-model-trials.ts', import.meta.url).href
const by = 'eventsPerSecond'
const documentsByHand = 'documents, a loop by hand'
const rowsByHand = 'SQL, a loop by hand'

/** Projections into PostgreSQL: how fast they catch up beside loops written by hand. */
export async function benchReadModels(preset: Preset): Promise<Report> {
  await using cluster = await startCluster({ settings: { max_wal_size: '8GB', checkpoint_timeout: '30min' } })
  const events = preset.name === 'full' ? 200_000 : 50_000
  const candidate = (name: string, trial: string, partitions = 1): Candidate => {
    // A round trip for each event takes its time: a twentieth of them says as much.
    const some = trial === 'statements' ? events / 20 : events
    const settings: ReadModelSettings = { url: cluster.url, engine: 'sqlite', events: some, partitions }
    return { name, module, trial, settings }
  }
  const documents = await interleave(
    [
      candidate(documentsByHand, 'documentLoop'),
      candidate('documents', 'documents'),
      candidate('documents, 8 partitions', 'documents', 8),
    ],
    preset.rounds,
  )
  const rows = await interleave(
    [
      candidate(rowsByHand, 'rowLoop'),
      candidate('a statement per batch', 'batches'),
      candidate('a statement per batch, 8 partitions', 'batches', 8),
      candidate('a statement per event', 'statements'),
    ],
    preset.rounds,
  )
  const bar = (rounds: Rounds, of: string, to: string): Bar => {
    const measured = ratio(rounds, { of, to, by })
    return { what: `${of}, x a loop by hand`, measured, bound: 'at least', limit: 0.5 }
  }
  const title = `catching up with ${events / 1000}k events, into PostgreSQL`
  return {
    workload: 'read-models',
    conditions: { ...conditionsNow(preset.name), postgres: `PostgreSQL ${cluster.version} on this machine, fsync on` },
    sections: [
      section(`${title}: documents`, documents, { to: documentsByHand, by }),
      section(`${title}: SQL`, rows, { to: rowsByHand, by }),
    ],
    bars: [
      ...['documents', 'documents, 8 partitions'].map((of) => bar(documents, of, documentsByHand)),
      ...['a statement per batch', 'a statement per batch, 8 partitions'].map((of) => bar(rows, of, rowsByHand)),
    ],
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchReadModels(presetFrom(process.argv.slice(2))))
}
