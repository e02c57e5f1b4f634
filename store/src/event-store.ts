import type { Capabilities } from './engine/capabilities.ts'
import type {
  AppendAllOptions,
  Appended,
  AppendedAll,
  AppendOptions,
  CallOptions,
  EventReader,
  ReadAllOptions,
  Reader,
  ReadStreamOptions,
  StreamWrite,
  SubscribeOptions,
  SubscriptionItem,
  TransactionAppends,
} from './model/call.ts'
import type { Category, CategoryOptions } from './model/category.ts'
import type { NewEvent, RecordedEvent } from './model/event.ts'
import type { EventDefinitions } from './model/event-definition.ts'
import type { LogPositions } from './model/log-shard.ts'
import type { StoreShelf } from './model/shelf.ts'
import type { StreamInfo } from './model/stream.ts'
import type { Trace, TraceOptions } from './model/trace.ts'
import type { Tracer } from './model/tracer.ts'
import type { ExpectedVersion } from './model/version.ts'

/**
 * The event store: one log of events, in streams, whatever lies beneath. Embedded stores (`openStore`) and remote ones
 * (`connect`) are both this interface, with the same guarantees.
 *
 * Every call rejects with STORE_CLOSED after {@link EventStore.close}, and with `signal.reason` once its signal aborts.
 */
export interface EventStore extends AsyncDisposable {
  /** What the engine beneath can do. */
  readonly capabilities: Capabilities

  /** The tracer that it was opened with, for what is built on it. */
  readonly tracer?: Tracer | undefined

  /**
   * Appends events to one stream, all or none, and tells where they landed.
   * When the promise resolves the events are on disk. Repeating the call with the same event ids is safe:
   * the first result is returned again, whatever the expected version says.
   *
   * @throws VERSION_CONFLICT when `expectedVersion` does not hold; CONDITION_FAILED when an event matches the condition;
   *   DUPLICATE_EVENT_ID, STREAM_TOMBSTONED, INVALID_ARGUMENT, LIMIT_EXCEEDED, PAYLOAD_TOO_LARGE, QUEUE_FULL. Nothing was written.
   * @example
   * await store.append('Order-7', [{ type: 'OrderPlaced', data: { total_cents: 1200 } }], { expectedVersion: 'no_stream' })
   */
  append(streamId: string, events: readonly NewEvent[], options?: AppendOptions): Promise<Appended>

  /**
   * Appends to several streams in one transaction, all or none; the events take consecutive positions in the order given.
   * A write without events only checks the version of its stream.
   *
   * @throws the errors of {@link EventStore.append}, and NOT_SUPPORTED where an append can name only one stream.
   * @example
   * await store.appendAll([
   *   { streamId: 'Account-a', events: [{ type: 'MoneySent', data: { cents: 500 } }], expectedVersion: 1 },
   *   { streamId: 'Account-b', events: [{ type: 'MoneyReceived', data: { cents: 500 } }] },
   * ])
   */
  appendAll(writes: readonly StreamWrite[], options?: AppendAllOptions): Promise<AppendedAll>

  /**
   * Appends inside of a transaction that you have open in the store's database, for a row of yours that must come or go
   * together with an event. `client` is a connection of the engine's driver after `begin`: of `varve/postgres` a `pg`
   * Client. Versions are assigned and judged at once; positions are assigned, and a condition is judged a second time, by
   * your commit, which fails when an event matches. The streams stay locked until then: keep the transaction short.
   *
   * Its appends reject with the errors of {@link EventStore.append}, with NOT_SUPPORTED where the engine lacks the
   * capability `callerTransactions`, and with INVALID_ARGUMENT when `client` has no transaction open or one of another
   * isolation level than read committed. What comes as ENGINE_UNAVAILABLE or ENGINE_FAILED has ended your transaction.
   */
  withTransaction(client: object): TransactionAppends

  /**
   * Reads one stream in pages. Ends at what was the last event when the read began. A stream that was never written,
   * was deleted or is tombstoned yields nothing.
   *
   * @example
   * const last = await store.readStream('Order-7', { direction: 'backward' }).first()
   */
  readStream(streamId: string, options?: ReadStreamOptions): EventReader

