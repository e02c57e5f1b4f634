import type { EventStore } from '../event-store.ts'
import type { EventReader, Reader, SubscribeOptions, SubscriptionItem } from '../model/call.ts'
import type {
  Category,
  CategoryOptions,
  ReadCategoryOptions,
  SubscribeCategoryOptions,
  SubscribeStreamOptions,
  TypedStream,
} from '../model/category.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { NewEvent, RecordedEvent } from '../model/event.ts'
import {
  acceptedData,
  definitionOf,
  type EventDefinition,
  type EventDefinitions,
  type RecordedEventOf,
} from '../model/event-definition.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { madeOfEach } from '../model/made-of-each.ts'
import type { QueryItem } from '../model/query.ts'
import type { SchemaVerdict } from '../model/standard-schema.ts'
import { liveTypes, storedTypes, upToDate } from '../model/upcast.ts'

const categoryFields = fieldsOf<CategoryOptions>({ undefinedEvents: true, validateOnRead: true })
const readCategoryFields = fieldsOf<ReadCategoryOptions<EventDefinitions>>({
  types: true,
  tags: true,
  from: true,
  after: true,
  limit: true,
  direction: true,
  signal: true,
})
const subscribeStreamFields = fieldsOf<SubscribeStreamOptions>({
  from: true,
  checkpoint: true,
  marks: true,
  signal: true,
})
const subscribeCategoryFields = fieldsOf<SubscribeCategoryOptions<EventDefinitions>>({
  types: true,
  tags: true,
  from: true,
  after: true,
  checkpoint: true,
  marks: true,
  signal: true,
})

/** What a category needs of a store: any store has it, embedded or remote. */
export type CategoryStore = Pick<EventStore, 'append' | 'readStream' | 'readAll' | 'subscribe'>

/** The streams of one category, typed. See `EventStore.category`. */
export function category<Events extends EventDefinitions>(
  store: CategoryStore,
  name: string,
  events: Events,
  options: CategoryOptions = {},
): Category<Events> {
  checkCategoryName(name)
  if (typeof events !== 'object' || events === null) throw new InvalidArgument('events', 'is missing: use defineEvents')
  refuseUnknownOptions(options, categoryFields, 'category')
  const { undefinedEvents = 'refuse', validateOnRead = false } = options
  if (undefinedEvents !== 'refuse' && undefinedEvents !== 'skip') {
    throw new InvalidArgument('undefinedEvents', "is neither 'refuse' nor 'skip'")
  }
  const gate: Gate = { events, skip: undefinedEvents === 'skip', validateOnRead }
  const follow: Follow = (subscription, types) =>
    passing(
      store.subscribe({ ...subscription, marks: true }),
      { ...gate, ...(types && { types }) },
      subscription.marks === true,
    )
  return {
    name,
    events,
    stream: (id) => typedStream(store, streamIdOf(name, id), gate, follow),
    readAll: (options = {}) => {
      refuseUnknownOptions(options, readCategoryFields, 'readAll')
      const { types, tags, ...range } = options
      const read = store.readAll({ ...range, filter: filterOf(name, gate, { types, tags }) })
      return passingReader(read, { ...gate, ...(types && { types }) })
    },
    subscribe: ((options: SubscribeCategoryOptions<Events> = {}) => {
      refuseUnknownOptions(options, subscribeCategoryFields, 'subscribe')
      const { types, tags, ...place } = options
      return follow({ ...place, filter: filterOf(name, gate, { types, tags }) }, types)
    }) as Category<Events>['subscribe'],
  }
}

/** Subscribes through the gate, to some types of it only. */
type Follow = (subscription: SubscribeOptions, types?: readonly string[]) => unknown

function typedStream<Events extends EventDefinitions>(
  store: CategoryStore,
  streamId: string,
  gate: Gate,
  follow: Follow,
): TypedStream<Events> {
  return {
    streamId,
    append: async (events, options) => {
      if (!Array.isArray(events)) throw new InvalidArgument('events', 'is not a list')
      const validated = madeOfEach(events, (event: NewEvent, index) => validatedEvent(gate.events, event, index))
      // Without asynchronous validators nothing is awaited here, so appends are queued in the order they were called.
      const ready = validated.some(isPromise) ? await Promise.all(validated) : (validated as readonly NewEvent[])
      return store.append(streamId, ready, options)
    },
    read: (options) => passingReader(store.readStream(streamId, options), gate),
    subscribe: ((options: SubscribeStreamOptions = {}) => {
      refuseUnknownOptions(options, subscribeStreamFields, 'subscribe')
      return follow({ ...options, stream: streamId })
    }) as TypedStream<Events>['subscribe'],
  }
}

