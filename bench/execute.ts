import { pathToFileURL } from 'node:url'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { publish, type Report, type Section, section } from './harness/report.ts'
import type { ExecuteSettings } from './trials/execute-trials.ts'

const module = new URL('./trials/execute-trials.ts', import.meta.url).href

/** How a command gets its state. */
const ways = { read: 'all of them folded', snapshot: 'with a snapshot', remembered: 'remembered' } as const

/** Commands on streams of 100 to 10,000 events: folded from the first event, from a snapshot, and remembered. */
export async function benchExecute(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const sections: Section[] = []
  for (const engine of preset.engines) {
    const rows = [100, 1_000, 10_000].flatMap((events) =>
      (['read', 'snapshot', 'remembered'] as const).map((state): Candidate => {
        const settings: ExecuteSettings = { engine, events, state, samples: preset.name === 'full' ? 500 : 100 }
        return { name: named(events, state), module, trial: 'longStream', settings }
      }),
    )
    const rounds = await interleave(rows, preset.rounds)
    const title = `varve ${engine}, one command at a time: read, fold, decide, append`
    sections.push(section(title, rounds, { to: named(10_000, 'read'), by: 'p50Ms' }))
  }
  return { workload: 'execute', conditions, sections, bars: [] }
}

function named(events: number, state: ExecuteSettings['state']): string {
  return `${events} events, ${ways[state]}`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchExecute(presetFrom(process.argv.slice(2))))
}
