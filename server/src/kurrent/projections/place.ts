import type { EventStore, RecordedEvent } from 'varve'
import { toText } from 'varve'
import type { Registered } from './registry.ts'
import { checkpointStream, stateStreamPrefix } from './streams.ts'

/** Where a projection stands, as its checkpoint says. */
export interface Place {
  /** Everything up to here is folded in and written. */
  readonly position: number
  /** The state of the projection as a whole, JSON; null when it has none yet, or only partitions have one. */
  readonly state: string | null
  /** What its partitions share, JSON; null when nothing is. */
  readonly shared: string | null
  /** Of the stream of checkpoints: whoever writes the next one says that it is there. */
  readonly version: number
}

/** The type of a checkpoint. */
export const checkpointType = '$ProjectionCheckpoint'

/** The type of an event that holds a partition's state. */
export const stateType = '$ProjectionState'

interface CheckpointData {
  readonly state?: unknown
  readonly shared?: unknown
}

/** What stands beside a checkpoint and a state: whose it is. `$c` is the position up to which everything is folded in. */
interface Mark {
  readonly $projection: string
  readonly $epoch: number
  readonly $c: number
  /** Of a state: the id of the checkpoint that it belongs to. */
  readonly $checkpoint?: string
}

/** The mark of what a projection keeps at a position. */
export function markText({ id, epoch }: Registered, position: number, checkpoint?: string): string {
  const mark: Mark & { readonly $p: number } = { $projection: id, $epoch: epoch, $c: position, $p: position }
  return JSON.stringify(checkpoint === undefined ? mark : { ...mark, $checkpoint: checkpoint })
}

/** The text of a checkpoint. */
export function checkpointText(state: string | null, shared: string | null): string {
  // What is not there is left out: a state may be null.
  const parts = [...(state === null ? [] : [`"state":${state}`]), ...(shared === null ? [] : [`"shared":${shared}`])]
  return `{${parts.join(',')}}`
}

/** Where a projection stands. One that was reset, or that is new under an old name, stands at the beginning. */
export async function loadPlace(store: EventStore, registered: Registered): Promise<Place> {
  const stream = checkpointStream(registered)
  // The version first: what is written after it is noticed when the next checkpoint names it.
  const { version } = await store.streamInfo(stream)
  const last = await store.readStream(stream, { direction: 'backward', limit: 1 }).first()
  const mark = last && markOf(last, registered)
  if (last === undefined || mark === undefined) return { position: 0, state: null, shared: null, version }
  const { state, shared } = JSON.parse(toText(last.rawData)) as CheckpointData
  return { position: mark.$c, state: textOf(state), shared: textOf(shared), version }
}

/**
 * The state of a partition. States are written before the checkpoint that they belong to, since there may be many; they count
 * when that checkpoint is there. Those of one that was never written are passed over, whatever came after it.
 */
export async function loadState(
  store: EventStore,
  registered: Registered,
  partition: string,
): Promise<string | undefined> {
  const stream = stateStreamPrefix(registered) + partition
  for await (const event of store.readStream(stream, { direction: 'backward' })) {
    const { $checkpoint } = markOf(event, registered) ?? {}
    if ($checkpoint === undefined) return undefined
    if ((await store.readEvent($checkpoint)) !== undefined) return toText(event.rawData)
  }
  return undefined
}

function markOf({ rawMetadata }: RecordedEvent, { id, epoch }: Registered): Mark | undefined {
  try {
    const mark = JSON.parse(toText(rawMetadata)) as Partial<Mark>
    const isOurs = mark.$projection === id && mark.$epoch === epoch && Number.isSafeInteger(mark.$c)
    return isOurs ? (mark as Mark) : undefined
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}