/** The event with what its schema made of the payload, which may take a moment. */
function validatedEvent(events: EventDefinitions, event: NewEvent, index: number): NewEvent | Promise<NewEvent> {
  const at = `events[${index}]`
  if (typeof event !== 'object' || event === null) throw new InvalidArgument(at, 'is not an object')
  const definition = definitionOf(events, event.type)
  if (definition === undefined || definition.retired !== undefined) {
    const known = liveTypes(events).join(', ')
    throw new InvalidArgument(
      `${at}.type`,
      `is ${JSON.stringify(event.type)}, which is ${definition === undefined ? 'not defined' : 'retired'}; known are ${known}`,
    )
  }
  const complete = (data: unknown): NewEvent => ({ ...event, data, schemaVersion: definition.version })
  if (definition.schema === undefined) return complete(event.data)
  const verdict = definition.schema['~standard'].validate(event.data)
  return isPromise(verdict)
    ? verdict.then((settled) => complete(acceptedData(settled, event.type, at)))
    : complete(acceptedData(verdict, event.type, at))
}

/** Which recorded events come through, and as what. */
interface Gate {
  readonly events: EventDefinitions
  readonly skip: boolean
  readonly validateOnRead: boolean
  /** Of what events of the past have become, only these types; undefined for all. */
  readonly types?: readonly string[]
}

type Passed = readonly RecordedEvent[]

/** What comes through of a recorded event, as what it is today; throws at one that may not be passed over. */
function admitted({ events, skip, validateOnRead, types }: Gate, recorded: RecordedEvent): Passed | Promise<Passed> {
  const all = upToDate(events, recorded, skip ? 'skip' : 'refuse')
  const passed = types === undefined ? all : all.filter(({ type }) => types.includes(type))
  if (!validateOnRead) return passed
  const verdicts = madeOfEach(passed, (one) => fits(definitionOf(events, one.type)?.schema, one))
  return verdicts.some(isPromise) ? Promise.all(verdicts).then(() => passed) : passed
}

function fits(schema: EventDefinition['schema'], recorded: RecordedEvent): unknown {
  const verdict = schema?.['~standard'].validate(recorded.data)
  if (verdict === undefined) return undefined
  const at = `event ${recorded.id} at position ${recorded.position}`
  const accept = (settled: SchemaVerdict<unknown>): unknown => acceptedData(settled, recorded.type, at)
  return isPromise(verdict) ? verdict.then(accept) : accept(verdict)
}

function passingReader<Events extends EventDefinitions>(
  read: EventReader,
  gate: Gate,
): Reader<RecordedEventOf<Events>> {
  type Event = RecordedEventOf<Events>
  async function* passed(): AsyncGenerator<Event> {
    for await (const recorded of read) yield* (await admitted(gate, recorded)) as readonly Event[]
  }
  return {
    [Symbol.asyncIterator]: passed,
    toArray: async () => {
      const all: Event[] = []
      for await (const recorded of passed()) all.push(recorded)
      return all
    },
    first: async () => {
      for await (const recorded of passed()) return recorded
      return undefined
    },
    last: async () => {
      const end = await read.last()
      const atEnd = end === undefined ? [] : await admitted(gate, end)
      if (end === undefined || atEnd.length > 0) return atEnd.at(-1) as Event | undefined
      // The last event is skipped, and only reading on tells which one before it is not.
      let last: Event | undefined
      for await (const recorded of passed()) last = recorded
      return last
    },
  }
}

function passing(
  items: AsyncIterable<SubscriptionItem>,
  gate: Gate,
  marks: boolean,
): AsyncIterable<RecordedEvent | SubscriptionItem> {
  async function* passed(): AsyncGenerator<RecordedEvent | SubscriptionItem> {
    for await (const item of items) {
      if (item.kind === 'event') {
        for (const event of await admitted(gate, item.event)) yield marks ? { kind: 'event', event } : event
      } else if (marks) yield item
    }
  }
  return { [Symbol.asyncIterator]: passed }
}

function filterOf(
  name: string,
  { events, skip }: Gate,
  { types, tags }: { readonly types: readonly string[] | undefined; readonly tags: readonly string[] | undefined },
): QueryItem {
  const live = liveTypes(events)
  const foreign = Array.isArray(types) ? types.find((type) => !live.includes(type)) : undefined
  if (foreign !== undefined)
    throw new InvalidArgument('types', `names ${JSON.stringify(foreign)}, which is not defined`)
  const stored = storedTypes(events, types ?? live)
  // What would be skipped need not be read; more types than a query may name are skipped when they come.
  const wanted = types !== undefined || (skip && stored.length <= limits.queryItemTerms) ? stored : undefined
  return { categories: [name], ...(wanted !== undefined && { types: wanted }), ...(tags !== undefined && { tags }) }
}

function checkCategoryName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '') throw new InvalidArgument('category', 'is not a non-empty string')
  if (name.includes('-')) {
    throw new InvalidArgument(
      'category',
      `is ${JSON.stringify(name)}: a category ends before the first "-" of a stream id`,
    )
  }
}

function streamIdOf(name: string, id: unknown): string {
  if (typeof id !== 'string' || id === '') throw new InvalidArgument('id', 'is not a non-empty string')
  return `${name}-${id}`
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof value === 'object' && value !== null && 'then' in value
}
