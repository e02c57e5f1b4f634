import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { durableEngines } from './engines.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, inFolder, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, type Section, section } from './harness/report.ts'
import { fillForGrowth, type GrowthSettings } from './trials/growth-trials.ts'

const module = new URL('./trials/growth-trials.ts', import.meta.url).href
const by = 'eventsPerSecond'
const appenders = 256
const [few, many] = [20_000, 2_000_000] as const
const reference = named('new', few)

/** The append rate of a store that holds two million events beside that of one with twenty thousand. */
export async function benchGrowth(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const sections: Section[] = []
  const bars: Bar[] = []
  for (const engine of preset.engines.filter((name) => durableEngines.includes(name))) {
    const rounds = await inFolder(async (folder) =>
      interleave(await filledCandidates(preset, engine, folder), preset.rounds),
    )
    const title = `varve ${engine}, ${appenders} concurrent appenders, one event each`
    sections.push(section(title, rounds, { to: reference, by }))
    const measured = ratio(rounds, { of: named('new', many), to: reference, by })
    bars.push({ what: `${engine}: 2 M events in the store, x 20 k`, measured, bound: 'at least', limit: 0.85 })
  }
  return { workload: 'growth', conditions, sections, bars }
}

/** Each in a store of its own, so that what one appends does not grow the store of another one. */
async function filledCandidates(preset: Preset, engine: string, folder: string): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = []
  for (const streams of ['new', 'old'] as const) {
    for (const events of [few, many]) {
      const { warmUpMs, windowMs } = preset
      const name = named(streams, events)
      const source = join(folder, `${streams}-${events}`)
      mkdirSync(source)
      await fillForGrowth(engine, source, events)
      // Runs write streams of their own, for each round finds those of the one before.
      const settings = (round: number): GrowthSettings => ({
        engine,
        source,
        streams,
        events,
        appenders,
        warmUpMs,
        windowMs,
        run: `round${round}`,
      })
      candidates.push({ name, module, trial: 'append', settings })
    }
  }
  return candidates
}

function named(streams: 'new' | 'old', events: number): string {
  return `${events / 1000}k events in the store, ${streams} streams`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchGrowth(presetFrom(process.argv.slice(2))))
}
