import type { EventStore, QueryItem, StreamInfo } from 'varve'
import { type Census, isAtRest, isSince } from './examine-log.ts'
import { type Finding, Problems, verdict } from './finding.ts'
import { counting } from './progress.ts'

/**
 * Compares what the store answers through its indexes with what is in the log. Whatever was appended since the pass
 * over the log is left out: positions by their number, states of streams by asking once more whether the log moved.
 */
export async function examineIndexes(
  store: EventStore,
  census: Census,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  return [
    await examineListing(store, census, signal),
    await examineStreams(store, census, signal),
    await examineFilters(store, census, signal),
  ]
}

/** Streams that are read one by one, spread over all of them. */
const streamsRead = 500

async function examineListing(store: EventStore, census: Census, signal: AbortSignal): Promise<Finding> {
  const problems = new Problems()
  const missing = new Set(census.versions.keys())
  const listed: StreamInfo[] = []
  for await (const stream of store.streams({ signal })) {
    if (census.from > 1) takeFromListing(stream, census)
    missing.delete(stream.streamId)
    if (!agrees(stream, census)) listed.push(stream)
  }
  const isStill = await isAtRest(census, store, signal)
  for (const stream of listed) {
    if (isStill || stream.version < (census.versions.get(stream.streamId) ?? 0))
      problems.add(stateProblem(stream, census))
  }
  for (const streamId of missing) problems.add(`stream ${JSON.stringify(streamId)} has events but is not listed`)
  return verdict('streams', `the list agrees with the log on versions and hidden events`, problems)
}

/** What the archive holds about a stream, the list says alone: whole streams, and facts that hide or close one. */
function takeFromListing({ streamId, version, truncateBefore, tombstoned }: StreamInfo, census: Census): void {
  if (!census.versions.has(streamId)) {
    census.versions.set(streamId, version)
    census.firstVersions.set(streamId, version + 1)
  }
  if (!census.facts.has(streamId)) census.facts.set(streamId, { truncateBefore, tombstoned })
}

function agrees({ streamId, version, truncateBefore, tombstoned }: StreamInfo, census: Census): boolean {
  const fate = census.facts.get(streamId)
  return (
    version === (census.versions.get(streamId) ?? 0) &&
    truncateBefore === (fate?.truncateBefore ?? 1) &&
    tombstoned === (fate?.tombstoned ?? false)
  )
}

function stateProblem({ streamId, version, truncateBefore, tombstoned }: StreamInfo, census: Census): string {
  const fate = census.facts.get(streamId)
  const state = (at: number, before: number, closed: boolean): string =>
    `version ${at}, hidden before ${before}${closed ? ', tombstoned' : ''}`
  const inLog = state(census.versions.get(streamId) ?? 0, fate?.truncateBefore ?? 1, fate?.tombstoned ?? false)
  return `stream ${JSON.stringify(streamId)} is listed at ${state(version, truncateBefore, tombstoned)}; the log says ${inLog}`
}

async function examineStreams(store: EventStore, census: Census, signal: AbortSignal): Promise<Finding> {
  const problems = new Problems()
  const all = [...census.versions.keys()]
  const step = Math.max(1, Math.ceil(all.length / streamsRead))
  let read = 0
  for (let index = 0; index < all.length; index += step, read++) {
    const streamId = all[index] as string
    const problem = await streamProblem(store, streamId, census, signal)
    if (problem !== undefined) problems.add(problem)
  }
  return verdict('stream reads', `${counting(read)} streams give every visible event, in order`, problems)
}

async function streamProblem(
  store: EventStore,
  streamId: string,
  census: Census,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { versions, firstVersions, facts } = census
  const { truncateBefore, tombstoned } = facts.get(streamId) ?? { truncateBefore: 1, tombstoned: false }
  const end = versions.get(streamId) ?? 0
  const from = firstVersions.get(streamId) ?? 1
  let expected = Math.max(truncateBefore, from)
  for await (const event of store.readStream(streamId, { from, signal })) {
    if (isSince(census, event)) break
    if (event.version !== expected) {
      // A fact that arrived since the pass hides more.
      if (!(await isAtRest(census, store, signal))) return undefined
      return `a read of ${JSON.stringify(streamId)} gives version ${event.version} where ${expected} belongs`
    }
    expected++
  }
  if (tombstoned || expected > end || !(await isAtRest(census, store, signal))) return undefined
  return `a read of ${JSON.stringify(streamId)} ends at version ${expected - 1}; the log has it at ${end}`
}

async function examineFilters(store: EventStore, census: Census, signal: AbortSignal): Promise<Finding> {
  const problems = new Problems()
  const kinds: readonly (readonly [string, ReadonlyMap<string, number>, (term: string) => QueryItem])[] = [
    ['type', census.types, (term) => ({ types: [term] })],
    ['category', census.categories, (term) => ({ categories: [term] })],
    ['tag', census.tags, (term) => ({ tags: [term] })],
  ]
  let asked = 0
  for (const [kind, terms, filterFor] of kinds) {
    for (const [term, inLog] of terms) {
      // The empty category has no filter.
      if (term === '') continue
      asked++
      const found = await countOf(store, filterFor(term), census, signal)
      if (found === inLog) continue
      problems.add(`reading by ${kind} ${JSON.stringify(term)} gives ${found} events; the log has ${inLog}`)
    }
  }
  return verdict('filters', `${counting(asked)} types, categories and tags find their events`, problems)
}

async function countOf(store: EventStore, filter: QueryItem, census: Census, signal: AbortSignal): Promise<number> {
  let count = 0
  for await (const event of store.readAll({ filter, from: census.from, signal })) if (!isSince(census, event)) count++
  return count
}
