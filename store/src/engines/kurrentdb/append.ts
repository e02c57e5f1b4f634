import type { AppendOutcome, AppendRequest, LandedStream } from '../../engine/engine.ts'
import { EngineUnavailable, NotSupported } from '../../model/errors.ts'
import { commit, type NewId, positionsOf } from './commit.ts'
import type { Connection } from './connection.ts'
import { groupsOf } from './groups.ts'
import { type EventPlace, judge, type Plan, type Verdict } from './judge.ts'
import { complete, type Memory, verified } from './knowledge.ts'

/**
 * Appending is optimistic, in three steps: judge by what is known, write under checks of all that was known, and when the server
 * refuses, or something seems to speak against a request, ask anew and judge again. The server's checks are what decides.
 *
 *   judged by what is remembered ──(all may be written)──▶ written under checks ──▶ positions read
 *              │ (one is refused)                              │ (a stream moved, an id is taken)
 *              ▼                                               ▼
 *         asked anew ◀─────────────────────────────────────────┘
 */
export interface Appending {
  readonly connection: Connection
  readonly memory: Memory
  readonly newId: NewId
}

/** Attempts of one group, each after others have appended to the same streams. With each of them somebody got on. */
const attemptsMax = 200

/** Appends a batch, in as few appends of the server as keep the order of positions. */
export async function append(appending: Appending, batch: readonly AppendRequest[]): Promise<readonly AppendOutcome[]> {
  if (batch.some(({ condition }) => condition !== undefined)) {
    const advice = 'Check the versions of streams instead, or keep the store on another engine.'
    throw new NotSupported('kurrentdb', 'appendConditions', advice)
  }
  const outcomes: AppendOutcome[] = []
  for (const group of groupsOf(batch)) outcomes.push(...(await appendGroup(appending, group)))
  return outcomes
}

async function appendGroup(
  { connection, memory, newId }: Appending,
  group: readonly AppendRequest[],
): Promise<readonly AppendOutcome[]> {
  let knowledge = memory.recall(group)
  await complete(connection, group, knowledge)
  let isVerified = false
  let revisions: ReadonlyMap<string, number> = new Map()
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const plan = judge(group, knowledge)
    const mayWrite = isVerified || plan.verdicts.every((verdict) => !('refused' in verdict))
    const committed = mayWrite && plan.events.length > 0 ? await commit(connection, plan, newId) : undefined
    if (committed?.written === true) {
      const verdicts = plan.verdicts.map((verdict) => movedBy(verdict, committed.moved))
      if (committed.moved.size === 0) memory.remember(plan.after)
      else memory.forget()
      return outcomesOf(verdicts, await positionsOf(connection, landingsOf(plan, verdicts)))
    }
    if (mayWrite && plan.events.length === 0) return outcomesOf(plan.verdicts, new Map())
    if (committed !== undefined) revisions = committed.revisions
    knowledge = await verified(connection, group, revisions)
    isVerified = true
  }
  throw new EngineUnavailable('kurrentdb', `others append to the same streams; given up after ${attemptsMax} attempts`)
}

/**
 * The events whose positions are looked up: the first and the last of each request that was written. Where several streams are
 * written, all, since a server may take the events of each stream together.
 */
function landingsOf({ events }: Plan, verdicts: readonly Verdict[]): readonly EventPlace[] {
  const written = new Set(events.map(({ event }) => event.id))
  return verdicts.flatMap((verdict) => {
    if ('refused' in verdict) return []
    const { places } = verdict
    const isOneStream = places.every(({ streamId }) => streamId === places[0]?.streamId)
    return places.filter(({ id }, at) => written.has(id) && (!isOneStream || at === 0 || at === places.length - 1))
  })
}

function movedBy(verdict: Verdict, moved: ReadonlyMap<string, number>): Verdict {
  if ('refused' in verdict || moved.size === 0) return verdict
  const places = verdict.places.map((place) =>
    place.position === undefined ? { ...place, version: place.version + (moved.get(place.streamId) ?? 0) } : place,
  )
  return { status: verdict.status, places }
}

function outcomesOf(verdicts: readonly Verdict[], positions: ReadonlyMap<string, number>): readonly AppendOutcome[] {
  return verdicts.map((verdict) => {
    if ('refused' in verdict) return verdict.refused
    const { status, places } = verdict
    const known = places.flatMap(({ id, position }) => position ?? positions.get(id) ?? [])
    return { status, firstPosition: Math.min(...known), lastPosition: Math.max(...known), streams: streamsOf(places) }
  })
}

function streamsOf(places: readonly EventPlace[]): readonly LandedStream[] {
  const streams = new Map<string, LandedStream>()
  for (const { streamId, version } of places) {
    const firstVersion = streams.get(streamId)?.firstVersion ?? version
    streams.set(streamId, { streamId, firstVersion, lastVersion: version })
  }
  return [...streams.values()]
}
