/**
 * How what is read becomes batches, as a pure machine: no clock, no I/O.
 *
 * gathering > (an event) > gathering
 *           > (a mark, or the batch is full) > save events and place in one transaction > gathering
 *
 * Invariants: every event is saved once, in order, with a checkpoint at or after it; the checkpoint only rises, and
 * passes over what was filtered out.
 */
import type { SubscriptionItem } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'

/** What was read and not yet saved. */
export interface Gathering {
  /** Everything up to here is saved. */
  readonly savedPosition: number
  readonly pending: readonly RecordedEvent[]
}

/** What to do next. */
export interface SaveEffect {
  readonly events: readonly RecordedEvent[]
  /** The checkpoint to save with them. */
  readonly position: number
}

/** One step of the machine; the next one may be taken once its effect is carried out. */
export function gather(
  { savedPosition, pending }: Gathering,
  item: SubscriptionItem,
): { readonly state: Gathering; readonly save?: SaveEffect } {
  const events = item.kind === 'event' ? [...pending, item.event] : pending
  const position = item.kind === 'event' ? item.event.position : item.position
  const isDue = item.kind === 'event' ? events.length >= limits.projectionEvents : position > savedPosition
  if (!isDue) return { state: { savedPosition, pending: events } }
  return { state: { savedPosition: position, pending: [] }, save: { events, position } }
}

/** A part of the log: the events that concern a projection, and how far it goes. */
export interface Stretch {
  readonly events: readonly RecordedEvent[]
  /** Everything up to here is in it, or does not concern the projection. */
  readonly upTo: number
  /** Nothing newer was there. */
  readonly isEnd: boolean
}

/** Gathering in batches of events that grow. */
export interface GrowingBatches extends Gathering {
  /** Events of the next batch; each later one has twice as many, up to `limits.projectionEvents`. */
  readonly batchEvents: number
}

/** Many steps of the machine at once; the saves are to be carried out in their order. */
export function gatherStretch(
  { savedPosition, pending, batchEvents: firstEvents }: GrowingBatches,
  { events, upTo, isEnd }: Stretch,
): { readonly state: GrowingBatches; readonly saves: readonly SaveEffect[] } {
  const all = pending.length === 0 ? events : [...pending, ...events]
  const saves: SaveEffect[] = []
  let batchEvents = firstEvents
  let taken = 0
  for (; all.length - taken >= batchEvents; batchEvents = Math.min(batchEvents * 2, limits.projectionEvents)) {
    const batch = all.slice(taken, taken + batchEvents)
    saves.push({ events: batch, position: batch.at(-1)?.position ?? upTo })
    taken += batchEvents
  }
  const rest = all.slice(taken)
  // Where nothing newer is there, readers shall see what is; where nothing is pending, the place moves on.
  const isDue = (isEnd || rest.length === 0) && upTo > (saves.at(-1)?.position ?? savedPosition)
  if (isDue) saves.push({ events: rest, position: upTo })
  const saved = saves.at(-1)?.position ?? savedPosition
  return { state: { savedPosition: saved, pending: isDue ? [] : rest, batchEvents }, saves }
}

/** A batch in two, to be saved one after the other. */
export function halves({ events, position }: SaveEffect): readonly [SaveEffect, SaveEffect] {
  const first = events.slice(0, Math.ceil(events.length / 2))
  return [
    { events: first, position: first.at(-1)?.position ?? position },
    { events: events.slice(first.length), position },
  ]
}