  /**
   * Reads the whole store in order of position, or what matches a filter. Ends at what was the head when the read
   * began. The log never changes: events hidden from reads of their stream are still delivered here. Of a log with several
   * shards it ends at what were their heads, and only the order within a shard says what came first.
   *
   * @throws NOT_SUPPORTED when it is to begin at a position of a log with several shards.
   * @example
   * for await (const event of store.readAll({ filter: { categories: ['Order'] } })) console.log(event.type)
   */
  readAll(options?: ReadAllOptions): EventReader

  /**
   * The event with an id, wherever it lies, or undefined. The log never changes: it is found also when its stream was
   * truncated, deleted or tombstoned since.
   *
   * @throws INVALID_ARGUMENT when the id is no UUID.
   */
  readEvent(eventId: string, options?: CallOptions): Promise<RecordedEvent | undefined>

  /**
   * Everything that carries one correlation id, across streams, as trees of what caused what: the event by which it
   * began, what that led to, and so on. Found by an index, where filters by tag are.
   *
   * @example
   * const { roots, events } = await store.trace('req-1')
   */
  trace(correlationId: string, options?: TraceOptions): Promise<Trace>

  /**
   * Reads for ever: first everything from `from` on, then each event as it is appended, once and in order.
   * Ends only when the loop is left or the store closes; rejects with `signal.reason` when the signal aborts. Only one
   * page is in memory, however slow the reader. An engine out of reach is waited for, up to `limits.readAttempts` times.
   *
   * With a `checkpoint` name, delivery resumes after the last event whose turn was over: at least once.
   *
   * Of a log with several shards it follows all of them, each in its order, so that a stream's events come in theirs, and
   * waits for none: a page of one shard comes as soon as it is there. It keeps a page of each in memory.
   *
   * @throws CHECKPOINT_CONFLICT when another consumer runs under the same checkpoint name; NOT_SUPPORTED when it is to begin
   *   at a position of a log with several shards.
   * @example
   * for await (const event of store.subscribe({ filter: { types: ['OrderPlaced'] }, signal })) await sendMail(event)
   */
  subscribe(options?: SubscribeOptions & { readonly marks?: false | undefined }): AsyncIterable<RecordedEvent>
  /** The same with marks between the events: when the reader caught up, and how far events were filtered out. */
  subscribe(options: SubscribeOptions & { readonly marks: true }): AsyncIterable<SubscriptionItem>

  /**
   * The position of the last event, 0 when the store is empty.
   *
   * @throws NOT_SUPPORTED when the log has several shards, and so no last event: see {@link EventStore.heads}.
   */
  head(options?: CallOptions): Promise<number>

  /**
   * The position of the last event of each log shard, 0 of one that is empty. On most stores there is one shard, and this
   * is the head in a list.
   */
  heads(options?: CallOptions): Promise<LogPositions>

  /** Lists streams ever written to, ordered by the UTF-8 bytes of their ids; deleted and tombstoned ones say so. */
  streams(options?: StreamsOptions): Reader<StreamInfo>

  /** Where one stream stands. A stream never written to has version 0. */
  streamInfo(streamId: string, options?: CallOptions): Promise<StreamInfo>

  /** A stream's metadata and the version of that metadata, 0 when it was never set. */
  getStreamMetadata(streamId: string, options?: CallOptions): Promise<StreamMetadata>

  /**
   * Replaces a stream's metadata by an appended fact in `$$` + the stream's id.
   *
   * @throws VERSION_CONFLICT when the metadata is not at `expectedVersion`.
   */
  setStreamMetadata(streamId: string, metadata: StreamMetadataValues, options?: ChangeOptions): Promise<Changed>

  /**
   * Hides the events before `version` from reads of the stream, by an appended fact. They stay in the log, in
   * {@link EventStore.readAll} and in subscriptions. Hiding less than before is refused.
   */
  truncateBefore(streamId: string, version: number, options?: CallOptions): Promise<Changed>

