import type { Query } from './query.ts'

/**
 * Who gets which event. `'round_robin'`: whichever consumer has waited longest. `'single'`: one consumer gets all of
 * them, the others stand by. `'overflow'`: the consumer that came first, as far as it has room; the next one gets the
 * rest. `'pinned'`: of the events with one key only ever one is being handled, in their order, and the key keeps to its
 * consumer while that one keeps up. `'sticky'`: the key keeps to its consumer for as long as consumers neither come nor go, and
 * as many of its events are handled at a time as the consumer takes.
 */
export type GroupStrategy = 'round_robin' | 'single' | 'overflow' | 'pinned' | 'sticky'

/**
 * What `'pinned'` keeps in order, and `'sticky'` together: events of one stream, one category, one correlation id, or one tag that begins with a
 * name, as `'tag:customer'` takes the tag `customer:7`. Events without it are pinned by their stream. `'consumer'`: by
 * what the `keyOf` of the consumers makes of an event.
 */
export type PinnedBy = 'stream' | 'category' | 'correlation' | `tag:${string}` | 'consumer'

/** What a consumer group is told when it is created, complete. */
export interface GroupSettings {
  /** The one stream that is followed, instead of the whole store. */
  readonly stream: string | undefined
  readonly filter: Query
  readonly strategy: GroupStrategy
  readonly pinnedBy: PinnedBy
  /** Milliseconds that a consumer has for an event before it is taken for failed. */
  readonly messageTimeoutMs: number
  /** Deliveries after the first one that failed, before an event is parked. */
  readonly retriesMax: number
  /** Milliseconds before the first retry; doubled for each further one, up to `limits.groupRetryMs`. */
  readonly retryDelayMs: number
  /** Milliseconds without a sign of life after which a member is taken for lost. */
  readonly memberTimeoutMs: number
  /** Events that may be unfinished at a time. */
  readonly inFlightMax: number
  /** Events that a consumer has at a time, unless it says otherwise. */
  readonly bufferEvents: number
  /** Consumers at the most. */
  readonly consumersMax: number
  /** Acks after which they are saved, at the latest. */
  readonly checkpointEvents: number
  /** Milliseconds after which an ack is saved, at the latest. */
  readonly checkpointMs: number
  /** What its owner keeps with it. */
  readonly notes: unknown
}

/** What a consumer says of an event that it could not handle. */
export type NackAction = 'retry' | 'park' | 'skip' | 'stop'
