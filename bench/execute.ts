import { pathToFileURL } from 'node:url'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { publish, type Report, type Section, section } from './harness/report.ts'
import type { ExecuteSettings } from './trials/execute-trials.ts'

const module = new URL('./trials/execute-trials.ts', import.meta.url).href

/** Commands on streams of 100 to 10,000 events, folded from the first event and from a snapshot. */
export async function benchExecute(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const sections: Section[] = []
  for (const engine of preset.engines) {
    const rows = [100, 1_000, 10_000].flatMap((events) =>
      [false, true].map((hasSnapshot): Candidate => {
        const settings: ExecuteSettings = { engine, events, hasSnapshot, samples: preset.name === 'full' ? 500 : 100 }
        return { name: named(events, hasSnapshot), module, trial: 'longStream', settings }
      }),
    )
    const rounds = await interleave(rows, preset.rounds)
    const title = `varve ${engine}, one command at a time: read, fold, decide, append`
    sections.push(section(title, rounds, { to: named(10_000, false), by: 'p50Ms' }))
  }
  return { workload: 'execute', conditions, sections, bars: [] }
}

function named(events: number, hasSnapshot: boolean): string {
  return `${events} events, ${hasSnapshot ? 'with a snapshot' : 'all of them folded'}`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchExecute(presetFrom(process.argv.slice(2))))
}
