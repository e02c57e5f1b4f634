import type {
  Appended,
  AppendOptions,
  CallOptions,
  Reader,
  ReadStreamOptions,
  SubscribeOptions,
  SubscriptionItem,
} from './call.ts'
import type { EventDefinitions, NewEventOf, RecordedEventOf } from './event-definition.ts'
import type { LogPositions } from './log-shard.ts'

/** The streams of one category, typed by the events defined for it. See `EventStore.category`. */
export interface Category<Events extends EventDefinitions> {
  readonly name: string
  readonly events: Events

  /** The stream `{name}-{id}`. */
  stream(id: string): TypedStream<Events>

  /**
   * Reads all streams of the category in order of position.
   *
   * @throws EVENT_NOT_DEFINED at an event that the definitions lack, unless they are skipped.
   */
  readAll(options?: ReadCategoryOptions<Events>): Reader<RecordedEventOf<Events>>

  /**
   * Reads all streams of the category for ever, with marks between the events.
   *
   * @throws EVENT_NOT_DEFINED at an event that the definitions lack, unless they are skipped.
   */
  subscribe(
    options: SubscribeCategoryOptions<Events> & { readonly marks: true },
  ): AsyncIterable<SubscriptionItem<RecordedEventOf<Events>>>
  /** The same without marks. */
  subscribe(
    options?: SubscribeCategoryOptions<Events> & { readonly marks?: false | undefined },
  ): AsyncIterable<RecordedEventOf<Events>>
}

/** One stream, typed by the events of its category. */
export interface TypedStream<Events extends EventDefinitions> {
  readonly streamId: string

  /**
   * Appends events, all or none, after validating every payload. What the schema makes of a payload (its output, with
   * defaults and transforms applied) is what is stored and later read.
   *
   * @throws PAYLOAD_INVALID with the paths of what does not fit, and the errors of `EventStore.append`.
   *   Nothing was written.
   */
  append(events: readonly NewEventOf<Events>[], options?: AppendOptions): Promise<Appended>

  /**
   * Reads the stream in pages.
   *
   * @throws EVENT_NOT_DEFINED at an event that the definitions lack, unless they are skipped.
   */
  read(options?: ReadStreamOptions): Reader<RecordedEventOf<Events>>

  /**
   * Follows the stream for ever, with marks between the events.
   *
   * @throws EVENT_NOT_DEFINED at an event that the definitions lack, unless they are skipped.
   */
  subscribe(
    options: SubscribeStreamOptions & { readonly marks: true },
  ): AsyncIterable<SubscriptionItem<RecordedEventOf<Events>>>
  /** The same without marks. */
  subscribe(
    options?: SubscribeStreamOptions & { readonly marks?: false | undefined },
  ): AsyncIterable<RecordedEventOf<Events>>
}

/** Options of `EventStore.category`. */
export interface CategoryOptions {
  /**
   * What a read does at an event whose type is not defined: `'refuse'` rejects, since code that does not know an event
   * cannot know what it missed; `'skip'` is for readers that care about a part of the category. An event of a defined
   * type in another schema version is always refused. Default `'refuse'`.
   */
  readonly undefinedEvents?: 'refuse' | 'skip' | undefined
  /**
   * Checks payloads against their schema also when they are read, where old or foreign writers are not trusted; a misfit
   * rejects with PAYLOAD_INVALID. The payload itself is not changed. Needs schemas that accept their own output, as
   * those without transforms do. Default false.
   */
  readonly validateOnRead?: boolean | undefined
}

/** Narrows a read of a category. */
export interface CategoryFilter<Events extends EventDefinitions> {
  /** Only these event types. Default: all. */
  readonly types?: readonly (keyof Events & string)[] | undefined
  /** Only events that carry all of these tags. */
  readonly tags?: readonly string[] | undefined
}

/** Options of {@link Category.readAll}. */
export interface ReadCategoryOptions<Events extends EventDefinitions> extends CallOptions, CategoryFilter<Events> {
  /** Position to begin at, inclusive, of a log with one shard. Default: the first event, or the head when reading backward. */
  readonly from?: number | undefined
  /** Begins after these positions, one for each log shard, as marks have them. Forward only, and not together with `from`. */
  readonly after?: LogPositions | undefined
  /** Events at the most. Default: no limit. */
  readonly limit?: number | undefined
  /** Default `'forward'`. */
  readonly direction?: 'forward' | 'backward' | undefined
}

/** Options of {@link Category.subscribe}. */
export interface SubscribeCategoryOptions<Events extends EventDefinitions>
  extends Omit<SubscribeOptions, 'filter' | 'stream'>,
    CategoryFilter<Events> {}

/** Options of {@link TypedStream.subscribe}. */
export interface SubscribeStreamOptions extends Omit<SubscribeOptions, 'filter' | 'stream' | 'after'> {}
