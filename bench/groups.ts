import { pathToFileURL } from 'node:url'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { publish, type Report, type Section, section } from './harness/report.ts'
import type { GroupSettings } from './trials/group-trials.ts'

const module = new URL('./trials/group-trials.ts', import.meta.url).href

/** The ways of consuming that are measured beside each other. */
const ways: readonly Omit<GroupSettings, 'engine' | 'events'>[] = [
  { consumers: 1, bufferEvents: 1, strategy: 'round_robin', waits: true },
  { consumers: 1, bufferEvents: 32, strategy: 'round_robin', waits: true },
  { consumers: 1, bufferEvents: 32, strategy: 'round_robin', waits: false },
  { consumers: 8, bufferEvents: 32, strategy: 'round_robin', waits: true },
  { consumers: 8, bufferEvents: 32, strategy: 'round_robin', waits: false },
  { consumers: 8, bufferEvents: 32, strategy: 'pinned', waits: true },
]

/** Consumer groups: how fast events are handed out and their acks saved. */
export async function benchGroups(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const events = preset.name === 'full' ? 20_000 : 4_000
  const sections: Section[] = []
  for (const engine of preset.engines) {
    const rows = ways.map((way): Candidate => {
      return { name: nameOf(way), module, trial: 'consumed', settings: { engine, events, ...way } }
    })
    const rounds = await interleave(rows, preset.rounds)
    const title = `consuming ${events} events, ${engine}`
    sections.push(section(title, rounds, { to: rows[0]?.name ?? '', by: 'eventsPerSecond' }))
  }
  return { workload: 'groups', conditions, sections, bars: [] }
}

function nameOf({ consumers, bufferEvents, strategy, waits }: (typeof ways)[number]): string {
  const who = consumers === 1 ? '1 consumer' : `${consumers} consumers`
  return `${who}, ${strategy}, buffer ${bufferEvents}, acks ${waits ? 'awaited' : 'not awaited'}`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchGroups(presetFrom(process.argv.slice(2))))
}
