import type { Clock } from '../engine/clock.ts'
import type { Engine, Page, ReadQuery } from '../engine/engine.ts'
import { patiently } from '../engine/patience.ts'
import { type ReadAhead, readAhead } from '../engine/read-ahead.ts'
import type { Checkpoints } from '../event-store.ts'
import type { SubscriptionItem } from '../model/call.ts'
import type { RecordedEvent, StoredEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { type LogPositions, logShardOf } from '../model/log-shard.ts'
import { heads } from '../streams/head.ts'
import type { CatchUpEffect, CatchUpInput } from './catch-up.ts'
import type { Followed } from './followed.ts'
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

/** A subscription on its way. */
export interface Following extends Followed {
  readonly port: SubscriptionPort
  readonly signal: AbortSignal
}

/** After which places a subscription begins. The end is looked up, and is what it is now. */
export async function beginning({
  port,
  source,
  isOneStream,
  begins,
  places,
  signal,
}: Following): Promise<LogPositions> {
  if (begins !== 'end') return begins
  if (places > 1) return patiently({ clock: port.clock, signal }, () => heads(port.engine, { signal }))
  const end = { source, direction: 'backward', from: 0, limit: 0, maxBytes: 0 } as const
  const { stream, head } = await patientRead(port, end, signal)
  return [isOneStream ? (stream?.version ?? 0) : head]
}

/** The pages of what is followed, or of one of its shards. */
export function pagesOf({ port, source, signal }: Omit<Following, 'begins'>, shard?: number): ReadAhead {
  return readAhead(port, (from, limit) => {
    const page = { source, direction: 'forward', from, limit, maxBytes: limits.pageBytes } as const
    return patientRead(port, shard === undefined ? page : { ...page, shard }, signal)
  })
}

/** Carries out what the machine asks for. */
export async function nextInput(
  { port, source, signal }: Omit<Following, 'begins'>,
  pages: ReadAhead,
  effect: Extract<CatchUpEffect, { kind: 'read' | 'wait' }>,
  shard?: number,
): Promise<CatchUpInput> {
  if (effect.kind === 'read') return { kind: 'page', page: await pages.page(effect.from, limits.pageEvents) }
  const { logShards } = port.engine.capabilities
  const watched = shard ?? ('streamId' in source ? logShardOf(source.streamId, logShards) : 0)
  await port.headWatch.beyond(effect.beyondHead, signal, watched)
  return { kind: 'moved' }
}

/** What is handed on: an event, or a mark with the places of every shard when there are several. */
export type Delivery =
  | { readonly kind: 'deliver'; readonly event: StoredEvent }
  | {
      readonly kind: 'mark'
      readonly mark: 'checkpoint' | 'caught_up'
      readonly position: number
      readonly positions?: LogPositions
    }

/** What a subscription yields for what is delivered; undefined for nothing. */
export type Shape = (delivery: Delivery) => RecordedEvent | SubscriptionItem | undefined

/** Whether an error is that the store was closed, which ends its subscriptions as leaving the loop does. */
export function isClosing({ closing }: Pick<SubscriptionPort, 'closing'>, error: unknown): boolean {
  return closing.aborted && error === closing.reason
}

/** A database that restarts is no reason to end a subscription; one that stays away is, loudly. */
function patientRead({ engine, clock }: SubscriptionPort, query: ReadQuery, signal: AbortSignal): Promise<Page> {
  return patiently({ clock, signal }, () => engine.read(query, signal))
}
