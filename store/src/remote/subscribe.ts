/**
 * A subscription over HTTP: one connection after the other, each beginning right after the last thing the one before
 * delivered. Invariants: places only rise; an event is delivered at most once, whatever connections overlap.
 *
 * connecting > following > (broken off, or the server shut down) > pausing > connecting
 */
import type { Clock } from '../engine/clock.ts'
import { patiently } from '../engine/patience.ts'
import type { Checkpoints } from '../event-store.ts'
import type { MarkedPlace, SubscribeOptions, SubscriptionItem } from '../model/call.ts'
import { EngineUnavailable, isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import type { LogPositions } from '../model/log-shard.ts'
import { fromEnvelope } from '../schema/envelope.ts'
import { heads } from '../streams/head.ts'
import { streamInfo } from '../streams/metadata.ts'
import { keepPlace, normalCheckpoint } from '../subscriptions/checkpoint.ts'
import { type Followed, followedBy, placesIn } from '../subscriptions/followed.ts'
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

/** A subscription on its way. */
interface Following extends Followed {
  readonly port: RemoteSubscriptionPort
  readonly signal: AbortSignal
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
  const { marks = false, signal } = options
  const following: Following = {
    ...followedBy(options, port.engine.capabilities),
    port,
    signal: signal === undefined ? port.closing : AbortSignal.any([signal, port.closing]),
  }
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

/** Begins after the saved places, if there are any, and keeps them up to date. */
async function* resume(
  following: Following,
  checkpoint: ReturnType<typeof normalCheckpoint>,
): AsyncGenerator<SubscriptionItem> {
  const { port, signal } = following
  const patience = { clock: port.clock, signal }
  const saved = await patiently(patience, () => port.checkpoints.load(checkpoint.name, { signal }))
  const begins = saved === undefined ? following.begins : placesIn(checkpoint.name, saved, following)
  const kept = { ...checkpoint, version: saved?.version ?? 0, followed: following, patience }
  yield* keepPlace(follow({ ...following, begins }), port.checkpoints, kept)
}

async function* follow(following: Following): AsyncGenerator<SubscriptionItem> {
  const { port, signal } = following
  // After which place of each shard the next connection begins. A list of its own: with each event one place moves.
  const reached = [...(await beginning(following))]
  for (let failures = 0; ; failures++) {
    try {
      for await (const item of connection(following, reached)) {
        failures = 0
        if (isNew(item, reached, following)) yield item
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!isVarveError(error, 'ENGINE_UNAVAILABLE') || failures === limits.readAttempts) throw error
    }
    await port.clock.sleep(Math.min(retryMinMs * 2 ** failures, retryMaxMs), signal)
    signal.throwIfAborted()
  }
}

/** Takes an item in. An event that an earlier connection delivered is none. */
function isNew(item: SubscriptionItem, reached: number[], { isOneStream, places }: Followed): boolean {
  if (item.kind !== 'event') {
    const { position, positions = [position] } = item
    for (const [shard, place] of positions.entries()) reached[shard] = Math.max(reached[shard] ?? 0, place)
    return true
  }
  const { version, position } = item.event
  const [shard, place] = isOneStream ? [0, version] : [position % places, position]
  if (place <= (reached[shard] ?? 0)) return false
  reached[shard] = place
  return true
}

/** The end is looked up once: asked for anew by a second connection, it would lie behind what happened in between. */
async function beginning({ port, source, begins, signal }: Following): Promise<LogPositions> {
  if (begins !== 'end') return begins
  return patiently({ clock: port.clock, signal }, async () =>
    'streamId' in source
      ? [(await streamInfo(port.engine, source.streamId, { signal })).version]
      : heads(port.engine, { signal }),
  )
}

async function* connection(
  { port, source, isOneStream, signal }: Following,
  reached: LogPositions,
): AsyncGenerator<SubscriptionItem> {
  const followed = 'streamId' in source ? { stream: source.streamId } : { query: wireQuery(source.query) }
  const [only] = reached as [number]
  const body = JSON.stringify({ ...followed, ...(reached.length === 1 ? { from: only + 1 } : { after: reached }) })
  const request = { method: 'POST', path: '/subscribe', body, accept: 'text/event-stream', signal } as const
  const stream = await port.api.open(request)
  try {
    for await (const sent of sentEvents(untilSilent(stream, port.clock))) {
      const item = itemFrom(sent, isOneStream)
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

function itemFrom({ event, data }: SentEvent, isOneStream: boolean): SubscriptionItem | undefined {
  switch (event) {
    case 'event':
      return { kind: 'event', event: fromEnvelope(JSON.parse(data)) }
    case 'caught_up':
    case 'checkpoint':
      return { kind: event, ...markedPlace(JSON.parse(data) as MarkedPlace, isOneStream) }
    case 'error': {
      const problem = JSON.parse(data) as ProblemDocument
      throw refusalFrom(problem, Number(problem.status))
    }
    default:
      return undefined
  }
}

/** A server says positions where there are several. */
function markedPlace({ position, positions = [position] }: MarkedPlace, isOneStream: boolean): MarkedPlace {
  return isOneStream ? { position } : { position, positions }
}
