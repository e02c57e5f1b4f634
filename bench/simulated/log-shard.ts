import type { Random } from '../../store/src/conformance/seeded.ts'

/**
 * One shard of a log in DynamoDB, simulated: appends arrive at random, one process gathers those that wait into a commit,
 * puts it, and is told no when the partition has no write units left. Only time and write units are made up; what a commit
 * weighs is what the engine makes of real events.
 */

/** What AWS publishes of a partition, and what it does not but everybody measures: how long a put takes. */
export const partition = {
  /** Write units a second, each for a kilobyte of an item. */
  writeUnitsPerSecond: 1_000,
  /** A put that finds the partition idle takes this long at the least, in milliseconds. */
  putMsMin: 3,
  /** And this much longer on average, an exponential distribution. */
  putMsMore: 2,
  /** Bytes of an item that are sent in a millisecond. */
  bytesPerMs: 50_000,
} as const

/** A shard and what is asked of it. */
export interface ShardLoad {
  /** Events that arrive in a second, each an append of its own. */
  readonly eventsPerSecond: number
  /** Seconds that pass in the simulation. */
  readonly seconds: number
  /** Events of a commit at the most. */
  readonly commitEventsMax: number
  /** Bytes of a commit of so many events. */
  readonly commitBytes: (events: number) => number
  /** Requests before the put, one after the other: on a log with several shards ids are claimed, and the claims of others read. */
  readonly requestsBefore: number
  /** Milliseconds that the process works on a commit of so many events. */
  readonly workMs: (events: number) => number
  readonly random: Random
}

/** What became of it. */
export interface ShardOutcome {
  readonly eventsPerSecond: number
  readonly commitsPerSecond: number
  readonly writeUnitsPerSecond: number
  readonly eventsPerCommit: number
  /** From the arrival of an event to its acknowledgement. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the time, how much passed in waiting for write units, and how much in making commits. */
  readonly throttled: number
  readonly working: number
}

/** Runs one shard. Deterministic: the same random numbers, the same outcome. */
export function simulateShard(load: ShardLoad): ShardOutcome {
  const { random, commitEventsMax } = load
  const endMs = load.seconds * 1000
  const arrivals = arrivalsOf(load)
  const latenciesMs: number[] = []
  const spentMs = { throttled: 0, working: 0 }
  let nowMs = 0
  let units: number = partition.writeUnitsPerSecond
  let unitsAtMs = 0
  let [committed, commits, unitsUsed, next] = [0, 0, 0, 0]

  while (nowMs < endMs && next < arrivals.length) {
    nowMs = Math.max(nowMs, arrivals[next] as number)
    const first = next
    while (next < arrivals.length && next - first < commitEventsMax && (arrivals[next] as number) <= nowMs) next++
    const events = next - first
    const workMs = load.workMs(events)
    const bytes = load.commitBytes(events)
    const needed = Math.ceil(bytes / 1024)
    nowMs += workMs
    for (let request = 0; request < load.requestsBefore; request++) nowMs += requestMs(random)
    // A second's units at the most are there at once; what is not there is waited for.
    units = Math.min(
      partition.writeUnitsPerSecond,
      units + ((nowMs - unitsAtMs) / 1000) * partition.writeUnitsPerSecond,
    )
    const throttledMs = Math.max(0, ((needed - units) / partition.writeUnitsPerSecond) * 1000)
    nowMs += throttledMs
    units += (throttledMs / 1000) * partition.writeUnitsPerSecond - needed
    unitsAtMs = nowMs
    nowMs += requestMs(random) + bytes / partition.bytesPerMs
    spentMs.throttled += throttledMs
    spentMs.working += workMs
    for (let index = first; index < next; index++) latenciesMs.push(nowMs - (arrivals[index] as number))
    committed += events
    commits++
    unitsUsed += needed
  }

  const seconds = Math.max(nowMs, endMs) / 1000
  latenciesMs.sort((one, other) => one - other)
  return {
    eventsPerSecond: committed / seconds,
    commitsPerSecond: commits / seconds,
    writeUnitsPerSecond: unitsUsed / seconds,
    eventsPerCommit: committed / commits,
    p50Ms: latenciesMs[Math.floor(latenciesMs.length * 0.5)] ?? 0,
    p99Ms: latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? 0,
    throttled: spentMs.throttled / (seconds * 1000),
    working: spentMs.working / (seconds * 1000),
  }
}

/** How long a request takes whose bytes hardly count. */
function requestMs(random: Random): number {
  return partition.putMsMin - Math.log(1 - fraction(random)) * partition.putMsMore
}

/** A number from 0 up to 1. */
function fraction(random: Random): number {
  return random.below(2 ** 32) / 2 ** 32
}

/** When events arrive, in milliseconds: independent of each other, so their distances are exponential. */
function arrivalsOf({ eventsPerSecond, seconds, random }: ShardLoad): readonly number[] {
  const arrivals: number[] = []
  for (let at = 0; ; ) {
    at -= (Math.log(1 - fraction(random)) / eventsPerSecond) * 1000
    if (at >= seconds * 1000) return arrivals
    arrivals.push(at)
  }
}
