/**
 * A subscription to a log with several shards: one machine of catch-up for each shard, their pages delivered in the order
 * in which they arrive.
 *
 * Invariants: each shard is read, delivered and marked as a log of its own, so a stream's events come in their order; no
 * shard waits for another, since a page that is there goes out before one that is not, and one shard never gets two turns
 * while another's page waits; a mark holds for every shard: everything up to its positions was delivered or did not
 * match. `caught_up` is given when the last shard that was not at its end reaches it.
 */
import type { SubscriptionItem } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { type LogPositions, positionUpTo } from '../model/log-shard.ts'
import { type Arrivals, createArrivals } from './arrivals.ts'
import { type CatchUpEffect, type CatchUpInput, type CatchUpState, catchUp, catchUpFrom } from './catch-up.ts'
import { beginning, type Delivery, type Following, isClosing, nextInput, pagesOf, type Shape } from './following.ts'

/** What a shard's machine gets next. */
interface Arrival {
  readonly shard: number
  readonly input: CatchUpInput
}

/** Follows every shard. Yields what `pick` makes of events and marks, and first of a mark with the places it begins after. */
export async function* followShards(
  following: Following,
  pick: Shape,
): AsyncGenerator<RecordedEvent | SubscriptionItem> {
  const left = new AbortController()
  const signal = AbortSignal.any([following.signal, left.signal])
  try {
    let positions = await beginning(following)
    const states = positions.map((position) => catchUpFrom(position + 1))
    const begun = pick(markOf('checkpoint', positions))
    if (begun !== undefined) yield begun
    const arrivals = createArrivals<Arrival>()
    const readers = positions.map((_, shard) => shardReader({ ...following, signal }, shard, arrivals))
    for (const shard of readers.keys()) arrivals.add({ shard, input: { kind: 'start' } })
    for (;;) {
      const { shard, input } = await arrivals.next()
      const step = catchUp(states[shard] as CatchUpState, input, ({ position }) => position)
      states[shard] = step.state
      const last = step.effects.at(-1)
      if (input.kind === 'page' && last?.kind === 'read') await readers[shard]?.ask(last.from)
      for (const effect of step.effects) {
        if (signal.aborted) throw signal.reason
        if (effect.kind === 'read' || effect.kind === 'wait') {
          readers[shard]?.carryOut(effect)
          continue
        }
        if (effect.kind === 'mark') positions = advanced(positions, shard, effect.position)
        const item = pick(effect.kind === 'deliver' ? effect : markOf(markFor(states), positions))
        if (item !== undefined) yield item
      }
    }
  } catch (error) {
    // Closing the store ends its subscriptions as leaving the loop does; every other failure is the reader's to see.
    if (!isClosing(following.port, error)) throw error
  } finally {
    left.abort(new Error('The subscription was left.'))
  }
}

interface ShardReader {
  ask(from: number): Promise<void>
  carryOut(effect: Extract<CatchUpEffect, { kind: 'read' | 'wait' }>): void
}

/** Reads and waits for one shard; what comes of it arrives with what comes of the others. */
function shardReader(following: Following, shard: number, arrivals: Arrivals<Arrival>): ShardReader {
  const pages = pagesOf(following, shard)
  return {
    ask: (from) => pages.ask(from, limits.pageEvents),
    carryOut: (effect) => {
      nextInput(following, pages, effect, shard).then((input) => arrivals.add({ shard, input }), arrivals.fail)
    },
  }
}

/** Marks only rise, and name a position of the shard where an engine's `next` lies between two. */
function advanced(positions: LogPositions, shard: number, bound: number): LogPositions {
  const reached = Math.max(positions[shard] ?? 0, positionUpTo(bound, shard, positions.length))
  return positions.map((position, index) => (index === shard ? reached : position))
}

function markFor(states: readonly CatchUpState[]): 'checkpoint' | 'caught_up' {
  return states.every(({ phase }) => phase === 'waiting') ? 'caught_up' : 'checkpoint'
}

function markOf(mark: 'checkpoint' | 'caught_up', positions: LogPositions): Delivery {
  return { kind: 'mark', mark, position: Math.max(...positions), positions }
}
