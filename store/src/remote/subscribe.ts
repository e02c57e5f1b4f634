/**
 * A subscription over HTTP: one connection after the other, each beginning right after the last thing the one before
 * delivered. Invariants: places only rise; an event is delivered at most once, whatever connections overlap.
 *
 * connecting > following > (broken off, or the server shut down) > pausing > connecting
 */
import type { Clock } from '../engine/clock.ts'
import type { Checkpoints } from '../event-store.ts'
import type { SubscribeOptions, SubscriptionItem } from '../model/call.ts'
import { EngineUnavailable, InvalidArgument, isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import { normalQuery } from '../model/query.ts'
import { fromEnvelope } from '../schema/envelope.ts'
import { streamInfo } from '../streams/metadata.ts'
import { checkStreamId } from '../streams/prepare.ts'
import { keepPlace, normalCheckpoint } from '../subscriptions/checkpoint.ts'
import { type SentEvent, sentEvents } from './event-stream.ts'
import type { HttpApi } from './http-api.ts'
import type { RemotePort } from './port.ts'
import { type ProblemDocument, refusalFrom } from './refusal.ts'
import { wireQuery } from './wire.ts'

/** What a subscription to a server works with. */
export interface RemoteSubscriptionPort {
  readonly api: HttpApi
  readonly engine: RemotePort
  readonly clock: Clock
  readonly checkpoints: Checkpoints
  /** Aborts when the store closes. */
  readonly closing: AbortSignal
}

/** A subscription with every option present. */
interface Following {
  readonly port: RemoteSubscriptionPort
  /** What the server is asked to follow. */
  readonly source: { readonly stream: string } | { readonly query: unknown }
  readonly from: number | 'end' | undefined
  readonly signal: AbortSignal
  /** Position, or version when one stream is followed. */
  readonly placeOf: (event: { readonly version: number; readonly position: number }) => number
}

const retryMinMs = 50
const retryMaxMs = 5_000

/** Silence after which a connection counts as dead, in milliseconds; servers give a sign of life every 15 seconds. */
const silenceMs = 60_000

/** Follows a server's log. See `EventStore.subscribe`. */
export function subscribeRemote(
  port: RemoteSubscriptionPort,
  options: SubscribeOptions = {},
): AsyncIterable<RecordedEvent | SubscriptionItem> {
  const following = normalFollowing(port, options)
  const { marks = false } = options
  const checkpoint = options.checkpoint === undefined ? undefined : normalCheckpoint(options.checkpoint)

  async function* wanted(): AsyncGenerator<RecordedEvent | SubscriptionItem> {
    try {
      const items = checkpoint === undefined ? follow(following) : resume(following, checkpoint)
      for await (const item of items) {
        if (marks) yield item
        else if (item.kind === 'event') yield item.event
      }
    } catch (error) {
      // Closing the store ends its subscriptions as leaving the loop does; every other failure is the reader's to see.
      if (!port.closing.aborted || error !== port.closing.reason) throw error
    }
  }
  return { [Symbol.asyncIterator]: wanted }
}

function normalFollowing(port: RemoteSubscriptionPort, options: SubscribeOptions): Following {
  const { from, filter, stream, signal } = options
  if (from !== undefined && from !== 'end' && !isPosition(from)) {
    throw new InvalidArgument('from', "is neither a whole number from 0 on nor 'end'")
  }
  if (stream !== undefined && filter !== undefined) {
    throw new InvalidArgument('filter', 'does not go together with stream: a subscription follows one or the other')
  }
  if (stream !== undefined) checkStreamId(stream, 'stream')
  return {
    port,
    source: stream === undefined ? { query: wireQuery(normalQuery(filter ?? 'everything')) } : { stream },
    from,
    signal: signal === undefined ? port.closing : AbortSignal.any([signal, port.closing]),
    placeOf: stream === undefined ? (event) => event.position : (event) => event.version,
  }
}

/** Begins after the saved place, if there is one, and keeps it up to date. */
async function* resume(
  following: Following,
  checkpoint: ReturnType<typeof normalCheckpoint>,
): AsyncGenerator<SubscriptionItem> {
  const { port, placeOf, signal } = following
  const saved = await port.checkpoints.load(checkpoint.name, { signal })
  const from = saved === undefined ? following.from : saved.position + 1
  const place = { ...checkpoint, version: saved?.version ?? 0, placeOf }
  yield* keepPlace(follow({ ...following, from }), port.checkpoints, place)
}

async function* follow(following: Following): AsyncGenerator<SubscriptionItem> {
  const { port, placeOf, signal } = following
  let cursor = await beginning(following)
  for (let failures = 0; ; failures++) {
    try {
      for await (const item of connection(following, cursor)) {
        failures = 0
        const place = item.kind === 'event' ? placeOf(item.event) : item.position
        if (item.kind === 'event' && place < cursor) continue
        cursor = Math.max(cursor, place + 1)
        yield item
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!isVarveError(error, 'ENGINE_UNAVAILABLE') || failures === limits.readAttempts) throw error
    }
    await port.clock.sleep(Math.min(retryMinMs * 2 ** failures, retryMaxMs), signal)
    signal.throwIfAborted()
  }
}

/** The end is looked up once: asked for anew by a second connection, it would lie behind what happened in between. */
async function beginning({ port, source, from, signal }: Following): Promise<number> {
  if (from !== 'end') return from ?? 1
  const place = 'stream' in source ? (await streamInfo(port.engine, source.stream, { signal })).version : undefined
  return (place ?? (await port.engine.head(signal))) + 1
}

async function* connection({ port, source, signal }: Following, from: number): AsyncGenerator<SubscriptionItem> {
  const body = JSON.stringify({ ...source, from })
  const request = { method: 'POST', path: '/subscribe', body, accept: 'text/event-stream', signal } as const
  const stream = await port.api.open(request)
  try {
    for await (const sent of sentEvents(untilSilent(stream, port.clock))) {
      const item = itemFrom(sent)
      if (item !== undefined) yield item
    }
  } catch (cause) {
    signal.throwIfAborted()
    if (isVarveError(cause)) throw cause
    throw new EngineUnavailable('remote', 'the connection of a subscription broke off', { cause })
  }
}

/** Ends a connection on which nothing comes any more: the other side may be gone without a word. */
async function* untilSilent(stream: ReadableStream<Uint8Array>, clock: Clock): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const heard = new AbortController()
      const silence = clock.sleep(silenceMs, heard.signal).then(() => undefined)
      const chunk = await Promise.race([reader.read(), silence]).finally(() => heard.abort())
      if (chunk === undefined || chunk.value === undefined) return
      yield chunk.value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function itemFrom({ event, data }: SentEvent): SubscriptionItem | undefined {
  switch (event) {
    case 'event':
      return { kind: 'event', event: fromEnvelope(JSON.parse(data)) }
    case 'caught_up':
    case 'checkpoint':
      return { kind: event, position: Number((JSON.parse(data) as { readonly position: unknown }).position) }
    case 'error': {
      const problem = JSON.parse(data) as ProblemDocument
      throw refusalFrom(problem, Number(problem.status))
    }
    default:
      return undefined
  }
}
