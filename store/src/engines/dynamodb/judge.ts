import type { AppendOutcome, AppendRequest, Landed, LandedStream } from '../../engine/engine.ts'
import type { EventToStore, StoredEvent } from '../../model/event.ts'
import { logShardOf, positionOfPlace } from '../../model/log-shard.ts'
import { ownPayload } from '../../model/payload.ts'
import { matchesQuery, type NormalCondition } from '../../model/query.ts'
import { changedState, emptyStream, type StreamState, streamChangeOf } from '../../model/stream.ts'
import { versionHolds } from '../../model/version.ts'

/** Where an event with a known id is. */
export type Found = Pick<StoredEvent, 'id' | 'streamId' | 'version' | 'position'>

/** What the log says about a batch, as of one head of each shard that is concerned. */
export interface Facts {
  readonly logShards: number
  /** The last place of each shard that the batch writes to or checks. */
  readonly heads: ReadonlyMap<number, number>
  /** Of every id of the batch that is in the log. */
  readonly found: ReadonlyMap<string, Found>
  /** Of every stream that the batch writes, checks or speaks about. */
  readonly states: ReadonlyMap<string, StreamState>
  /** For requests with a condition: a position at which something matches it. */
  readonly matches: ReadonlyMap<AppendRequest, number>
}

/** What becomes of a batch if the log still ends where the facts were looked up. */
export interface Verdict {
  readonly outcomes: readonly AppendOutcome[]
  readonly written: readonly StoredEvent[]
  /** The states of all streams that what is written touches. */
  readonly states: ReadonlyMap<string, StreamState>
}

/** Judges requests one after the other, each against the log and all that came before it in the batch. */
export function judge(batch: readonly AppendRequest[], facts: Facts): Verdict {
  const { logShards } = facts
  const written: StoredEvent[] = []
  const heads = new Map(facts.heads)
  const ids = new Map<string, Found>()
  const states = new Map<string, StreamState>()
  const stateOf = (streamId: string): StreamState => states.get(streamId) ?? facts.states.get(streamId) ?? emptyStream

  function write(event: EventToStore): StoredEvent {
    const state = stateOf(event.streamId)
    const shard = logShardOf(event.streamId, logShards)
    const place = (heads.get(shard) ?? 0) + 1
    heads.set(shard, place)
    const stored: StoredEvent = {
      ...event,
      // A caller may reuse its buffers once the append was answered.
      data: ownPayload(event.data),
      metadata: ownPayload(event.metadata),
      version: state.version + 1,
      position: positionOfPlace({ shard, place }, logShards),
    }
    states.set(event.streamId, { ...state, version: stored.version })
    written.push(stored)
    ids.set(stored.id, stored)
    const change = streamChangeOf(event)
    if (change !== undefined && change !== 'malformed') {
      states.set(change.streamId, changedState(stateOf(change.streamId), change))
    }
    return stored
  }

  const outcomes = batch.map((request): AppendOutcome => {
    const stored = request.events.flatMap(({ id }) => ids.get(id) ?? facts.found.get(id) ?? [])
    const refused =
      refusal(request, stored, stateOf) ?? violation(request.condition, facts.matches.get(request), written)
    return refused ?? landed('done', request.events.map(write))
  })
  return { outcomes, written, states }
}

/** The order of these questions is the port's contract: a repeat is a repeat whatever else has changed since. */
function refusal(
  { events, checks }: AppendRequest,
  stored: readonly Found[],
  stateOf: (streamId: string) => StreamState,
): AppendOutcome | undefined {
  const [first] = stored
  if (first !== undefined) {
    if (isRepeat(events, stored)) return landed('repeated', stored)
    return { status: 'duplicate_event_id', eventId: first.id, streamId: first.streamId }
  }
  const closed = events.find(({ streamId }) => stateOf(streamId).tombstoned)
  if (closed !== undefined) return { status: 'tombstoned', streamId: closed.streamId }
  const failed = checks.find(({ streamId, expectedVersion }) => !versionHolds(expectedVersion, stateOf(streamId)))
  if (failed === undefined) return undefined
  const { streamId, expectedVersion } = failed
  return { status: 'conflict', streamId, expected: expectedVersion, actual: stateOf(streamId).version }
}

function violation(
  condition: NormalCondition | undefined,
  matched: number | undefined,
  written: readonly StoredEvent[],
): AppendOutcome | undefined {
  if (condition === undefined) return undefined
  const { after, failIfMatch } = condition
  const position =
    matched ?? written.find((event) => event.position > after && matchesQuery(failIfMatch, event))?.position
  return position === undefined ? undefined : { status: 'condition_failed', after, position }
}

function isRepeat(events: readonly EventToStore[], stored: readonly Found[]): boolean {
  if (stored.length !== events.length) return false
  const next = new Map<string, number>()
  return stored.every((event, index) => {
    const expected = next.get(event.streamId) ?? event.version
    next.set(event.streamId, event.version + 1)
    return event.streamId === events[index]?.streamId && event.version === expected
  })
}

function landed(status: Landed['status'], stored: readonly Found[]): Landed {
  const streams = new Map<string, LandedStream>()
  let [firstPosition, lastPosition] = [Number.POSITIVE_INFINITY, 0]
  for (const { streamId, version, position } of stored) {
    const firstVersion = streams.get(streamId)?.firstVersion ?? version
    streams.set(streamId, { streamId, firstVersion, lastVersion: version })
    firstPosition = Math.min(firstPosition, position)
    lastPosition = Math.max(lastPosition, position)
  }
  return { status, firstPosition, lastPosition, streams: [...streams.values()] }
}
