import type { EventToStore, StoredEvent } from '../model/event.ts'
import type { LogPositions } from '../model/log-shard.ts'
import type { Payload } from '../model/payload.ts'
import type { NormalCondition, NormalQuery } from '../model/query.ts'
import type { StreamInfo, StreamState } from '../model/stream.ts'
import type { ExpectedVersion } from '../model/version.ts'
import type { Capabilities } from './capabilities.ts'

/**
 * The port: what a storage engine does for Varve. Arguments arrive checked and complete; an engine neither validates
 * nor fills in defaults. docs/for-engine-authors.md tells the whole contract, `varve/conformance` proves it.
 */
export interface Engine {
  readonly capabilities: Capabilities

  /**
   * Commits many independent appends in one durable commit and says what became of each, in the same order.
   *
   * Each request is judged on its own against everything before it, the earlier requests of the batch included:
   * event ids first, then tombstones, then `checks`, then the condition. A refused request leaves no trace and takes
   * no position. When the promise resolves, every `done` outcome is on disk and visible to `read` and `head`.
   * When it rejects, the fate of the whole batch is unknown, and sending it again is safe.
   *
   * @throws ENGINE_UNAVAILABLE when a retry may help, ENGINE_FAILED when not, STORE_CLOSED after close.
   */
  append(batch: readonly AppendRequest[], signal?: AbortSignal): Promise<readonly AppendOutcome[]>

  /**
   * Appends inside of a transaction that the caller has open through `client`, whatever the engine's driver calls that.
   * There only with the capability `callerTransactions`. Judged at once, except that the condition is judged again by the
   * commit, which fails when it does not hold; positions are assigned by the commit too. A refusal writes nothing and
   * leaves the transaction usable. Never repeated by the engine: after an error the caller rolls back.
   *
   * @throws INVALID_ARGUMENT when `client` is none, or its transaction cannot keep the order of the log.
   */
  appendWithin?(client: object, request: AppendRequest, signal?: AbortSignal): Promise<PendingOutcome>

  /** Reads one page. Never more than `limit` events, and never past `maxBytes` by more than one event. */
  read(query: ReadQuery, signal?: AbortSignal): Promise<Page>

  /** The event with an id, in canonical form, wherever it lies and whether or not its stream still shows it. */
  find(eventId: string, signal?: AbortSignal): Promise<StoredEvent | undefined>

  /** The highest position, 0 when there is none. Sees every append acknowledged by anyone. */
  head(signal?: AbortSignal): Promise<number>

  /** The same of each log shard, in their order. There exactly when `capabilities.logShards` is more than 1. */
  heads?(signal?: AbortSignal): Promise<LogPositions>

  /** Lists streams that were ever written to, ordered by the UTF-8 bytes of their ids. */
  streams(query: StreamsQuery, signal?: AbortSignal): Promise<StreamsPage>

  /**
   * Yields when there may be something new to read. A hint: it may come late, twice, for nothing, or never.
   * Ends, without an error, when the signal aborts or the engine closes.
   */
  wake(signal: AbortSignal): AsyncIterable<void>

  readonly shelf: Shelf

  /** Gives everything back. Waits for appends under way; closing twice is fine; any other call then rejects with STORE_CLOSED. */
  close(): Promise<void>
}

/** One append: events for one or more streams, all or none. */
export interface AppendRequest {
  /** At least one, in the order of their positions; each names its stream. Ids differ from each other. */
  readonly events: readonly EventToStore[]
  /** What must hold of streams, whether written here or not; at most one per stream. No entry: no expectation. */
  readonly checks: readonly StreamCheck[]
  /** Absent: no condition. The request's own events never count against it. */
  readonly condition?: NormalCondition
  /**
   * The store has made all ids for this request: nothing can have them unless the request itself was sent before. An engine
   * may look for them only when it sends a request again, or when a unique index refuses one.
   */
  readonly idsAreNew?: true
}

/** An expectation about one stream. */
export interface StreamCheck {
  readonly streamId: string
  readonly expectedVersion: ExpectedVersion
}

/** What became of one {@link AppendRequest}. */
export type AppendOutcome =
  | Landed
  | {
      readonly status: 'conflict'
      readonly streamId: string
      readonly expected: ExpectedVersion
      readonly actual: number
    }
  | { readonly status: 'condition_failed'; readonly after: number; readonly position: number }
  | { readonly status: 'duplicate_event_id'; readonly eventId: string; readonly streamId: string }
  | { readonly status: 'tombstoned'; readonly streamId: string }

