import { pathToFileURL } from 'node:url'
import { startDynamoDB, whyNoDynamoDB } from '../test/dynamodb/server.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Candidate, interleave } from './harness/interleave.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { type Bar, publish, type Report, ratio, type Section, section } from './harness/report.ts'
import type { DynamoDBSettings } from './trials/dynamodb-trials.ts'

const module = new URL('./trials/dynamodb-trials.ts', import.meta.url).href
const by = 'eventsPerSecond'
/** Long enough for indexes: they are written behind the appends, which wait for them after a few chunks. */
const windowMsMin = 5_000
const [ours, raw, sharded] = ['varve', 'raw transactions of two items', 'varve, 4 log shards']

/**
 * Appends on the emulator, one event each with its expected version, at rising numbers of concurrent appenders, beside as many
 * that write the least that keeps versions. What the emulator can do says nothing about Amazon's: the ratio says what merging
 * saves in requests. Nor does it say what log shards bring: the emulator is one process that does one thing at a time, where a
 * partition of Amazon's is one of many. What is seen beside one shard is their price in requests.
 */
export async function benchDynamoDB(preset: Preset): Promise<Report> {
  const conditions = conditionsNow(preset.name)
  const [sections, bars]: [Section[], Bar[]] = [[], []]
  const reason = whyNoDynamoDB()
  if (reason !== undefined) {
    process.stderr.write(`Skipped: ${reason}.\n`)
    return { workload: 'dynamodb', conditions, sections, bars }
  }
  const server = await startDynamoDB()
  for (const appenders of [1, 64, 256]) {
    const candidate = (name: string, trial: string, logShards = 1): Candidate => ({
      name,
      module,
      trial,
      settings: (): DynamoDBSettings => ({
        endpoint: server.endpoint,
        table: server.freshTable(),
        logShards,
        appenders,
        warmUpMs: preset.warmUpMs,
        windowMs: Math.max(preset.windowMs, windowMsMin),
      }),
    })
    const candidates = [candidate(raw, 'rawTransactions'), candidate(ours, 'varve'), candidate(sharded, 'varve', 4)]
    const rounds = await interleave(candidates, preset.rounds)
    sections.push(section(`${appenders} concurrent appenders, one event each, DynamoDB`, rounds, { to: raw, by }))
    if (appenders === 256) {
      const measured = ratio(rounds, { of: ours, to: raw, by })
      bars.push({ what: '256 appenders, x raw transactions of two items', measured, bound: 'at least', limit: 8 })
    }
  }
  await server.stop()
  return { workload: 'dynamodb', conditions, sections, bars }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchDynamoDB(presetFrom(process.argv.slice(2))))
}
