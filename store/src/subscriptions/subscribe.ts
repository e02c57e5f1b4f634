import type { Clock } from '../engine/clock.ts'
import type { Engine, Page, ReadQuery } from '../engine/engine.ts'
import { type ReadAhead, readAhead } from '../engine/read-ahead.ts'
import type { Checkpoints } from '../event-store.ts'
import type { SubscribeOptions, SubscriptionItem } from '../model/call.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { RecordedEvent, StoredEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import { normalQuery } from '../model/query.ts'
import { decodeEvent } from '../schema/codec.ts'
import { checkStreamId } from '../streams/prepare.ts'
import { type CatchUpEffect, type CatchUpInput, catchUp, catchUpFrom } from './catch-up.ts'
import { keepPlace, normalCheckpoint } from './checkpoint.ts'
import type { HeadWatch } from './wake.ts'

/** What a subscription works with. */
export interface SubscriptionPort {
  readonly engine: Engine
  readonly clock: Clock
  readonly headWatch: HeadWatch
  readonly checkpoints: Checkpoints
  /** Aborts when the store closes. */
  readonly closing: AbortSignal
}

/** A subscription with every option present. */
interface Following {
  readonly port: SubscriptionPort
  readonly source: ReadQuery['source']
  readonly from: number | 'end' | undefined
  readonly signal: AbortSignal
  /** Position, or version when one stream is followed. */
  readonly placeOf: (event: Pick<StoredEvent, 'version' | 'position'>) => number
}

const retryMinMs = 50
const retryMaxMs = 5_000

/** Reads for ever. See `EventStore.subscribe`. */
export function subscribe(
  port: SubscriptionPort,
  options: SubscribeOptions & { readonly marks: true },
): AsyncIterable<SubscriptionItem>
export function subscribe(port: SubscriptionPort, options?: SubscribeOptions): AsyncIterable<RecordedEvent>
export function subscribe(
  port: SubscriptionPort,
  options: SubscribeOptions = {},
): AsyncIterable<RecordedEvent | SubscriptionItem> {
  const following = normalFollowing(port, options)
  const { marks = false } = options
  const pick: Shape = marks ? itemFor : eventFor
  if (options.checkpoint === undefined) return { [Symbol.asyncIterator]: () => follow(following, pick) }
  const checkpoint = normalCheckpoint(options.checkpoint)
  return { [Symbol.asyncIterator]: () => resume(following, checkpoint, marks) }
}

function normalFollowing(port: SubscriptionPort, options: SubscribeOptions): Following {
  const { from, filter, stream, signal } = options
  if (from !== undefined && from !== 'end' && !isPosition(from)) {
    throw new InvalidArgument('from', "is neither a whole number from 0 on nor 'end'")
  }
  if (stream !== undefined && filter !== undefined) {
    throw new InvalidArgument('filter', 'does not go together with stream: a subscription follows one or the other')
  }
  if (stream !== undefined) checkStreamId(stream, 'stream')
  const source = stream === undefined ? { query: normalQuery(filter ?? 'everything') } : { streamId: stream }
  return {
    port,
    source,
    from,
    signal: signal === undefined ? port.closing : AbortSignal.any([signal, port.closing]),
    placeOf: stream === undefined ? (event) => event.position : (event) => event.version,
  }
}

/** Begins after the saved place, if there is one, and keeps it up to date. */
async function* resume(
  following: Following,
  checkpoint: { readonly name: string; readonly everyEvents: number },
  marks: boolean,
): AsyncGenerator<RecordedEvent | SubscriptionItem> {
  const { placeOf } = following
  const { checkpoints } = following.port
  const saved = await checkpoints.load(checkpoint.name, { signal: following.signal })
  const from = saved === undefined ? following.from : saved.position + 1
  const items = follow({ ...following, from }, itemFor) as AsyncGenerator<SubscriptionItem>
  for await (const item of keepPlace(items, checkpoints, { ...checkpoint, version: saved?.version ?? 0, placeOf })) {
    if (marks) yield item
    else if (item.kind === 'event') yield item.event
  }
}

/** What a subscription yields for what the machine delivers; undefined for nothing. */
type Shape = (effect: Delivery) => RecordedEvent | SubscriptionItem | undefined

type Delivery = Extract<CatchUpEffect, { kind: 'deliver' | 'mark' }>

function itemFor(effect: Delivery): SubscriptionItem {
  return effect.kind === 'deliver'
    ? { kind: 'event', event: decodeEvent(effect.event) }
    : { kind: effect.mark, position: effect.position }
}

function eventFor(effect: Delivery): RecordedEvent | undefined {
  return effect.kind === 'deliver' ? decodeEvent(effect.event) : undefined
}

/**
 * Runs the machine and carries out its effects. One generator for all forms of a subscription: each generator that
 * events pass through costs more per event than reading it.
 */
async function* follow(following: Following, pick: Shape): AsyncGenerator<RecordedEvent | SubscriptionItem> {
  const { port, source, signal, placeOf } = following
  try {
    let state = catchUpFrom(await beginning(following))
    let input: CatchUpInput = { kind: 'start' }
    const pages = readAhead(port.engine.capabilities.readsOverNetwork, (from, limit) =>
      patientRead(port, { source, direction: 'forward', from, limit, maxBytes: limits.pageBytes }, signal),
    )
    for (;;) {
      const step = catchUp(state, input, placeOf)
      state = step.state
      const last = step.effects.at(-1)
      if (input.kind === 'page' && last?.kind === 'read') pages.ask(last.from, limits.pageEvents)
      for (const effect of step.effects) {
        if (signal.aborted) throw signal.reason
        if (effect.kind === 'read' || effect.kind === 'wait') {
          input = await nextInput(port, pages, effect, signal)
        } else {
          const item = pick(effect)
          if (item !== undefined) yield item
        }
      }
    }
  } catch (error) {
    // Closing the store ends its subscriptions as leaving the loop does; every other failure is the reader's to see.
    if (!port.closing.aborted || error !== port.closing.reason) throw error
  }
}

async function nextInput(
  port: SubscriptionPort,
  pages: ReadAhead,
  effect: Extract<CatchUpEffect, { kind: 'read' | 'wait' }>,
  signal: AbortSignal,
): Promise<CatchUpInput> {
  if (effect.kind === 'wait') {
    await port.headWatch.beyond(effect.beyondHead, signal)
    return { kind: 'moved' }
  }
  return { kind: 'page', page: await pages.page(effect.from, limits.pageEvents) }
}

async function beginning({ port, source, from, signal }: Following): Promise<number> {
  if (from !== 'end') return from ?? 1
  const page = await patientRead(port, { source, direction: 'backward', from: 0, limit: 0, maxBytes: 0 }, signal)
  return (page.stream?.version ?? page.head) + 1
}

/** A database that restarts is no reason to end a subscription; one that stays away is, loudly. */
async function patientRead(port: SubscriptionPort, query: ReadQuery, signal: AbortSignal): Promise<Page> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await port.engine.read(query, signal)
    } catch (error) {
      if (!isVarveError(error, 'ENGINE_UNAVAILABLE') || attempt === limits.readAttempts) throw error
      await port.clock.sleep(Math.min(retryMinMs * 2 ** attempt, retryMaxMs), signal)
      signal.throwIfAborted()
    }
  }
}
