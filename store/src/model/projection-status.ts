/** What a projection, one of its generations or one of their partitions is doing. */
export type ProjectionState =
  /** Nobody has begun it. */
  | 'new'
  /** On its way through what lay in the log. */
  | 'catching_up'
  /** It follows the log. */
  | 'live'
  /** It follows the log, and some events are set aside. */
  | 'parked'
  /** It was told to pause. */
  | 'paused'
  /** It stopped at something it cannot get over. */
  | 'failed'
  /** It is built beside the generation that readers see. */
  | 'rebuilding'
  /** Its end has come: nobody runs it again, and its read model is removed. */
  | 'retired'

/** Why a projection stopped, as it is stored and shown. */
export interface StoredFailure {
  readonly code: string
  readonly reason: string
  /** The event that could not be handled. Without one it was the target that failed. */
  readonly event?: FailedEvent
  readonly atMs: number
  /** The instances that came to this: each tries once, then somebody has to look. */
  readonly triedBy: readonly string[]
}

/** The event that a failure is about. */
export interface FailedEvent {
  readonly position: number
  readonly id: string
  readonly type: string
  readonly streamId: string
}

/** What a partition has done since its generation began. Times are sums. */
export interface ProjectionCounts {
  /** Events that were handled. */
  readonly events: number
  readonly batches: number
  /** Batches that were tried again. */
  readonly retries: number
  /** Events that were passed over because somebody said so. */
  readonly skipped: number
  /** Time spent on reading, not counting the wait for new events, in milliseconds. */
  readonly loadMs: number
  /** Time spent in handlers, in milliseconds. */
  readonly applyMs: number
  /** Time spent on the target's transactions, handlers not counted, in milliseconds. */
  readonly writeMs: number
}

/** One partition of a generation. */
export interface PartitionStatus {
  /** 1, 2, 3… */
  readonly partition: number
  readonly state: ProjectionState
  /** The instance that runs it. */
  readonly owner?: string
  readonly epoch: number
  /** Everything up to here is in the read model, except for what is parked. */
  readonly position: number
  readonly parked: number
  readonly failure?: StoredFailure
  readonly counts: ProjectionCounts
}

/** One build of a projection's read model. */
export interface GenerationStatus {
  readonly generation: number
  /** Of the projection that builds it. */
  readonly version: number
  readonly role: GenerationRole
  readonly state: ProjectionState
  /** The lowest of its partitions' positions. */
  readonly position: number
  /** Events of the whole store between its position and the head, those that are not its own included. */
  readonly lagEvents: number
  /** How long the first event that is missing in it has been in the store, in milliseconds; 0 when none is. */
  readonly lagMs: number
  readonly parked: number
  /** Of one that catches up: the part of the way it has gone, from 0 to 1, and how long the rest will take at this pace. */
  readonly progress?: { readonly done: number; readonly etaMs?: number }
  readonly partitions: readonly PartitionStatus[]
}

/** `building`: not yet shown. `published`: what readers see. `kept`: was published before, and can be again. */
export type GenerationRole = 'building' | 'published' | 'kept' | 'retired'

/** A projection as all of its instances see it. */
export interface ProjectionStatus {
  readonly name: string
  /** Of the generation that readers see; of the newest one where there is none. */
  readonly state: ProjectionState
  readonly wanted: 'running' | 'paused'
  /** The generation that readers see. */
  readonly published?: number
  readonly position: number
  readonly lagEvents: number
  readonly lagMs: number
  readonly parked: number
  readonly generations: readonly GenerationStatus[]
}

/** An event that a projection has set aside. */
export interface ParkedInProjection {
  readonly generation: number
  readonly partition: number
  readonly position: number
  readonly eventId: string
  readonly eventType: string
  readonly streamId: string
  /** Given when its whole key is set aside. */
  readonly key?: string
  readonly code: string
  readonly reason: string
  readonly attempts: number
  readonly atMs: number
}