/**
 * The events are in the store: by this request (`done`), or by an earlier one that this one repeats (`repeated`).
 * A repeat has all of its ids stored, each in the stream named, at consecutive versions in the order given.
 */
export interface Landed {
  readonly status: 'done' | 'repeated'
  /** The lowest position, also where the events lie in several log shards. */
  readonly firstPosition: number
  /** The highest one. */
  readonly lastPosition: number
  /** One entry per stream written, in order of first appearance. */
  readonly streams: readonly LandedStream[]
}

/** What became of an append inside of a caller's transaction: as {@link AppendOutcome}, without positions. */
export type PendingOutcome = Pick<Landed, 'status' | 'streams'> | Exclude<AppendOutcome, Landed>

/** Where an append put its events in one stream. */
export interface LandedStream {
  readonly streamId: string
  readonly firstVersion: number
  readonly lastVersion: number
}

/** What to read: one stream by version, or the whole store by position, one log shard at a time. */
export interface ReadQuery {
  readonly source: { readonly streamId: string } | { readonly query: NormalQuery }
  /** Which log shard to read. There exactly when a query is read of an engine with several: one page is of one shard. */
  readonly shard?: number
  readonly direction: 'forward' | 'backward'
  /** Where to begin, inclusive: a version for a stream, a position otherwise. Beyond the end is fine. */
  readonly from: number
  /** Events at the most; 0 asks for the page's other fields only. */
  readonly limit: number
  /** Payload and metadata bytes after which a page ends. A page holds at least one event if there is one. */
  readonly maxBytes: number
}

/** One page of events and where to go on. */
export interface Page {
  /** In reading order. Of a stream, only what its `truncateBefore` and tombstone still show. */
  readonly events: readonly StoredEvent[]
  /**
   * Where the next page begins, also past events that did not match; 0 when a backward read came to the beginning.
   * An engine may return an empty page that is not the end, to bound the work of one call.
   */
  readonly next: number
  /** True when nothing more lay in this direction when the page was read. */
  readonly end: boolean
  /**
   * The last position of the store when the page was read; every matching event up to it was considered. With several log
   * shards, that of the shard that was read or that the stream lies in.
   */
  readonly head: number
  /** Reads of one stream only: its state when the page was read. */
  readonly stream?: StreamState
}

/** Which streams to list. */
export interface StreamsQuery {
  /** Ids that begin with this; '' for all. */
  readonly prefix: string
  /** Ids after this one; '' from the first. */
  readonly after: string
  readonly limit: number
}

/** One page of a stream listing. */
export interface StreamsPage {
  readonly streams: readonly StreamInfo[]
  readonly end: boolean
}

/**
 * Versioned key-values beside the log, for what is not a fact: checkpoints, snapshots, leases, groups.
 * Every put and delete is atomic and as durable as an append.
 */
export interface Shelf {
  get(key: string, signal?: AbortSignal): Promise<ShelfEntry | undefined>
  /**
   * Stores a value. With `expectedVersion` only if the entry is at that version (0: absent).
   *
   * @returns the new version, or `'conflict'`, in which case nothing changed.
   */
  put(key: string, value: Payload, options: ShelfWrite, signal?: AbortSignal): Promise<number | 'conflict'>
  /** Removes an entry, under the same rule. An absent entry at `expectedVersion` 0 or none is no conflict. */
  delete(key: string, options: ShelfWrite, signal?: AbortSignal): Promise<'deleted' | 'conflict'>
  /** Entries whose key begins with `prefix`, ordered by the UTF-8 bytes of their keys, after `after`. */
  list(query: ShelfQuery, signal?: AbortSignal): Promise<readonly ShelfEntry[]>
}

/** The condition of a write to the shelf. */
export interface ShelfWrite {
  /** The version the entry must have, 0 for absent. Undefined: whatever it is. */
  readonly expectedVersion: number | undefined
}

/** Which entries of the shelf to list. */
export interface ShelfQuery {
  readonly prefix: string
  readonly after: string
  readonly limit: number
}

/** An entry of the shelf. Versions begin at 1 and rise with every put; a deleted key begins again at 1. */
export interface ShelfEntry {
  readonly key: string
  readonly value: Payload
  readonly version: number
}
