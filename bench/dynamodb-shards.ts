import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { seeded } from '../store/src/conformance/seeded.ts'
import { encodeBody } from '../store/src/engines/dynamodb/commit.ts'
import { logShardOf } from '../store/src/model/log-shard.ts'
import { jsonContentType } from '../store/src/model/payload.ts'
import { conditionsNow } from './harness/conditions.ts'
import { type Preset, presetFrom } from './harness/preset.ts'
import { publish, type Report, section } from './harness/report.ts'
import { payloadOf, typeOf } from './load/events.ts'
import { type ShardOutcome, simulateShard } from './simulated/log-shard.ts'

/** Streams that take turns. The heaviest shard is the one that bends first, and the more streams, the less it differs. */
const streams = 100_000

/** What group commit gathers at the most. */
const commitEventsMax = 512

const shardCounts = [1, 4, 16, 64, 256] as const
const loads = [1_000, 10_000, 100_000, 1_000_000] as const

/** Where shards of a log in DynamoDB bend under the limits of its partitions: a simulation, of no network and no table. */
export async function benchDynamoDBShards({ name, rounds }: Preset): Promise<Report> {
  const weights = await weighed()
  const sections = []
  for (const load of loads) {
    const measured = new Map<string, Record<string, number>[]>()
    for (const shards of shardCounts) {
      const heaviest = shareOfHeaviest(shards)
      measured.set(
        `${shards} shards`,
        Array.from({ length: rounds }, (_, round) =>
          numbersOf(shards, heaviest, run({ load: load * heaviest, shards }, weights, round)),
        ),
      )
    }
    sections.push(
      section(`${load.toLocaleString('en-US')} events a second are offered`, measured, {
        to: '1 shards',
        by: 'eventsPerSecond',
      }),
    )
  }
  return { workload: 'dynamodb-shards', conditions: conditionsNow(name), sections, bars: [] }
}

function run(
  { load, shards }: { readonly load: number; readonly shards: number },
  { bytes, workMs }: Weights,
  round: number,
): ShardOutcome {
  const random = seeded(round + 1)
  return simulateShard({
    eventsPerSecond: load,
    seconds: 10,
    commitEventsMax,
    commitBytes: bytes,
    requestsBefore: shards > 1 ? 2 : 0,
    workMs,
    random,
  })
}

/** The heaviest shard's numbers as those of the store: all others have as much room as that one. */
function numbersOf(shards: number, heaviest: number, outcome: ShardOutcome): Record<string, number> {
  const { eventsPerSecond, p50Ms, p99Ms, eventsPerCommit, writeUnitsPerSecond, throttled, working } = outcome
  return {
    eventsPerSecond: eventsPerSecond / heaviest,
    p50Ms,
    p99Ms,
    eventsPerCommit,
    writeUnitsPerSecond,
    throttledPercent: throttled * 100,
    workingPercent: working * 100,
    heaviestToMean: heaviest * shards,
  }
}

function shareOfHeaviest(shards: number): number {
  const counts = new Float64Array(shards)
  for (let nth = 0; nth < streams; nth++) {
    const shard = logShardOf(`Order-${nth}`, shards)
    counts[shard] = (counts[shard] ?? 0) + 1
  }
  return Math.max(...counts) / streams
}

interface Weights {
  readonly bytes: (events: number) => number
  readonly workMs: (events: number) => number
}

/** What commits of real events weigh once compressed, and how long that takes; between the sizes tried, in proportion. */
async function weighed(): Promise<Weights> {
  const sizes = [1, 4, 16, 64, 256, commitEventsMax]
  const tried: { readonly events: number; readonly bytes: number; readonly ms: number }[] = []
  for (const events of sizes) {
    const samples: { readonly bytes: number; readonly ms: number }[] = []
    for (let turn = 0; turn < 9; turn++) {
      const startedAt = performance.now()
      const { byteLength } = await encodeBody(commitOf(events, turn * events))
      samples.push({ bytes: byteLength, ms: performance.now() - startedAt })
    }
    samples.sort((one, other) => one.ms - other.ms)
    const middle = samples[samples.length >> 1]
    tried.push({ events, bytes: middle?.bytes ?? 0, ms: middle?.ms ?? 0 })
  }
  const between = (of: 'bytes' | 'ms') => (events: number) => {
    const after = Math.max(
      1,
      tried.findIndex((one) => one.events >= events),
    )
    const [low, high] = [tried[after - 1], tried[after]]
    if (low === undefined || high === undefined) throw new RangeError(`commits of ${events} events were not tried`)
    return low[of] + ((high[of] - low[of]) * (events - low.events)) / (high.events - low.events)
  }
  return { bytes: between('bytes'), workMs: between('ms') }
}

function commitOf(events: number, from: number): Parameters<typeof encodeBody>[0] {
  const stored = Array.from({ length: events }, (_, index) => {
    const nth = from + index
    const streamId = `Order-${(nth * 7_919) % streams}`
    return {
      id: crypto.randomUUID(),
      streamId,
      version: 1 + (nth % 20),
      position: nth + 1,
      type: typeOf(streamId, nth),
      schemaVersion: 1,
      contentType: jsonContentType,
      metadataContentType: jsonContentType,
      data: JSON.stringify(payloadOf(nth)),
      metadata: '{}',
      tags: [],
      recordedAtMs: 1_700_000_000_000 + nth,
    }
  })
  const states = new Map(
    stored.map(({ streamId, version }) => [streamId, { version, truncateBefore: 1, tombstoned: false }]),
  )
  return {
    id: crypto.randomUUID(),
    firstPosition: from + 1,
    lastPosition: from + events,
    events: stored,
    states,
    chunk: 1,
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  publish(await benchDynamoDBShards(presetFrom(process.argv.slice(2))))
}
