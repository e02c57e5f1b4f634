import type { Clock, EventStore, GroupStore, Reader, RecordedEvent, SubscribeOptions, SubscriptionItem } from 'varve'
import { openAccess } from '../../auth/access.ts'
import { type EventChoice, eventChoice, passes, queryFor } from '../streams/event-filter.ts'
import { kurrentEventOf } from '../streams/kurrent-event.ts'
import { followLink, linkTarget, linkType } from '../streams/links.ts'
import type { ResolvedEvent } from '../streams/read-response.ts'
import { standingOf } from '../streams/standing.ts'
import type { Numbering } from '../views/numbering.ts'
import { resolveEntries } from '../views/resolve-entries.ts'
import { entryOf, type View, viewOf } from '../views/view.ts'
import { EntryNumbers } from './entry-numbers.ts'
import type { Notes } from './notes.ts'
import type { StrategyName } from './settings.ts'

/** What a source is made of. */
export interface SourceParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly numbering: Numbering
}

/** Where the events of a persistent subscription come from, and what its clients see of them. */
export interface Source {
  /** The store as the subscription's group sees it: it has the subscription's events and no others. */
  readonly store: GroupStore
  /** Decides what events are kept together by; followed from the next event on. */
  strategy: StrategyName
  readonly keyOf: (event: RecordedEvent) => string
  /**
   * An event, or the link by which the stream has it, with what it leads to when that is wanted. Links are followed for the
   * subscription, not for a consumer: all of them have to see the same, as in KurrentDB.
   */
  shown(event: RecordedEvent, resolveLinks: boolean, signal: AbortSignal): Promise<ResolvedEvent>
}

/** The source that notes tell of. */
export function sourceFor(parts: SourceParts, notes: Notes): Source {
  const view = notes.stream === null ? undefined : viewOf(notes.stream)
  const source: Source = {
    ...(view === undefined ? ofEvents(parts, notes) : ofView(parts, view)),
    strategy: notes.settings.strategy,
    keyOf: (event) => keyOf(source.strategy, event),
  }
  return source
}

/** What a group that follows them is told to find: at least the events that the subscription is about. */
export function followedBy({ stream, filter }: Pick<Notes, 'stream' | 'filter'>): {
  readonly stream?: string
  readonly filter?: ReturnType<typeof queryFor>
} {
  if (stream === null) return { filter: filter === null ? 'everything' : queryFor(eventChoice(filter)) }
  const view = viewOf(stream)
  return view === undefined ? { stream } : { filter: view.query }
}

function ofEvents(parts: SourceParts, { stream, filter }: Notes): Pick<Source, 'store' | 'shown'> {
  const { store } = parts
  const choice = filter === null ? undefined : eventChoice(filter)
  const shown: Source['shown'] = async (stored, resolveLinks, signal) => {
    const event = kurrentEventOf(stored)
    return resolveLinks && event.type === linkType
      ? followLink({ store, access: openAccess, signal }, event)
      : { event }
  }
  if (stream !== null) return { store: showing(parts, stream), shown }
  return { store: choice === undefined ? { ...groupStore(store) } : choosing(store, byChoice(choice)), shown }
}

function ofView({ store, numbering }: SourceParts, view: View): Pick<Source, 'store' | 'shown'> {
  const numbers = new EntryNumbers(numbering, view)
  const includes = (event: RecordedEvent): boolean => view.includes(kurrentEventOf(event))
  return {
    store: choosing(store, includes, () => numbers.notebook()),
    shown: async (stored, resolveLinks, signal) => {
      const number = await numbers.numberOf(stored, signal)
      const event = kurrentEventOf(stored)
      if (!resolveLinks) return { event: entryOf(view, event, number) }
      const [entry] = await resolveEntries({ store, access: openAccess, signal }, view, [{ event, number }])
      return entry ?? { event: undefined }
    },
  }
}

function byChoice(choice: EventChoice): (event: RecordedEvent) => boolean {
  return (event) => passes(choice, kurrentEventOf(event))
}

