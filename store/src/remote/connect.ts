import type { Clock } from '../engine/clock.ts'
import { checkTracer } from '../engine/span.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { SubscribeOptions } from '../model/call.ts'
import { InvalidArgument, StoreClosed } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import type { Tracer } from '../model/tracer.ts'
import { checkWhole } from '../model/whole-number.ts'
import { category } from '../schema/category.ts'
import { createStamps } from '../streams/stamps.ts'
import { streamVerbs } from '../streams/verbs.ts'
import { remoteCheckpoints } from './checkpoints.ts'
import { httpApi } from './http-api.ts'
import { capabilitiesFrom, remotePort } from './port.ts'
import { remoteShelf } from './shelf.ts'
import { subscribeRemote } from './subscribe.ts'
import { serverTime } from './wire.ts'

const optionFields = fieldsOf<ConnectOptions>({
  url: true,
  headers: true,
  timeoutMs: true,
  clock: true,
  newId: true,
  tracer: true,
})

/** Options of {@link connect}. */
export interface ConnectOptions {
  /** The server, as in `http://127.0.0.1:2113`. */
  readonly url: string
  /** Sent with every request: `{ authorization: 'Bearer vt.…' }` logs in with a token of the server. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** How long one attempt of a call waits for its answer, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Ids for events that have none: UUIDs. Default: UUIDv7, in order of creation. */
  readonly newId?: (() => string) | undefined
  /**
   * Spans for appends and commands, of OpenTelemetry: `trace.getTracer('shop')`. Events carry the span of their append in
   * `metadata.traceparent`. Default: none, which costs nothing.
   */
  readonly tracer?: Tracer | undefined
}

/**
 * Connects to a Varve server: the same store with the same guarantees and errors, over HTTP. Ids are assigned here, so
 * an append whose answer was lost is sent again and lands once. Subscriptions outlast a server that restarts.
 *
 * @throws INVALID_ARGUMENT when the URL is none, ENGINE_UNAVAILABLE when nobody answers, REMOTE_FAILED when it is no Varve server.
 * @example
 * await using store = await connect({ url: 'http://127.0.0.1:2113' })
 */
export async function connect(options: ConnectOptions): Promise<EventStore> {
  refuseUnknownOptions(options, optionFields, 'connect')
  const { url, headers = {}, timeoutMs = 30_000, clock = systemClock, tracer } = options
  checkWhole('timeoutMs', timeoutMs, 1)
  checkTracer(tracer)
  const closing = new AbortController()
  const api = httpApi({ base: baseOf(url), headers, clock, timeoutMs, closing: closing.signal })
  const capabilities = capabilitiesFrom((await api.call({ method: 'GET', path: '/head' })).capabilities)
  const engine = remotePort(api, capabilities)
  const { newId } = createStamps(clock, options.newId)
  const port = { engine, clock, capabilities, groupCommit: engine, newId, now: () => serverTime }
  const checkpoints = remoteCheckpoints(api)
  const subscriptions = { api, engine, clock, checkpoints, closing: closing.signal }
  let closed: Promise<void> | undefined

  const store: EventStore = {
    capabilities,
    tracer,
    ...streamVerbs(port, tracer),
    subscribe: ((subscribeOptions: SubscribeOptions & { marks: true }) =>
      subscribeRemote(subscriptions, subscribeOptions)) as EventStore['subscribe'],
    category: (name, events, categoryOptions) => category(store, name, events, categoryOptions),
    checkpoints,
    shelf: remoteShelf(api),
    close: () => {
      closing.abort(new StoreClosed())
      closed ??= api.finished()
      return closed
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    throw new InvalidArgument('url', `is ${JSON.stringify(url)}: write http://host:2113 or https://host`)
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new InvalidArgument('url', 'has a user or password in it: send them in headers.authorization')
  }
  if (parsed.search !== '' || parsed.hash !== '') {
    throw new InvalidArgument('url', `is ${JSON.stringify(url)}: it ends before ? and #`)
  }
  return parsed.href.replace(/\/+$/, '')
}
