import type { AppendOutcome, AppendRequest, Landed, LandedStream } from '../../engine/engine.ts'
import type { EventToStore, StoredEvent } from '../../model/event.ts'
import { logShardOf, positionOfPlace } from '../../model/log-shard.ts'
import { matchesQuery, type NormalCondition } from '../../model/query.ts'
import { changedState, streamChangeOf } from '../../model/stream.ts'
import { versionHolds } from '../../model/version.ts'
import { type Log, stateOf } from './log.ts'

/** Judges one request against the log as it is, and writes it when nothing speaks against it. */
export function append(log: Log, request: AppendRequest): AppendOutcome {
  return judge(log, request) ?? write(log, request)
}

/** The order of these questions is the port's contract: a repeat is a repeat whatever else has changed since. */
function judge(log: Log, request: AppendRequest): AppendOutcome | undefined {
  const stored = request.events.flatMap((event) => log.byId.get(event.id) ?? [])
  if (stored.length > 0) return isRepeat(request.events, stored) ? landed('repeated', stored) : duplicate(stored)

  const closed = request.events.find((event) => stateOf(log, event.streamId).tombstoned)
  if (closed !== undefined) return { status: 'tombstoned', streamId: closed.streamId }

  for (const { streamId, expectedVersion } of request.checks) {
    const state = stateOf(log, streamId)
    if (!versionHolds(expectedVersion, state)) {
      return { status: 'conflict', streamId, expected: expectedVersion, actual: state.version }
    }
  }
  return request.condition && violation(log, request.condition)
}

function isRepeat(events: readonly EventToStore[], stored: readonly StoredEvent[]): boolean {
  if (stored.length !== events.length) return false
  const next = new Map<string, number>()
  return stored.every((event, index) => {
    const expected = next.get(event.streamId) ?? event.version
    next.set(event.streamId, event.version + 1)
    return event.streamId === events[index]?.streamId && event.version === expected
  })
}

function duplicate(stored: readonly StoredEvent[]): AppendOutcome {
  const [first] = stored as readonly [StoredEvent]
  return { status: 'duplicate_event_id', eventId: first.id, streamId: first.streamId }
}

function violation(log: Log, condition: NormalCondition): AppendOutcome | undefined {
  const { after, failIfMatch } = condition
  // The engine takes no condition when its log has several shards.
  const [events] = log.shards
  const match = events?.slice(after).find((event) => matchesQuery(failIfMatch, event))
  return match && { status: 'condition_failed', after, position: match.position }
}

function write(log: Log, request: AppendRequest): AppendOutcome {
  const stored = request.events.map((event) => writeEvent(log, event))
  return landed('done', stored)
}

function writeEvent(log: Log, event: EventToStore): StoredEvent {
  const stream = log.byStream.get(event.streamId) ?? []
  const logShards = log.shards.length
  const shard = logShardOf(event.streamId, logShards)
  const events = log.shards[shard] as StoredEvent[]
  const position = positionOfPlace({ shard, place: events.length + 1 }, logShards)
  const stored: StoredEvent = { ...event, version: stream.length + 1, position }
  stream.push(stored)
  log.byStream.set(event.streamId, stream)
  events.push(stored)
  log.byId.set(stored.id, stored)
  const change = streamChangeOf(event)
  if (change !== undefined && change !== 'malformed') {
    log.changed.set(change.streamId, changedState(stateOf(log, change.streamId), change))
  }
  return stored
}

function landed(status: Landed['status'], stored: readonly StoredEvent[]): Landed {
  const streams = new Map<string, LandedStream>()
  for (const { streamId, version } of stored) {
    const firstVersion = streams.get(streamId)?.firstVersion ?? version
    streams.set(streamId, { streamId, firstVersion, lastVersion: version })
  }
  const positions = stored.map((event) => event.position)
  return {
    status,
    firstPosition: Math.min(...positions),
    lastPosition: Math.max(...positions),
    streams: [...streams.values()],
  }
}
