import type { AppendOutcome, AppendRequest, Landed } from '../../engine/engine.ts'
import type { EventToStore } from '../../model/event.ts'
import { changedState, type StreamState, streamChangeOf, subjectOf } from '../../model/stream.ts'
import { versionHolds } from '../../model/version.ts'
import { type Facts, type Knowledge, noFacts } from './knowledge.ts'
import type { Stands } from './record.ts'

/** What becomes of one request. */
export type Verdict =
  | { readonly refused: Exclude<AppendOutcome, Landed> }
  | { readonly status: Landed['status']; readonly places: readonly EventPlace[] }

/** Where an event lies, or will. */
export interface EventPlace {
  readonly id: string
  readonly streamId: string
  readonly version: number
  /** Undefined for what is not written yet. */
  readonly position: number | undefined
}

/** What to write for a group of requests, and what has to be true when it is written. */
export interface Plan {
  readonly verdicts: readonly Verdict[]
  readonly events: readonly PlannedEvent[]
  /** The versions that streams must have. */
  readonly checks: ReadonlyMap<string, number>
  /** What streams are like afterwards. */
  readonly after: Pick<Knowledge, 'versions' | 'facts'>
}

/** An event that is to be written. */
export interface PlannedEvent {
  readonly event: EventToStore
  readonly version: number
  /** Of a fact: what its subject is like after it. */
  readonly stands: Stands | undefined
}

interface Scene {
  readonly before: Knowledge
  readonly versions: Map<string, number>
  readonly facts: Map<string, Facts>
  readonly places: Map<string, EventPlace>
  readonly events: PlannedEvent[]
  readonly checks: Map<string, number>
}

/** Judges requests one after the other, each as if those before it were written. The order is the port's contract. */
export function judge(group: readonly AppendRequest[], knowledge: Knowledge): Plan {
  const scene: Scene = {
    before: knowledge,
    versions: new Map(knowledge.versions),
    facts: new Map(knowledge.facts),
    places: new Map(knowledge.stored),
    events: [],
    checks: new Map(),
  }
  const verdicts = group.map((request) => verdictOn(scene, request))
  return { verdicts, events: scene.events, checks: scene.checks, after: scene }
}

function verdictOn(scene: Scene, request: AppendRequest): Verdict {
  const { events, checks } = request
  const there = events.flatMap(({ id }) => scene.places.get(id) ?? [])
  const [first] = there
  if (first !== undefined) {
    if (isRepeat(events, there)) return { status: 'repeated', places: there }
    return { refused: { status: 'duplicate_event_id', eventId: first.id, streamId: first.streamId } }
  }
  const closed = events.find(({ streamId }) => stateOf(scene, streamId).tombstoned)
  if (closed !== undefined) return { refused: { status: 'tombstoned', streamId: closed.streamId } }
  for (const { streamId, expectedVersion } of checks) {
    const state = stateOf(scene, streamId)
    if (!versionHolds(expectedVersion, state))
      return { refused: { status: 'conflict', streamId, expected: expectedVersion, actual: state.version } }
  }
  for (const { streamId } of checks) guard(scene, streamId)
  return { status: 'done', places: events.map((event) => write(scene, event)) }
}

function isRepeat(events: readonly EventToStore[], there: readonly EventPlace[]): boolean {
  if (there.length !== events.length) return false
  const next = new Map<string, number>()
  return there.every(({ streamId, version }, index) => {
    const expected = next.get(streamId) ?? version
    next.set(streamId, version + 1)
    return streamId === events[index]?.streamId && version === expected
  })
}

function write(scene: Scene, event: EventToStore): EventPlace {
  const { id, streamId } = event
  guard(scene, streamId)
  const version = versionIn(scene, streamId) + 1
  const subject = subjectOf(streamId)
  let stands: Stands | undefined
  if (subject === undefined) scene.versions.set(streamId, version)
  else {
    const facts = factsAfter(scene, subject, event)
    scene.facts.set(subject, { ...facts, version })
    stands = { truncateBefore: facts.truncateBefore, tombstoned: facts.tombstoned }
  }
  scene.events.push({ event, version, stands })
  const place = { id, streamId, version, position: undefined }
  scene.places.set(id, place)
  return place
}

function factsAfter(scene: Scene, subject: string, event: EventToStore): Stands {
  const change = streamChangeOf(event)
  const state = stateOf(scene, subject)
  return change === undefined || change === 'malformed' ? state : changedState(state, change)
}

/** Holds the append to what is known of a stream: its version, and how many facts there are about it. */
function guard({ before, checks }: Scene, streamId: string): void {
  checks.set(streamId, versionIn(before, streamId))
  checks.set(`$$${streamId}`, (before.facts.get(streamId) ?? noFacts).version)
}

function stateOf(scene: Scene, streamId: string): StreamState {
  const { truncateBefore, tombstoned } = scene.facts.get(streamId) ?? noFacts
  return { version: versionIn(scene, streamId), truncateBefore, tombstoned }
}

function versionIn({ versions, facts }: Pick<Knowledge, 'versions' | 'facts'>, streamId: string): number {
  const subject = subjectOf(streamId)
  return (subject === undefined ? versions.get(streamId) : facts.get(subject)?.version) ?? 0
}
