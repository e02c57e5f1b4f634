import type { NewEvent, RecordedEvent } from './event.ts'
import type { LogPositions } from './log-shard.ts'
import type { AppendCondition, Query } from './query.ts'
import type { ExpectedVersion } from './version.ts'

/** Options every call takes. */
export interface CallOptions {
  /** Gives up waiting. An append that was sent already may still be committed; repeating it with the same ids is safe. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `EventStore.appendAll`. */
export interface AppendAllOptions extends CallOptions {
  /** Refuses the append when an event matches. Default: no condition. */
  readonly condition?: AppendCondition | undefined
  /**
   * Derives the ids of events that have none (UUIDv5 of key, stream and place), so that the same request sent twice is
   * one append. At most `limits.idempotencyKeyChars`.
   */
  readonly idempotencyKey?: string | undefined
}

/** Options of `EventStore.append`. */
export interface AppendOptions extends AppendAllOptions {
  /** Default `'any'`. */
  readonly expectedVersion?: ExpectedVersion | undefined
}

/** The part of `EventStore.appendAll` that concerns one stream. */
export interface StreamWrite {
  readonly streamId: string
  readonly events: readonly NewEvent[]
  /** Default `'any'`. */
  readonly expectedVersion?: ExpectedVersion | undefined
}

/** Where an append landed. */
export interface Appended {
  readonly streamId: string
  /** Version of the first event appended. */
  readonly firstVersion: number
  /** Version of the last event appended: the stream's version now, unless others went on. */
  readonly version: number
  readonly firstPosition: number
  /** Position of the last event appended: whoever has read up to here has seen this append. */
  readonly position: number
  /** In the order of the events given. */
  readonly eventIds: readonly string[]
  /** True when these ids were in the store already, and this is where they are. */
  readonly idempotent: boolean
}

/** Where an append to several streams landed. */
export interface AppendedAll {
  /** The lowest position that it took. */
  readonly firstPosition: number
  /** The highest one: on a log with one shard, whoever has read up to here has seen this append. */
  readonly position: number
  /** One entry per stream written, in the order given. */
  readonly streams: readonly { readonly streamId: string; readonly firstVersion: number; readonly version: number }[]
  readonly eventIds: readonly string[]
  readonly idempotent: boolean
}

/**
 * Appends that become part of a transaction of the caller's. Positions are assigned by the commit, so results have none.
 * Every refusal writes nothing and leaves the transaction usable.
 */
export interface TransactionAppends {
  /** As `EventStore.append`, in the transaction. */
  append(streamId: string, events: readonly NewEvent[], options?: AppendOptions): Promise<PendingAppend>
  /** As `EventStore.appendAll`, in the transaction. */
  appendAll(writes: readonly StreamWrite[], options?: AppendAllOptions): Promise<PendingAppendAll>
}

/** What an append will be once its transaction commits. */
export type PendingAppend = Omit<Appended, 'firstPosition' | 'position'>

/** What an append to several streams will be once its transaction commits. */
export type PendingAppendAll = Omit<AppendedAll, 'firstPosition' | 'position'>

/** Options of `EventStore.readStream`. */
export interface ReadStreamOptions extends CallOptions {
  /** Version to begin at, inclusive. Default: the first visible event, or the last one when reading backward. */
  readonly from?: number | undefined
  /** Events at the most. Default: no limit. */
  readonly limit?: number | undefined
  /** Default `'forward'`. */
  readonly direction?: 'forward' | 'backward' | undefined
}

/** Options of `EventStore.readAll`. */
export interface ReadAllOptions extends CallOptions {
  /**
   * Position to begin at, inclusive. Default: the first event, or the head when reading backward. On a log with several
   * shards only the beginning (0 or 1), since a position says nothing about other shards: give `after` there.
   */
  readonly from?: number | undefined
  /** Reads one log shard alone, in the order it has; `from` may then be any position of it. Default: all of them. */
  readonly shard?: number | undefined
  /** Begins after these positions, one for each log shard, as marks have them. Forward only, and not together with `from`. */
  readonly after?: LogPositions | undefined
  /** Events at the most. Default: no limit. */
  readonly limit?: number | undefined
  /** Default `'forward'`. */
  readonly direction?: 'forward' | 'backward' | undefined
  /** Default `'everything'`. */
  readonly filter?: Query | undefined
}

/** Options of `EventStore.subscribe`. */
export interface SubscribeOptions extends CallOptions {
  /**
   * Where to begin, inclusive: a position (a version when `stream` is given), or `'end'` for only what comes from now on.
   * Default: the beginning, or after the checkpoint when one is named and stored. On a log with several shards the only
   * positions to begin at are 0 and 1, the beginning.
   */
  readonly from?: number | 'end' | undefined
  /**
   * Begins after these positions, one for each log shard: the `positions` of a mark, or what `positionsAfter` makes of them
   * and the events since. On any log; on one with several shards the only way to go on. Not together with `from` or `stream`.
   */
  readonly after?: LogPositions | undefined
  /** Default `'everything'`. Not together with `stream`. */
  readonly filter?: Query | undefined
  /** Follows one stream instead of the whole store. */
  readonly stream?: string | undefined
  /** Keeps the reader's place in the store under this name. */
  readonly checkpoint?: string | CheckpointOptions | undefined
  /** True: yields {@link SubscriptionItem}s. Default false: plain events. */
  readonly marks?: boolean | undefined
}

/** How a subscription keeps its place in the store. */
export interface CheckpointOptions {
  /** At most `limits.checkpointNameChars`. */
  readonly name: string
  /**
   * Events after which the place is saved, at the latest; as many may be delivered again after a crash. Default 100.
   * It is also saved each time the reader has caught up, and when the loop is left.
   */
  readonly everyEvents?: number | undefined
}

/** What a subscription with marks yields. */
export type SubscriptionItem<Event = RecordedEvent> =
  | { readonly kind: 'event'; readonly event: Event }
  /** Everything up to here was delivered or did not match; more is on its way. */
  | ({ readonly kind: 'checkpoint' } & MarkedPlace)
  /** The same, and nothing newer was there. Given once each time the reader reaches the end. */
  | ({ readonly kind: 'caught_up' } & MarkedPlace)

/** What a mark says about how far its reader is. */
export interface MarkedPlace {
  /** The position up to which everything was delivered; of one stream, the version. With several log shards the highest one. */
  readonly position: number
  /** The same for each log shard, to go on after. Not there in a subscription to one stream. */
  readonly positions?: LogPositions
}

/** A lazy, paged sequence. Nothing is read before the first item is asked for; each use reads anew. */
export interface Reader<Item> extends AsyncIterable<Item> {
  /** All items in one array: for sequences known to be small. */
  toArray(): Promise<Item[]>
  /** The first item, or undefined; reads no more than it needs. */
  first(): Promise<Item | undefined>
  /** The last item, or undefined; reads one event from the other end where that is the same. */
  last(): Promise<Item | undefined>
}

/** A {@link Reader} of events. */
export type EventReader = Reader<RecordedEvent>
