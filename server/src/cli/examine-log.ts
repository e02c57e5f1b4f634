import { categoryOf, type EventStore, isVarveError, logShardOf, type RecordedEvent } from 'varve'
import { type Finding, ok, Problems, verdict, warning } from './finding.ts'
import { createIdCensus, hashOf, type IdCensus } from './id-census.ts'
import { counting } from './progress.ts'
import { visible } from './visible.ts'

/** What one pass over the log has seen; the other checks compare the store's answers with it. */
export interface Census {
  /** The first position that can be read: what lies below is archived. */
  readonly from: number
  /** The last position seen of each log shard. */
  readonly heads: number[]
  events: number
  /** Stream to the version of its last event. */
  readonly versions: Map<string, number>
  /** Where events are archived: stream to the first version seen. */
  readonly firstVersions: Map<string, number>
  /** Stream to what the last facts about it say. */
  readonly facts: Map<string, Fate>
  readonly types: Map<string, number>
  readonly categories: Map<string, number>
  /** Of the first tags met only: there may be as many as events. */
  readonly tags: Map<string, number>
}

/** What facts about a stream make of it. */
export interface Fate {
  readonly truncateBefore: number
  readonly tombstoned: boolean
}

/** Different types, categories and tags that are followed through the log, each. */
const termsFollowed = 200

interface Pass {
  readonly census: Census
  readonly ids: IdCensus
  readonly places: Problems
  readonly versions: Problems
  readonly unreadable: Problems
}

/** Options of {@link examineLog}. */
export interface ExamineOptions {
  readonly signal: AbortSignal
  readonly onEvent: (events: number, position: number) => void
}

/** Reads the whole log once and checks what every event says about its place. */
export async function examineLog(
  store: EventStore,
  { signal, onEvent }: ExamineOptions,
): Promise<{ readonly census: Census; readonly findings: readonly Finding[] }> {
  const from = await firstReadable(store, signal)
  const { logShards } = store.capabilities
  const pass: Pass = {
    census: {
      from,
      heads: Array.from({ length: logShards }, (_, shard) => (logShards === 1 ? from - 1 : shard)),
      events: 0,
      versions: new Map(),
      firstVersions: new Map(),
      facts: new Map(),
      types: new Map(),
      categories: new Map(),
      tags: new Map(),
    },
    ids: createIdCensus(),
    places: new Problems(),
    versions: new Problems(),
    unreadable: new Problems(),
  }
  for await (const event of store.readAll({ from, signal })) {
    checkEvent(pass, event, store.capabilities.gaplessPositions)
    takeIn(pass.census, event)
    pass.ids.add(event.id)
    onEvent(pass.census.events, event.position)
  }
  const ids = await repeatedIds(store, pass, signal)
  return { census: pass.census, findings: findingsOf(pass, ids) }
}

async function firstReadable(store: EventStore, signal: AbortSignal): Promise<number> {
  try {
    await store.readAll({ limit: 1, signal }).first()
    return 1
  } catch (error) {
    if (!isVarveError(error, 'EVENTS_ARCHIVED')) throw error
    return error.archivedUntil + 1
  }
}

function checkEvent({ census, places, versions, unreadable }: Pass, event: RecordedEvent, isGapless: boolean): void {
  const { position, streamId, version } = event
  const logShards = census.heads.length
  const head = headBefore(census, position)
  const isNext = isGapless ? position === head + logShards : position > head
  if (!isNext) places.add(`position ${position} follows position ${head}`)
  const ownShard = logShardOf(streamId, logShards)
  if (position % logShards !== ownShard) {
    places.add(
      `position ${position} is none of log shard ${ownShard}, in which stream ${JSON.stringify(streamId)} lies`,
    )
  }
  const before = census.versions.get(streamId) ?? (census.from === 1 ? 0 : version - 1)
  if (version !== before + 1) {
    versions.add(`stream ${JSON.stringify(streamId)} goes from version ${before} to ${version} at position ${position}`)
  }
  try {
    void event.data
  } catch (error) {
    if (!isVarveError(error, 'PAYLOAD_UNREADABLE')) throw error
    unreadable.add(`event ${event.id} at position ${position}`)
  }
}

