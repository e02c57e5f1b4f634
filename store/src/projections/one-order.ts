import type { EventStore } from '../event-store.ts'
import { requireOneOrder } from '../model/log-shard.ts'

/**
 * Refuses to run a projection over a log with several shards: its checkpoint is one position, and events of other shards
 * below it would be passed over.
 *
 * @throws NOT_SUPPORTED
 */
export function refuseSeveralShards({ capabilities }: Pick<EventStore, 'capabilities'>): void {
  requireOneOrder(
    capabilities,
    'The checkpoint of a projection is one position: run it on an engine with one log shard, or fold events of subscribe() ' +
      'yourself and keep the positions of its marks.',
  )
}