  /**
   * Hides all events the stream has now, by an appended fact. The stream may be written again: `'no_stream'` then
   * holds, and its versions continue. Deleting a stream without visible events changes nothing.
   *
   * @throws VERSION_CONFLICT when the stream is not at `expectedVersion`.
   */
  deleteStream(streamId: string, options?: ChangeOptions): Promise<Changed>

  /**
   * Closes the stream for ever, by an appended fact: its events are hidden from reads of it, and every later append to
   * it is STREAM_TOMBSTONED. Nothing takes this back.
   *
   * @throws VERSION_CONFLICT when the stream is not at `expectedVersion`.
   */
  tombstone(streamId: string, options?: ChangeOptions): Promise<Changed>

  /**
   * The streams of one category, typed by the events defined for it: appending another event does not compile, and
   * what is read is a union that `switch (event.type)` narrows. Payloads are validated before anything is sent.
   *
   * @throws INVALID_ARGUMENT when the name is empty or has a `-`, which ends the category in a stream's id.
   * @example
   * const orders = store.category('Order', defineEvents({ OrderPlaced: event<{ totalCents: number }>() }))
   * await orders.stream('7').append([{ type: 'OrderPlaced', data: { totalCents: 1200 } }])
   */
  category<Events extends EventDefinitions>(name: string, events: Events, options?: CategoryOptions): Category<Events>

  /** Named positions beside the log, for consumers that keep their place in the store. */
  readonly checkpoints: Checkpoints

  /** JSON values by key beside the log, for what is not a fact: snapshots, deadlines, leases, settings. */
  readonly shelf: StoreShelf

  /** Ends subscriptions, waits for appends under way, gives everything back. Closing twice is fine. */
  close(): Promise<void>
}

/** Options of {@link EventStore.streams}. */
export interface StreamsOptions extends CallOptions {
  /** Ids that begin with this. Default: all. */
  readonly prefix?: string | undefined
  /** Ids after this one, for paging. Default: from the first. */
  readonly after?: string | undefined
  readonly limit?: number | undefined
}

/** Values of a stream's metadata. Keys other than these are kept as they are. */
export interface StreamMetadataValues {
  /** The first version that reads of the stream show. */
  readonly truncateBefore?: number
  readonly [key: string]: unknown
}

/** A stream's metadata and where it stands. */
export interface StreamMetadata {
  readonly values: StreamMetadataValues
  /** Version of the metadata, for `expectedVersion`; 0 when it was never set. */
  readonly version: number
}

/** Options of calls that append a fact about a stream. */
export interface ChangeOptions extends CallOptions {
  /** Default `'any'`. Of the metadata for `setStreamMetadata`, of the stream itself for the others. */
  readonly expectedVersion?: ExpectedVersion | undefined
}

/** What a call that appends a fact about a stream did. */
export interface Changed {
  /** Position of the fact, or the head of its log shard when there was nothing to change. */
  readonly position: number
  /** False when the stream was in that state already. */
  readonly changed: boolean
}

/** Named positions kept in the store. */
export interface Checkpoints {
  /** The saved position and its version, or undefined when nothing was ever saved under the name. */
  load(name: string, options?: CallOptions): Promise<Checkpoint | undefined>
  /**
   * Saves a position, or a position for each log shard.
   *
   * @returns the new version of the checkpoint.
   * @throws CHECKPOINT_CONFLICT when the checkpoint is not at `expectedVersion` (0: never saved).
   */
  save(name: string, place: number | LogPositions, options?: SaveCheckpointOptions): Promise<number>
}

/** A saved place. */
export interface Checkpoint {
  /** Everything up to here was processed; of a subscription to one stream, a version. The highest of `positions`, if there are. */
  readonly position: number
  /** What was saved when it was a position for each shard of a log with several. */
  readonly positions?: LogPositions
  readonly version: number
}

/** Options of {@link Checkpoints.save}. */
export interface SaveCheckpointOptions extends CallOptions {
  /** Default: whatever it is. */
  readonly expectedVersion?: number | undefined
}
