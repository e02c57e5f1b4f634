import type { StoredEvent } from '../../model/event.ts'
import { positionOfPlace } from '../../model/log-shard.ts'
import type { IdsIndex } from './ids-index.ts'
import type { Found } from './judge.ts'
import { eventAt, type Log, type Place } from './log.ts'
import { inParallel } from './parallel.ts'
import type { States } from './states.ts'
import type { StreamsIndex } from './streams-index.ts'
import type { Table } from './table.ts'
import type { Tail } from './tail.ts'

/**
 * What one shard of the log is made of. A store has one, unless it was made with more. In here a position is a place in the
 * shard, from 1 on without a hole; what leaves it is told as a position of the store.
 */
export interface ShardParts {
  readonly table: Table
  readonly shard: number
  readonly logShards: number
  readonly log: Log
  readonly tail: Tail
  readonly ids: IdsIndex
  readonly streams: StreamsIndex
  readonly states: States
}

/** Where an event of a shard lies, for those outside of it. */
export function foundIn({ shard, logShards }: Pick<ShardParts, 'shard' | 'logShards'>, event: StoredEvent): Found {
  const { id, streamId, version, position } = event
  return { id, streamId, version, position: positionOfPlace({ shard, place: position }, logShards) }
}

/** The events at some places, in no order. */
export async function eventsAt(shard: ShardParts, places: readonly Place[]): Promise<readonly StoredEvent[]> {
  const byCommit = [...Map.groupBy(places, ({ commit }) => commit)]
  const events = await inParallel(byCommit, async ([begin, wanted]) => {
    const [commit] = await shard.log.commitsAt([begin])
    return commit === undefined ? [] : wanted.map(({ index }) => eventAt(commit, index))
  })
  return events.flat()
}
