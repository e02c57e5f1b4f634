import { pathToFileURL } from 'node:url'
import { startCluster } from '../test/postgres/cluster.ts'
import { engineNames } from './engines.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, type Section, section } from './harness/report.ts'
import { summarise } from './harness/statistics.ts'
import type { GroupTrialSettings } from './trials/group-trials.ts'

const module = new URL('./trials/group-trials.ts', import.meta.url).href
const by = 'eventsPerSecond'
const byHand = 'a loop by hand'
const one = '1 consumer'
const eight = '8 consumers'

type Way = Pick<GroupTrialSettings, 'consumers' | 'strategy' | 'until'>

/** The ways of consuming that are measured beside each other; every consumer waits for its ack. */
const ways: Readonly<Record<string, Way>> = {
  [one]: { consumers: 1, strategy: 'round_robin', until: 'noted' },
  [`${one}, until saved`]: { consumers: 1, strategy: 'round_robin', until: 'saved' },
  [eight]: { consumers: 8, strategy: 'round_robin', until: 'noted' },
  [`${eight}, until saved`]: { consumers: 8, strategy: 'round_robin', until: 'saved' },
  [`${eight}, pinned`]: { consumers: 8, strategy: 'pinned', until: 'noted' },
}

/** Events a second that a consumer which does nothing but acknowledge should reach, at least. */
const limits: Readonly<Record<string, number>> = { memory: 20_000, sqlite: 5_000, postgres: 5_000 }

/** Consumer groups: how fast events are handed out and their acks saved, beside a loop that reads and saves its place. */
export async function benchGroups(preset: Preset): Promise<Report> {
  await using cluster = await startCluster({ settings: { max_wal_size: '8GB', checkpoint_timeout: '30min' } })
  const postgres = `PostgreSQL ${cluster.version} on this machine, fsync on`
  const conditions = { ...conditionsNow(preset.name), postgres }
  const events = preset.name === 'full' ? 60_000 : 20_000
  const sections: Section[] = []
  const bars: Bar[] = []
  const isWhole = preset.engines.length === engineNames.length
  for (const engine of isWhole ? [...preset.engines, 'postgres'] : preset.engines) {
    const candidates = candidatesOn({ engine, url: cluster.url, events })
    const rounds = await interleave(candidates, preset.rounds)
    sections.push(section(`consuming ${events / 1_000}k events, ${engine}`, rounds, { to: byHand, by }))
    const limit = limits[engine] ?? 0
    for (const name of [one, eight]) {
      const measured = summarise((rounds.get(name) ?? []).map((round) => round[by] ?? Number.NaN))
      bars.push({ what: `${name}, ${engine}, events/s`, measured, bound: 'at least', limit })
    }
  }
  return { workload: 'groups', conditions, sections, bars }
}

function candidatesOn(place: Pick<GroupTrialSettings, 'engine' | 'url' | 'events'>): readonly Candidate[] {
  const consuming = Object.entries(ways).map(([name, way]): Candidate => {
    // With a write for each event, a tenth of them says as much.
    const events = way.consumers === 1 && way.until === 'saved' ? place.events / 10 : place.events
    return { name, module, trial: 'consumed', settings: { ...place, ...way, events } }
  })
  return [{ name: byHand, module, trial: 'loop', settings: place }, ...consuming]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchGroups(presetFrom(process.argv.slice(2))))
}
