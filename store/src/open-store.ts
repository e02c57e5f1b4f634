import type { Clock } from './engine/clock.ts'
import type { Engine } from './engine/engine.ts'
import { checkTracer } from './engine/span.ts'
import { systemClock } from './engine/system-clock.ts'
import { traced } from './engine/traced.ts'
import type { EventStore } from './event-store.ts'
import type { SubscribeOptions } from './model/call.ts'
import { InvalidArgument, StoreClosed } from './model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from './model/known-fields.ts'
import type { Tracer } from './model/tracer.ts'
import { category } from './schema/category.ts'
import { storeShelf } from './shelf/store-shelf.ts'
import { createGroupCommit } from './streams/group-commit.ts'
import { createStamps } from './streams/stamps.ts'
import { streamVerbs } from './streams/verbs.ts'
import { shelfCheckpoints } from './subscriptions/checkpoint.ts'
import { subscribe } from './subscriptions/subscribe.ts'
import { createHeadWatch } from './subscriptions/wake.ts'

const optionFields = fieldsOf<OpenStoreOptions>({ engine: true, clock: true, newId: true, tracer: true })

/** Options of {@link openStore}. */
export interface OpenStoreOptions {
  /** Where the events live. The store owns it from now on and closes it. */
  readonly engine: Engine
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Ids for events that have none: UUIDs. Default: UUIDv7, in order of creation. */
  readonly newId?: (() => string) | undefined
  /**
   * Spans for appends, commands, commits and reads, of OpenTelemetry: `trace.getTracer('shop')`. Events carry the span of
   * their append in `metadata.traceparent`. Default: none, which costs nothing.
   */
  readonly tracer?: Tracer | undefined
}

/**
 * Opens an event store over an engine.
 *
 * @throws INVALID_ARGUMENT
 * @example
 * await using store = openStore({ engine: sqlite({ path: 'shop.db' }) })
 */
export function openStore(options: OpenStoreOptions): EventStore {
  if (typeof options?.engine?.append !== 'function') {
    throw new InvalidArgument('engine', "is missing: give one, such as memory(), or sqlite({ path }) of 'varve/sqlite'")
  }
  refuseUnknownOptions(options, optionFields, 'openStore')
  const { clock = systemClock, tracer } = options
  checkTracer(tracer)
  const engine = tracer === undefined ? options.engine : traced(options.engine, tracer)
  const { capabilities } = engine
  const closing = new AbortController()
  const groupCommit = createGroupCommit(engine, clock)
  const port = { engine, clock, capabilities, groupCommit, ...createStamps(clock, options.newId) }
  const checkpoints = shelfCheckpoints(engine.shelf)
  const headWatch = createHeadWatch(engine, clock)
  const subscriptions = { engine, clock, headWatch, checkpoints, closing: closing.signal }
  let closed: Promise<void> | undefined

  async function close(): Promise<void> {
    closing.abort(new StoreClosed())
    await groupCommit.close()
    await engine.close()
  }

  const store: EventStore = {
    capabilities,
    tracer,
    ...streamVerbs(port, tracer),
    subscribe: ((subscribeOptions: SubscribeOptions & { marks: true }) =>
      subscribe(subscriptions, subscribeOptions)) as EventStore['subscribe'],
    category: (name, events, categoryOptions) => category(store, name, events, categoryOptions),
    checkpoints,
    shelf: storeShelf(engine.shelf),
    close: () => {
      closed ??= close()
      return closed
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}
