import type { RecordedEvent } from '../model/event.ts'

/** How to merge. */
export interface MergeOptions {
  readonly direction: 'forward' | 'backward'
  readonly limit: number
}

/**
 * Events of several log shards as one sequence, ordered by position, and so each shard in its own order. Positions of
 * different shards do not tell what came first; the order is this one so that a read of the same events is the same
 * each time. It waits for every shard before the first event: this is for reads, which end. Subscriptions wait for none.
 */
export async function* mergedByPosition(
  shards: readonly AsyncGenerator<RecordedEvent>[],
  { direction, limit }: MergeOptions,
): AsyncGenerator<RecordedEvent> {
  const isEarlier = (position: number, than: number): boolean =>
    direction === 'forward' ? position < than : position > than
  try {
    const firsts = await Promise.all(shards.map((shard) => shard.next()))
    for (let left = limit; left > 0; left--) {
      let chosen = -1
      let earliest = Number.NaN
      for (const [index, { done, value }] of firsts.entries()) {
        if (done || (chosen >= 0 && !isEarlier(value.position, earliest))) continue
        chosen = index
        earliest = value.position
      }
      const event = firsts[chosen]?.value
      if (event === undefined) return
      yield event
      firsts[chosen] = await (shards[chosen] as AsyncGenerator<RecordedEvent>).next()
    }
  } finally {
    await Promise.all(shards.map((shard) => shard.return(undefined)))
  }
}
