import { patiently } from '../engine/patience.ts'
import type { SubscribeOptions, SubscriptionItem } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { decodeEvent } from '../schema/codec.ts'
import { type CatchUpInput, catchUp, catchUpFrom } from './catch-up.ts'
import { keepPlace, normalCheckpoint } from './checkpoint.ts'
import { followShards } from './follow-shards.ts'
import { followedBy, placesIn } from './followed.ts'
import {
  beginning,
  type Delivery,
  type Following,
  isClosing,
  nextInput,
  pagesOf,
  type Shape,
  type SubscriptionPort,
} from './following.ts'

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
  const { marks = false, signal } = options
  const following: Following = {
    ...followedBy(options, port.engine.capabilities),
    port,
    signal: signal === undefined ? port.closing : AbortSignal.any([signal, port.closing]),
  }
  if (options.checkpoint !== undefined) {
    const checkpoint = normalCheckpoint(options.checkpoint)
    return { [Symbol.asyncIterator]: () => resume(following, checkpoint, marks) }
  }
  const pick = marks ? itemShape(following) : eventFor
  return { [Symbol.asyncIterator]: () => follow(following, pick) }
}

/** Begins after the saved places, if there are any, and keeps them up to date. */
async function* resume(
  following: Following,
  checkpoint: { readonly name: string; readonly everyEvents: number },
  marks: boolean,
): AsyncGenerator<RecordedEvent | SubscriptionItem> {
  const { signal, port } = following
  const { checkpoints, clock } = port
  const patience = { clock, signal }
  const saved = await patiently(patience, () => checkpoints.load(checkpoint.name, { signal }))
  const begins = saved === undefined ? following.begins : placesIn(checkpoint.name, saved, following)
  const items = follow({ ...following, begins }, itemShape(following)) as AsyncGenerator<SubscriptionItem>
  const kept = { ...checkpoint, version: saved?.version ?? 0, followed: following, patience }
  for await (const item of keepPlace(items, checkpoints, kept)) {
    if (marks) yield item
    else if (item.kind === 'event') yield item.event
  }
}

function itemShape({ isOneStream }: Following): Shape {
  return (delivery) => {
    if (delivery.kind === 'deliver') return { kind: 'event', event: decodeEvent(delivery.event) }
    const { mark, position, positions = [position] } = delivery
    return isOneStream ? { kind: mark, position } : { kind: mark, position, positions }
  }
}

function eventFor(delivery: Delivery): RecordedEvent | undefined {
  return delivery.kind === 'deliver' ? decodeEvent(delivery.event) : undefined
}

function follow(following: Following, pick: Shape): AsyncGenerator<RecordedEvent | SubscriptionItem> {
  return following.places > 1 ? followShards(following, pick) : followLog(following, pick)
}

/**
 * Runs the machine and carries out its effects. One generator for all forms of a subscription: each generator that
 * events pass through costs more per event than reading it.
 */
async function* followLog(following: Following, pick: Shape): AsyncGenerator<RecordedEvent | SubscriptionItem> {
  const { port, signal, isOneStream } = following
  const placeOf: PlaceOf = isOneStream ? (event) => event.version : (event) => event.position
  try {
    const [begin] = (await beginning(following)) as readonly [number]
    let state = catchUpFrom(begin + 1)
    let input: CatchUpInput = { kind: 'start' }
    const pages = pagesOf(following)
    for (;;) {
      const step = catchUp(state, input, placeOf)
      state = step.state
      const last = step.effects.at(-1)
      if (input.kind === 'page' && last?.kind === 'read') await pages.ask(last.from, limits.pageEvents)
      for (const effect of step.effects) {
        if (signal.aborted) throw signal.reason
        if (effect.kind === 'read' || effect.kind === 'wait') {
          input = await nextInput(following, pages, effect)
        } else {
          const item = pick(effect)
          if (item !== undefined) yield item
        }
      }
    }
  } catch (error) {
    // Closing the store ends its subscriptions as leaving the loop does; every other failure is the reader's to see.
    if (!isClosing(port, error)) throw error
  }
}

type PlaceOf = (event: { readonly version: number; readonly position: number }) => number
