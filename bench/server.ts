import { pathToFileURL } from 'node:url'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave, type Rounds } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, section } from './harness/report.ts'
import { summarise } from './harness/statistics.ts'
import { batchEvents, type ServerSettings } from './trials/server-trials.ts'

const module = new URL('./trials/server-trials.ts', import.meta.url).href
const library = 'the library, 256 appenders'
const libraryRead = 'the library, read all'
const counting = 'a count of all events'
const many = '8 clients, 32 in flight each'
const by = 'eventsPerSecond'

/** An official client of KurrentDB and a server over SQLite, each in a process of its own. */
export async function benchServer(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const appends = await interleave(appending(preset), preset.rounds)
  const reads = await interleave(reading(preset), preset.rounds)
  const projections = await interleave(projecting(preset), preset.rounds)
  return {
    workload: 'server',
    conditions,
    sections: [
      section('appends by an official client of KurrentDB', appends, { to: library, by }),
      section('reads by an official client of KurrentDB', reads, { to: libraryRead, by }),
      section('projections in JavaScript, from their creation on', projections, { to: counting, by }),
    ],
    bars: bars(appends),
  }
}

function appending(preset: Preset): readonly Candidate[] {
  const candidate = candidates(preset)
  return [
    candidate(library, 'library', { appenders: 256 }),
    candidate('1 in flight', 'oneClient', { appenders: 1 }),
    candidate('32 in flight', 'oneClient', { appenders: 32 }),
    candidate('256 in flight', 'oneClient', { appenders: 256 }),
    candidate('32 in flight, by Append', 'oneClient', { appenders: 32, classic: true }),
    candidate(`appends of ${batchEvents}`, 'batches', {}),
    candidate(many, 'manyClients', { appenders: 32, clients: 8 }),
    candidate('1 bare client, 256 in flight', 'manyClients', { appenders: 256, bare: true }),
    candidate('8 bare clients, 32 in flight each', 'manyClients', { appenders: 32, clients: 8, bare: true }),
  ]
}

function reading(preset: Preset): readonly Candidate[] {
  const candidate = candidates(preset)
  return [
    candidate(libraryRead, 'libraryRead', {}),
    candidate('a stream', 'readStream', {}),
    candidate('all streams', 'readAll', {}),
    candidate('a subscription catching up', 'subscription', {}),
  ]
}

function projecting(preset: Preset): readonly Candidate[] {
  const candidate = candidates(preset)
  return [
    candidate(counting, 'counting', {}),
    candidate('a count for each of 1,000 partitions', 'keyed', {}),
    candidate('a link for each event', 'linking', {}),
  ]
}

function candidates({ warmUpMs, windowMs, name: preset }: Preset) {
  return (name: string, trial: string, more: Partial<ServerSettings>): Candidate => {
    const events = preset === 'full' ? 100_000 : 20_000
    // Two processes have to be warm, not one: for some 20,000 appends a server costs up to twice as much as from then on.
    const times = { warmUpMs: warmUpMs * 20, windowMs: windowMs * 3 }
    const settings: ServerSettings = {
      appenders: 1,
      clients: 1,
      bare: false,
      classic: false,
      events,
      ...times,
      ...more,
    }
    return { name, module, trial, settings }
  }
}

function bars(rounds: Rounds): readonly Bar[] {
  const shares = (rounds.get('256 in flight') ?? []).map(
    ({ serverCpuUsPerEvent = Number.NaN, cpuUsPerEvent = Number.NaN }) => serverCpuUsPerEvent / cpuUsPerEvent,
  )
  const share: Bar = {
    what: '256 in flight, CPU of the server x that of the client',
    measured: summarise(shares),
    bound: 'at most',
    limit: 0.4,
  }
  const measured = ratio(rounds, { of: many, to: library, by })
  return [share, { what: '8 clients, x the library', measured, bound: 'at least', limit: 0.6 }]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchServer(presetFrom(process.argv.slice(2))))
}
