import type { AppendOutcome, AppendRequest, Landed, LandedStream } from '../../engine/engine.ts'
import type { EventToStore } from '../../model/event.ts'
import type { NormalCondition } from '../../model/query.ts'
import { streamChangeOf } from '../../model/stream.ts'
import { versionHolds } from '../../model/version.ts'
import type { Database } from './driver.ts'
import { fingerprintOf } from './event-ids.ts'
import type { Filters } from './filter.ts'
import type { Log, Place } from './log.ts'
import { contentOf, payloadColumn, tagsColumn } from './rows.ts'
import { createSeal } from './seal.ts'
import type { Transactions } from './transactions.ts'

/** Commits a batch in one transaction. */
export type AppendBatch = (batch: readonly AppendRequest[]) => readonly AppendOutcome[]

/** What appending needs to know. */
export interface AppendParts {
  readonly db: Database
  readonly log: Log
  readonly filters: Filters
  readonly transactions: Transactions
  /** Events after which what memory knows is sealed. */
  readonly chunkEvents: number
}

/**
 * The write path: one transaction, each request judged against everything before it and written at once when nothing
 * speaks against it. A refused request was never written, so there is nothing to take back.
 */
export function createAppend(parts: AppendParts): AppendBatch {
  const { db, log, filters, transactions, chunkEvents } = parts
  const seal = createSeal(db, log)

  function appendAll(batch: readonly AppendRequest[]): readonly AppendOutcome[] {
    log.refresh()
    const outcomes = batch.map(appendOne)
    log.rows.flush()
    if (log.head - log.sealedTo >= chunkEvents) seal()
    return outcomes
  }

  function appendOne(request: AppendRequest): AppendOutcome {
    const fingerprints = request.events.map((event) => fingerprintOf(event.id))
    return judge(log, filters, request, fingerprints) ?? write(request, fingerprints)
  }

  function write({ events }: AppendRequest, fingerprints: readonly number[]): Landed {
    const firstPosition = log.head + 1
    if (events.length === 1) {
      const [event] = events as readonly [EventToStore]
      const version = writeEvent(event, fingerprints[0] as number)
      const streams = [{ streamId: event.streamId, firstVersion: version, lastVersion: version }]
      return { status: 'done', firstPosition, lastPosition: firstPosition, streams }
    }
    const versions = events.map((event, index) => writeEvent(event, fingerprints[index] as number))
    return { status: 'done', firstPosition, lastPosition: log.head, streams: landedStreams(events, versions) }
  }

  function writeEvent(event: EventToStore, fingerprint: number): number {
    const stream = log.streams.take(event.streamId)
    const version = stream.version + 1
    log.rows.add([
      log.head + 1,
      stream.number,
      version,
      event.id,
      log.types.numberOf(event.type),
      event.schemaVersion,
      contentOf(log, event),
      event.recordedAtMs,
      tagsColumn(event.tags),
      payloadColumn(event.data),
      payloadColumn(event.metadata),
    ])
    log.add({
      stream: stream.number,
      version,
      type: event.type,
      category: stream.category,
      tags: event.tags,
      fingerprint,
    })
    stream.version = version
    const change = streamChangeOf(event)
    if (change !== undefined && change !== 'malformed') log.streams.change(change)
    return version
  }

  return (batch) => {
    if (batch.length === 0) return []
    return transactions.write(() => appendAll(batch))
  }
}

/** The order of these questions is the port's contract: a repeat is a repeat whatever else has changed since. */
function judge(
  log: Log,
  filters: Filters,
  request: AppendRequest,
  fingerprints: readonly number[],
): AppendOutcome | undefined {
  const { events } = request
  for (let index = 0; index < events.length; index++) {
    const { id } = events[index] as EventToStore
    if (log.find(id, fingerprints[index] as number) !== undefined) return judgeKnown(log, events, fingerprints)
  }
  for (const { streamId } of events) {
    if (log.streams.find(streamId).tombstoned) return { status: 'tombstoned', streamId }
  }
  for (const { streamId, expectedVersion } of request.checks) {
    const state = log.streams.find(streamId)
    if (!versionHolds(expectedVersion, state)) {
      return { status: 'conflict', streamId, expected: expectedVersion, actual: state.version }
    }
  }
  return request.condition && violation(log, filters, request.condition)
}

/** At least one of the ids is stored. */
function judgeKnown(log: Log, events: readonly EventToStore[], fingerprints: readonly number[]): AppendOutcome {
  const places = events.map(({ id }, index) => log.find(id, fingerprints[index] as number))
  const known = places.filter((place) => place !== undefined)
  if (known.length === events.length && isRepeat(events, known)) return repeated(events, known)
  const first = places.findIndex((place) => place !== undefined)
  const { id } = events[first] as EventToStore
  return { status: 'duplicate_event_id', eventId: id, streamId: (places[first] as Place).streamId }
}

function isRepeat(events: readonly EventToStore[], places: readonly Place[]): boolean {
  const next = new Map<string, number>()
  return places.every(({ streamId, version }, index) => {
    const expected = next.get(streamId) ?? version
    next.set(streamId, version + 1)
    return streamId === events[index]?.streamId && version === expected
  })
}

function repeated(events: readonly EventToStore[], places: readonly Place[]): Landed {
  let firstPosition = Number.POSITIVE_INFINITY
  let lastPosition = 0
  for (const { position } of places) {
    firstPosition = Math.min(firstPosition, position)
    lastPosition = Math.max(lastPosition, position)
  }
  const versions = places.map((place) => place.version)
  return { status: 'repeated', firstPosition, lastPosition, streams: landedStreams(events, versions) }
}

function landedStreams(events: readonly EventToStore[], versions: readonly number[]): readonly LandedStream[] {
  const streams = new Map<string, LandedStream>()
  events.forEach(({ streamId }, index) => {
    const version = versions[index] as number
    const firstVersion = streams.get(streamId)?.firstVersion ?? version
    streams.set(streamId, { streamId, firstVersion, lastVersion: version })
  })
  return [...streams.values()]
}

function violation(log: Log, filters: Filters, { failIfMatch, after }: NormalCondition): AppendOutcome | undefined {
  // Some filters look at rows.
  log.rows.flush()
  const position = filters.firstMatch(failIfMatch, after + 1)
  return position === undefined ? undefined : { status: 'condition_failed', after, position }
}
