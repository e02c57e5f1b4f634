import { pathToFileURL } from 'node:url'
import { startCluster } from '../test/postgres/cluster.ts'
import { freshDatabase } from '../test/postgres/database.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { publish, type Report, section } from './harness/report.ts'
import { serverSettings, serverWords } from './postgres.ts'
import { fillForPostgres, type PostgresSettings } from './trials/postgres-trials.ts'

const module = new URL('./trials/postgres-trials.ts', import.meta.url).href
const compare = { to: 'one table', by: 'eventsPerSecond' } as const

/** What the tables call a store with its events in one table, and one with parts of 10,000 positions. */
const peers = { 'one table': 'varve', parts: 'parts' } as const

/** What parts cost on PostgreSQL: appends, streams read, a log read from its beginning. */
export async function benchParts({ name, rounds, warmUpMs, windowMs }: Preset): Promise<Report> {
  await using cluster = await startCluster({ settings: serverSettings })
  const server = { url: cluster.url, postmaster: cluster.pid(), warmUpMs }
  const beside = (
    trial: string,
    more: Pick<PostgresSettings, 'appenders' | 'size' | 'windowMs'>,
    filled: Readonly<Record<string, string>> = {},
  ): Promise<ReadonlyMap<string, readonly Readonly<Record<string, number>>[]>> =>
    interleave(
      Object.entries(peers).map(([candidate, peer]): Candidate => {
        const settings: PostgresSettings = { peer, ...server, ...more, ...(filled[peer] && { filled: filled[peer] }) }
        return { name: candidate, module, trial, settings }
      }),
      rounds,
    )

  const sections = []
  for (const appenders of [1, 64]) {
    const measured = await beside('appends', { appenders, size: 1, windowMs })
    sections.push(section(`${appenders} appenders, one event each`, measured, compare))
  }
  const batches = await beside('batches', { appenders: 16, size: 100, windowMs })
  sections.push(section('appends of 100 events, 16 at once', batches, compare))

  const events = name === 'full' ? 200_000 : 50_000
  const filled: Record<string, string> = {}
  for (const peer of Object.values(peers)) {
    filled[peer] = (await freshDatabase(cluster)).url
    await fillForPostgres(peer, filled[peer], events)
  }
  const streams = await beside('reads', { appenders: 1, size: 100, windowMs }, filled)
  sections.push(section('reads of streams of 100', streams, compare))
  const log = await beside('catchUp', { appenders: 1, size: 1, windowMs: 5_000 }, filled)
  sections.push(section(`catching up with ${events / 1000}k events, five seconds at the most`, log, compare))
  return {
    workload: 'postgres-parts',
    conditions: { ...conditionsNow(name), postgres: serverWords(cluster) },
    sections,
    bars: [],
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchParts(presetFrom(process.argv.slice(2))))
}
