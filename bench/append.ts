import { pathToFileURL } from 'node:url'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave, type Rounds } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, type Section, section } from './harness/report.ts'
import { summarise } from './harness/statistics.ts'
import { type AppendSettings, batchEvents } from './trials/append-trials.ts'

const module = new URL('./trials/append-trials.ts', import.meta.url).href
const encoded = 'raw log, bytes given'
const by = 'eventsPerSecond'

/** Appends, one event each with its expected version, at rising numbers of concurrent appenders; then batches. */
export async function benchAppend(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const levels = preset.name === 'full' ? [1, 16, 32, 64, 256, 1_024] : [1, 32, 256]
  const sections: Section[] = []
  const bars: Bar[] = []
  for (const appenders of levels) {
    const rounds = await interleave(atLevel(preset, appenders), preset.rounds)
    sections.push(section(`${appenders} concurrent appenders, one event each`, rounds, { to: encoded, by }))
    if (rounds.has('varve sqlite')) bars.push(...barsAt(appenders, rounds))
  }
  const reference = 'raw SQLite, 100 per transaction'
  const batches = await interleave(inBatches(preset, reference), preset.rounds)
  sections.push(section(`appends of ${batchEvents} events, one after the other`, batches, { to: reference, by }))
  return { workload: 'append', conditions, sections, bars }
}

function atLevel(preset: Preset, appenders: number): readonly Candidate[] {
  const candidate = candidates(preset, appenders)
  return [
    candidate(encoded, 'rawLogEncoded'),
    candidate('raw log, with JSON.stringify', 'rawLogJson'),
    ...preset.engines.map((engine) => candidate(`varve ${engine}`, 'varve', engine)),
    ...preset.engines.map((engine) => candidate(`varve ${engine}, bytes given`, 'varveEncoded', engine)),
    ...(appenders === 1 ? [candidate('raw SQLite, 1 per transaction', 'rawSqliteSingles')] : []),
  ]
}

function inBatches(preset: Preset, reference: string): readonly Candidate[] {
  const candidate = candidates(preset, 1)
  return [
    candidate(reference, 'rawSqliteBatches'),
    ...preset.engines.map((engine) => candidate(`varve ${engine}`, 'varveBatches', engine)),
  ]
}

function candidates({ warmUpMs, windowMs }: Preset, appenders: number) {
  return (name: string, trial: string, engine = 'none'): Candidate => {
    const settings: AppendSettings = { engine, appenders, warmUpMs, windowMs }
    return { name, module, trial, settings }
  }
}

function barsAt(appenders: number, rounds: Rounds): readonly Bar[] {
  const limit = { 1: 0.9, 256: 0.45 }[appenders]
  if (limit === undefined) return []
  const bar = (of: string, what: string): Bar => {
    return { what, measured: ratio(rounds, { of, to: encoded, by }), bound: 'at least', limit }
  }
  const rates = [
    bar('varve sqlite', `${appenders} appenders, x raw log`),
    bar('varve sqlite, bytes given', `${appenders} appenders, bytes given, x raw log`),
  ]
  if (appenders !== 256) return rates
  const bytes = summarise((rounds.get('varve sqlite') ?? []).map((round) => round.bytesPerEvent ?? Number.NaN))
  return [...rates, { what: '256 appenders, bytes written per event', measured: bytes, bound: 'at most', limit: 1_800 }]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchAppend(presetFrom(process.argv.slice(2))))
}
