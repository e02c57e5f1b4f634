import type { EventStore } from '../event-store.ts'
import type {
  GenerationStatus,
  PartitionStatus,
  ProjectionState,
  ProjectionStatus,
} from '../model/projection-status.ts'
import type { GenerationRecord, ProjectionControl } from './control.ts'
import type { PartitionEntry, SharedView } from './projection-shelf.ts'

/** What looking at projections needs of a store. */
export type StatusStore = Pick<EventStore, 'head' | 'readAll'>

/** How all projections of a store are doing, by name. */
export async function statuses(
  store: StatusStore,
  { controls, partitions }: SharedView,
  nowMs: number,
): Promise<readonly ProjectionStatus[]> {
  if (controls.length === 0) return []
  const head = await store.head()
  const entries = partitions.map(({ value }) => value)
  return Promise.all(
    controls.map(({ value }) =>
      statusOf(store, value, { entries: entries.filter(({ projection }) => projection === value.name), head, nowMs }),
    ),
  )
}

interface Facts {
  readonly entries: readonly PartitionEntry[]
  readonly head: number
  readonly nowMs: number
}

async function statusOf(store: StatusStore, control: ProjectionControl, facts: Facts): Promise<ProjectionStatus> {
  const { name, wanted, published } = control
  const generations: GenerationStatus[] = []
  for (const record of control.generations) generations.push(await generationStatus(store, control, record, facts))
  const shown = generations.find(({ generation }) => generation === published) ?? generations.at(-1)
  const { state = 'new', position = 0, lagEvents = facts.head, lagMs = 0, parked = 0 } = shown ?? {}
  return {
    name,
    state,
    wanted,
    ...(published !== undefined && { published }),
    position,
    lagEvents,
    lagMs,
    parked,
    generations,
  }
}

async function generationStatus(
  store: StatusStore,
  control: ProjectionControl,
  record: GenerationRecord,
  { entries, head, nowMs }: Facts,
): Promise<GenerationStatus> {
  const { generation, version, role } = record
  const partitions = entries.filter((entry) => entry.generation === generation).map(partitionStatus)
  const missing = partitions.length < record.partitions
  const position = missing ? 0 : Math.min(...partitions.map((partition) => partition.position))
  const lagEvents = Math.max(0, head - position)
  const isIdle = role === 'retired' || lagEvents === 0
  const next = isIdle ? undefined : await store.readAll({ from: position + 1, limit: 1 }).first()
  const state = stateOf(control, record, partitions)
  return {
    generation,
    version,
    role,
    state,
    position,
    lagEvents,
    lagMs: next === undefined ? 0 : Math.max(0, nowMs - next.recordedAtMs),
    parked: partitions.reduce((sum, { parked }) => sum + parked, 0),
    ...((state === 'catching_up' || state === 'rebuilding') && { progress: progressOf(record, position, head, nowMs) }),
    partitions,
  }
}

/** The state of a generation, made of those of its partitions: the worst of them. */
export function stateOf(
  { wanted, published }: ProjectionControl,
  { role, partitions: expected, generation }: GenerationRecord,
  partitions: readonly Pick<PartitionStatus, 'state'>[],
): ProjectionState {
  const any = (state: ProjectionState): boolean => partitions.some((partition) => partition.state === state)
  if (role === 'retired') return 'retired'
  if (any('failed')) return 'failed'
  if (wanted === 'paused') return 'paused'
  const isFollowing = partitions.length === expected && partitions.every(({ state }) => isLive(state))
  if (isFollowing) return any('parked') ? 'parked' : 'live'
  if (partitions.every(({ state }) => state === 'new')) return 'new'
  return published !== undefined && published !== generation ? 'rebuilding' : 'catching_up'
}

/** Whether a partition follows the log. */
export function isLive(state: ProjectionState): boolean {
  return state === 'live' || state === 'parked'
}

function progressOf({ beganAtMs }: GenerationRecord, position: number, head: number, nowMs: number) {
  const done = head === 0 ? 1 : Math.min(1, position / head)
  const elapsedMs = nowMs - beganAtMs
  return done === 0 ? { done } : { done, etaMs: Math.round((elapsedMs * (1 - done)) / done) }
}

function partitionStatus(entry: PartitionEntry): PartitionStatus {
  const { partition, state, owner, epoch, position, parked, failure, counts } = entry
  return {
    partition,
    state,
    ...(owner !== undefined && { owner }),
    epoch,
    position,
    parked,
    ...(failure !== undefined && { failure }),
    counts,
  }
}
