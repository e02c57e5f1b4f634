import { pathToFileURL } from 'node:url'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave, type Rounds } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, type Section, section } from './harness/report.ts'
import type { ProjectionSettings } from './trials/projection-trials.ts'

const module = new URL('./trials/projection-trials.ts', import.meta.url).href
const by = 'eventsPerSecond'
const byHand = 'a loop by hand'

/** Projections into SQLite: how fast they catch up beside a loop written by hand, how soon a write can be read, what idling costs. */
export async function benchProjections(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const full = preset.name === 'full'
  const amounts = { engine: 'sqlite', samples: full ? 1_000 : 200, idleMs: full ? 20_000 : 5_000 }
  const events = full ? 200_000 : 50_000
  const sections: Section[] = []
  const candidate = (name: string, trial: string, more: Partial<ProjectionSettings> = {}): Candidate => ({
    ...{ name, module, trial },
    settings: { ...amounts, events, partitions: 1, ...more },
  })
  const measure = async (title: string, rows: readonly Candidate[], metric: string): Promise<Rounds> => {
    const rounds = await interleave(rows, preset.rounds)
    sections.push(section(title, rounds, { to: rows[0]?.name ?? '', by: metric }))
    return rounds
  }

  const catchingUp = await measure(
    `catching up with ${events / 1000}k events, into SQLite`,
    [
      candidate(byHand, 'loop'),
      candidate('project', 'single'),
      candidate('runProjections', 'fleet'),
      candidate('runProjections, 8 partitions', 'fleet', { partitions: 8 }),
    ],
    by,
  )
  await measure('from an append to the read model', [candidate('runProjections', 'live')], 'p50Ms')
  await measure(
    'an idle instance of 20k events',
    [1, 8].map((partitions) => candidate(`${partitions} partitions`, 'idle', { events: 20_000, partitions })),
    'percentOfCore',
  )
  const bars = ['project', 'runProjections', 'runProjections, 8 partitions'].map((of): Bar => {
    const measured = ratio(catchingUp, { of, to: byHand, by })
    return { what: `${of}, x a loop by hand`, measured, bound: 'at least', limit: 0.5 }
  })
  return { workload: 'projections', conditions, sections, bars }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchProjections(presetFrom(process.argv.slice(2))))
}