/** What groups need of a store, bound to it. */
function groupStore(store: EventStore): GroupStore {
  return {
    capabilities: store.capabilities,
    shelf: store.shelf,
    subscribe: store.subscribe.bind(store),
    readAll: (options) => store.readAll(options),
    readStream: (stream, options) => store.readStream(stream, options),
    streamInfo: (stream, options) => store.streamInfo(stream, options),
    head: (options) => store.head(options),
  }
}

type Includes = (event: RecordedEvent) => boolean

/** A store with some of its events: what else its queries find is passed over, as if they had not found it. */
function choosing(
  store: EventStore,
  includes: Includes,
  notebook: () => (event: RecordedEvent) => void = () => () => undefined,
): GroupStore {
  const chosen = (options: SubscribeOptions): AsyncIterable<SubscriptionItem> =>
    chosenItems(store.subscribe({ ...options, marks: true }), includes, notebook())
  return {
    ...groupStore(store),
    subscribe: chosen as GroupStore['subscribe'],
    readAll: (options) => chosenEvents(store.readAll(options), includes),
  }
}

async function* chosenItems(
  items: AsyncIterable<SubscriptionItem>,
  includes: Includes,
  note: (event: RecordedEvent) => void,
): AsyncGenerator<SubscriptionItem> {
  for await (const item of items) {
    if (item.kind !== 'event') yield item
    else if (includes(item.event)) {
      note(item.event)
      yield item
    } else yield { kind: 'checkpoint', position: item.event.position }
  }
}

function chosenEvents(events: Reader<RecordedEvent>, includes: Includes): Reader<RecordedEvent> {
  async function* chosen(): AsyncGenerator<RecordedEvent> {
    for await (const event of events) if (includes(event)) yield event
  }
  return {
    [Symbol.asyncIterator]: chosen,
    toArray: async () => {
      const all: RecordedEvent[] = []
      for await (const event of chosen()) all.push(event)
      return all
    },
    first: async () => {
      for await (const event of chosen()) return event
      return undefined
    },
    last: async () => {
      let last: RecordedEvent | undefined
      for await (const event of chosen()) last = event
      return last
    },
  }
}

/** A store whose stream hides what its metadata say is not to be read: what is too old, and what is too many. */
function showing({ store, clock }: SourceParts, stream: string): GroupStore {
  async function* shown(options: SubscribeOptions): AsyncGenerator<SubscriptionItem> {
    const signal = options.signal ?? new AbortController().signal
    const standing = await standingIn(store, clock, stream, signal)
    for await (const item of store.subscribe({ ...options, marks: true })) {
      const isHidden =
        item.kind === 'event' &&
        (item.event.version < standing.firstShown || item.event.recordedAtMs < standing.shownFromMs)
      yield isHidden ? { kind: 'checkpoint', position: item.event.version } : item
    }
  }
  return { ...groupStore(store), subscribe: shown as GroupStore['subscribe'] }
}

async function standingIn(
  store: EventStore,
  clock: Clock,
  stream: string,
  signal: AbortSignal,
): Promise<{ readonly firstShown: number; readonly shownFromMs: number }> {
  const { tombstoned } = await store.streamInfo(stream, { signal })
  // Of a stream that is closed for ever there is nothing to read, and nothing to hide.
  return tombstoned
    ? { firstShown: 1, shownFromMs: Number.NEGATIVE_INFINITY }
    : standingOf(store, clock, stream, signal)
}

/** What an event is kept together with others by: the stream it is in, or its correlation. */
function keyOf(strategy: StrategyName, event: RecordedEvent): string {
  const stream = event.type === linkType ? (linkTarget(event.rawData)?.stream ?? event.streamId) : event.streamId
  if (strategy !== 'PinnedByCorrelation') return stream
  const { $correlationId } = event.metadata as { readonly $correlationId?: unknown }
  return typeof $correlationId === 'string' ? `correlation ${$correlationId}` : stream
}
