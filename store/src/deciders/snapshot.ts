import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import { refuseInexact } from '../model/exact-json.ts'
import { isPosition } from '../model/position.ts'
import type { Snapshot, SnapshotOutcome, SnapshotPlace, SnapshotPolicy } from '../model/snapshot.ts'
import type { Decider } from './decider.ts'

/** Events after which a snapshot is due, unless a policy says otherwise: reading them takes about as long as an append. */
const everyEventsDefault = 500

/** A stream and how it is folded. */
export interface FoldTask<Events extends EventDefinitions, State> {
  readonly decider: Decider<Events, never, State>
  /** `{Category}-{id}`. */
  readonly streamId: string
}

/** A snapshot that may be used, and the state in it. */
export interface Restored<State> {
  readonly snapshot: Snapshot
  readonly state: State
}

/** As much of a folded stream as a snapshot is made of. */
export interface Snapshotable<State> {
  readonly state: State
  readonly firstVersion: number
  readonly version: number
  /** Id of the last event folded. */
  readonly eventId: string
  readonly eventsFolded: number
  readonly tookMs: number
}

/** The snapshot of a stream, unless it is of another policy version or of a stream that was truncated since. */
export async function loadSnapshot<Events extends EventDefinitions, State>(
  store: Pick<EventStore, 'streamInfo'>,
  { decider, streamId }: FoldTask<Events, State>,
  place: SnapshotPlace,
  { signal }: CallOptions,
): Promise<Restored<State> | undefined> {
  const policy = decider.snapshot
  if (policy === undefined) return undefined
  const call = signal && { signal }
  const snapshot: unknown = await place.load({ streamId, name: policy.name }, call)
  if (!isSnapshot(snapshot) || snapshot.policyVersion !== versionOf(policy)) return undefined
  const { truncateBefore } = await store.streamInfo(streamId, call)
  if (snapshot.firstVersion !== truncateBefore) return undefined
  // No type knows what JSON holds: the policy's version vouches for it.
  const state = policy.decode === undefined ? (snapshot.state as State) : policy.decode(snapshot.state)
  return { snapshot, state }
}

/** Whether the policy of a decider asks for a new snapshot. */
export function isSnapshotDue<State>(
  policy: SnapshotPolicy<State>,
  { eventsFolded, tookMs }: Snapshotable<State>,
): boolean {
  const { everyEvents = everyEventsDefault, afterMs = Number.POSITIVE_INFINITY } = policy
  return (everyEvents !== 'never' && eventsFolded >= everyEvents) || (eventsFolded > 0 && tookMs >= afterMs)
}

/** Keeps the state of a stream. Never rejects: what goes wrong is the outcome. */
export async function keepSnapshot<Events extends EventDefinitions, State>(
  { decider, streamId }: FoldTask<Events, State>,
  place: SnapshotPlace,
  folded: Snapshotable<State>,
  { signal }: CallOptions,
): Promise<SnapshotOutcome> {
  const policy = decider.snapshot
  if (policy === undefined || folded.version === 0) return { status: 'not_due' }
  try {
    const state = policy.encode === undefined ? folded.state : policy.encode(folded.state)
    refuseInexact(state, 'state', 'add encode and decode to the snapshot policy, or change the state')
    const { firstVersion, version, eventId } = folded
    const snapshot = { policyVersion: versionOf(policy), firstVersion, version, eventId, state }
    await place.save({ streamId, name: policy.name }, snapshot, signal && { signal })
    return { status: 'taken', version }
  } catch (error) {
    return { status: 'failed', error }
  }
}

/** By place, what is being kept by commands right now. */
const underWay = new WeakMap<SnapshotPlace, Set<string>>()

/** The same for one of many commands that find a stream long at the same time: the first one writes. */
export async function keepDueSnapshot<Events extends EventDefinitions, State>(
  task: FoldTask<Events, State>,
  place: SnapshotPlace,
  folded: Snapshotable<State>,
  options: CallOptions,
): Promise<SnapshotOutcome> {
  const keys = underWay.get(place) ?? new Set()
  underWay.set(place, keys)
  const key = JSON.stringify([task.streamId, task.decider.snapshot?.name])
  if (keys.has(key)) return { status: 'under_way' }
  keys.add(key)
  try {
    return await keepSnapshot(task, place, folded, options)
  } finally {
    keys.delete(key)
  }
}

function versionOf<State>({ version = 1 }: SnapshotPolicy<State>): number {
  return version
}

/** What lies in a place may be of any origin: a file half written, an entry that somebody else put there. */
function isSnapshot(value: unknown): value is Snapshot {
  if (typeof value !== 'object' || value === null) return false
  const { policyVersion, firstVersion, version, eventId } = value as Partial<Snapshot>
  return [policyVersion, firstVersion, version].every(isPosition) && typeof eventId === 'string' && 'state' in value
}
