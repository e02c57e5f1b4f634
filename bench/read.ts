import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { conditionsNow } from './harness/conditions.ts'
import { inFolder, interleave, type Rounds } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, type Section, section } from './harness/report.ts'
import { fillForReads, type Reading, type ReadSettings } from './trials/read-trials.ts'

const module = new URL('./trials/read-trials.ts', import.meta.url).href
const reference = 'raw SQLite, rows as objects'
const by = 'eventsPerSecond'
const readings: readonly Reading[] = ['all', 'all parsed', 'stream of 100', 'stream of 1,000', 'by type', 'by category']

/** Reads over one filled store, beside the same events in a plain SQLite table with an index for each reading. */
export async function benchRead(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const events = preset.name === 'full' ? 1_000_000 : 100_000
  return await inFolder(async (folder) => {
    const sources = await fill(folder, ['raw', ...preset.engines], events)
    const sections: Section[] = []
    const bars: Bar[] = []
    for (const reading of readings) {
      const { warmUpMs, windowMs } = preset
      const candidate = (name: string, trial: string, engine: string) => {
        const source = sources.get(engine) ?? folder
        const settings: ReadSettings = { engine, source, reading, warmUpMs, windowMs, events }
        return { name, module, trial, settings }
      }
      const rounds = await interleave(
        [
          candidate(reference, 'raw', 'raw'),
          ...preset.engines.map((engine) => candidate(`varve ${engine}`, 'varve', engine)),
        ],
        preset.rounds,
      )
      sections.push(section(`${reading}, ${events / 1000}k events in the store`, rounds, { to: reference, by }))
      if (rounds.has('varve sqlite')) bars.push(...barsOf(reading, rounds))
    }
    return { workload: 'read', conditions, sections, bars }
  })
}

async function fill(folder: string, names: readonly string[], events: number): Promise<ReadonlyMap<string, string>> {
  const sources = new Map<string, string>()
  for (const name of names) {
    const source = join(folder, name)
    mkdirSync(source)
    if (name !== 'memory') await fillForReads(name, source, events)
    sources.set(name, source)
  }
  return sources
}

function barsOf(reading: Reading, rounds: Rounds): readonly Bar[] {
  if (reading !== 'all') return []
  const measured = ratio(rounds, { of: 'varve sqlite', to: reference, by })
  return [{ what: 'read all, x raw SQLite', measured, bound: 'at least', limit: 0.6 }]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchRead(presetFrom(process.argv.slice(2))))
}