function takeIn(census: Census, event: RecordedEvent): void {
  const { streamId, type, tags, position, version } = event
  census.events++
  census.heads[position % census.heads.length] = position
  if (census.from > 1 && !census.versions.has(streamId)) census.firstVersions.set(streamId, version)
  census.versions.set(streamId, version)
  follow(census.types, type)
  follow(census.categories, categoryOf(streamId))
  for (const tag of tags) follow(census.tags, tag)
  if (streamId.startsWith('$$') && streamId.length > 2) {
    const subject = streamId.slice(2)
    census.facts.set(subject, fateAfter(census.facts.get(subject), event))
  }
}

/** The last position seen of the log shard that a position is of. Below the first of a shard lies its number. */
function headBefore({ heads }: Pick<Census, 'heads'>, position: number): number {
  return heads[position % heads.length] ?? 0
}

/** True of what was appended since the pass. */
export function isSince(census: Pick<Census, 'heads'>, { position }: Pick<RecordedEvent, 'position'>): boolean {
  return position > headBefore(census, position)
}

/** True while nothing was appended since the pass. */
export async function isAtRest(
  { heads }: Pick<Census, 'heads'>,
  store: EventStore,
  signal: AbortSignal,
): Promise<boolean> {
  const now = await store.heads({ signal })
  return heads.every((head, shard) => (now[shard] ?? 0) <= head)
}

/** Once followed, a term is counted to the end; those met later are left out, so that memory stays bounded. */
function follow(counts: Map<string, number>, term: string): void {
  const count = counts.get(term)
  if (count !== undefined) counts.set(term, count + 1)
  else if (counts.size < termsFollowed) counts.set(term, 1)
}

function fateAfter(fate: Fate | undefined, { type, data }: RecordedEvent): Fate {
  const tombstoned = (fate?.tombstoned ?? false) || type === '$tombstone'
  if (type === '$tombstone') return { truncateBefore: fate?.truncateBefore ?? 1, tombstoned }
  const before = (data as { readonly truncate_before?: number } | undefined)?.truncate_before
  return { truncateBefore: before ?? 1, tombstoned }
}

/** A second pass, only when hashes met: it tells a repeated id from two ids that share a hash. */
async function repeatedIds(store: EventStore, { census, ids }: Pass, signal: AbortSignal): Promise<Problems> {
  const problems = new Problems()
  const suspects = ids.suspects()
  if (suspects.size === 0) return problems
  const seen = new Map<string, number>()
  for await (const event of store.readAll({ from: census.from, signal })) {
    const { id, position } = event
    if (isSince(census, event) || !suspects.has(hashOf(id))) continue
    const earlier = seen.get(id)
    if (earlier !== undefined) problems.add(`event id ${id} is at position ${earlier} and again at ${position}`)
    seen.set(id, position)
  }
  return problems
}

function headsTold({ heads }: Census): string {
  const [head] = heads
  return heads.length === 1
    ? `position ${head}`
    : `positions ${heads.map((at) => (at < heads.length ? 0 : at)).join(' ')} of the log shards`
}

function findingsOf({ census, places, versions, unreadable }: Pass, ids: Problems): readonly Finding[] {
  const events = `${counting(census.events)} events`
  const streams = `${counting(census.versions.size)} streams`
  const archived = `positions 1 to ${census.from - 1} are archived, and were not read`
  return [
    ...(census.from === 1 ? [] : [ok('archived', archived)]),
    verdict(
      'positions',
      census.events === 0 ? 'the log is empty' : `${events}, in order up to ${headsTold(census)}`,
      places,
    ),
    verdict('stream versions', `${streams}, each numbered without a hole`, versions),
    verdict('event ids', `${events}, no id twice`, ids),
    unreadable.count === 0
      ? ok('payloads', 'every payload is what its content type says')
      : warning(
          'payloads',
          `${counting(unreadable.count)} payloads are not the JSON that their content type says; the first is ${visible(unreadable.first)}`,
          'Nothing is lost: the exact bytes are in rawData and in exports. Find what appends them, and give the right content type.',
        ),
  ]
}
