import type { RecordedEvent } from './event.ts'

/**
 * Where a read model lives: the port that projections write through. The changes of a write and the checkpoint that
 * says how far they go are one transaction, so a crash loses both or neither and nothing is ever counted twice. A target
 * that has no transactions says in its documentation what it promises instead.
 */
export interface Target<ReadModel> extends AsyncDisposable {
  /** What readers read: a value, or a handle to a database. Handlers get one like it, inside of their transaction. */
  readonly readModel: ReadModel
  /**
   * True when an emptying write brings back the state before the first event by itself, for all that write to this read
   * model: other checkpoints of the same read model, those of partitions, are gone with what they stand for.
   */
  readonly emptiesItself: boolean
  /** Several builds of a read model beside each other. Undefined where the target keeps one only. */
  readonly generations?: Generations<ReadModel>
  /** How far a projection has come, undefined when it never began here. */
  checkpoint(projection: string): Promise<TargetCheckpoint | undefined>
  /**
   * Carries out a change, whole or not at all. Writes of different projections, or of different partitions of one, may
   * run at the same time. Readers see nothing of a write before all of it.
   *
   * @throws CHECKPOINT_CONFLICT when the checkpoint is not the one expected, or the generation was dropped; whatever
   *   `apply` throws; TARGET_UNAVAILABLE, after which the checkpoint tells whether the change was made, and
   *   TARGET_FAILED.
   */
  write(change: TargetChange<ReadModel>): Promise<void>
  /** Gives everything back, after the write under way. Closing twice is fine. */
  close(): Promise<void>
}

/** How far a read model has come. */
export interface TargetCheckpoint {
  /** Everything up to this position is in the read model, except for what is parked. */
  readonly position: number
  /** Version of the projection that built it. */
  readonly version: number
  /** Rises with every owner: whoever was the owner before can no longer write. 0 where owners are not told apart. */
  readonly epoch: number
  /** Events at or below the position that are not in the read model, by rising position. At most `limits.parkedEvents`. */
  readonly parked: readonly ParkedPlace[]
}

/** An event that was set aside. */
export interface ParkedPlace {
  readonly position: number
  /** Given when all later events of this key are set aside as well, so that none of them overtakes it. */
  readonly key?: string
}

/** One transaction of a {@link Target}. */
export interface TargetChange<ReadModel> {
  /** The name of the checkpoint: that of a projection, or of one of its partitions. Any well-formed, non-empty string. */
  readonly projection: string
  /** What the checkpoint must be; undefined for none yet. `'any'` takes the read model over from whoever writes it. */
  readonly expected: TargetCheckpoint | 'any' | undefined
  readonly next: TargetCheckpoint
  /** True when the read model begins anew; `apply` then empties it where the target does not do so by itself. */
  readonly empty: boolean
  /** Changes the read model. What it returns is awaited if it is a promise. */
  readonly apply: (readModel: ReadModel) => unknown
  /** The events that `apply` handles, in their order, for targets that load ahead what handlers will ask for. */
  readonly events?: readonly RecordedEvent[]
}

/** One build of a projection's read model. */
export interface Generation {
  readonly projection: string
  /** 1, 2, 3… */
  readonly generation: number
}

/** The builds of read models that a target keeps. Readers see one of each projection: the published one. */
export interface Generations<ReadModel> {
  /**
   * The target of one generation, made when it is not there: its read model, its checkpoints and its writes touch no other
   * generation. Closing it leaves the target that it is part of open; closing that target closes it too.
   *
   * @throws INVALID_ARGUMENT for a generation that is no whole number from 1 on.
   */
  open(generation: Generation): Promise<Target<ReadModel>>
  /** The generation that readers see, undefined for none. */
  published(projection: string): Promise<number | undefined>
  /**
   * Shows a generation to readers instead of the one before, at once and for all of them. It can be written to as before,
   * and the one before stays until it is dropped. Repeating it is fine.
   *
   * @throws INVALID_ARGUMENT when it is not there.
   */
  publish(generation: Generation): Promise<void>
  /**
   * Removes a generation with all that it holds; one that is not there is no error. Whoever still writes to it is refused.
   *
   * @throws INVALID_ARGUMENT when it is the published one.
   */
  drop(generation: Generation): Promise<void>
  /**
   * What a generation holds, by rising key in the order of the UTF-8 bytes, so that two of them can be compared: builds of
   * one projection from the same events have equal entries, whatever batches they were written in. Checkpoints are no part
   * of it, and one that is not there has none.
   */
  entries(generation: Generation): AsyncIterable<TargetEntry>
}

/** One entry of a read model: a row, a document, a value. */
export interface TargetEntry {
  /** The same in every generation, and different from all other keys: table and primary key, for instance. */
  readonly key: string
  /** The whole entry as text: equal texts are equal entries. */
  readonly value: string
}

/** The checkpoint that a projection begins with: nothing is in the read model. */
export function firstCheckpoint(version: number, epoch = 0): TargetCheckpoint {
  return { position: 0, version, epoch, parked: [] }
}

/** Whether a checkpoint is the one a write expects. */
export function checkpointHolds(
  expected: TargetChange<never>['expected'],
  actual: TargetCheckpoint | undefined,
): boolean {
  if (expected === 'any') return true
  if (expected === undefined || actual === undefined) return expected === actual
  return checkpointText(expected) === checkpointText(actual)
}

/** A checkpoint as text, for targets that keep or compare it as one value: equal texts are equal checkpoints. */
export function checkpointText({ position, version, epoch, parked }: TargetCheckpoint): string {
  return JSON.stringify({ position, version, epoch, parked: parked.map(parkedPlace) })
}

/** The checkpoint that {@link checkpointText} made. */
export function checkpointFrom(text: string): TargetCheckpoint {
  return JSON.parse(text) as TargetCheckpoint
}

function parkedPlace({ position, key }: ParkedPlace): ParkedPlace {
  return key === undefined ? { position } : { position, key }
}
