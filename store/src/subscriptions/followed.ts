import type { Capabilities } from '../engine/capabilities.ts'
import type { ReadQuery } from '../engine/engine.ts'
import type { Checkpoint } from '../event-store.ts'
import type { SubscribeOptions } from '../model/call.ts'
import { subscribeFields } from '../model/call-fields.ts'
import { InvalidArgument } from '../model/errors.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import { checkLogPositions, type LogPositions, requireOneOrder } from '../model/log-shard.ts'
import { isPosition } from '../model/position.ts'
import { normalQuery } from '../model/query.ts'
import { checkStreamId } from '../streams/prepare.ts'

/** What a subscription follows and where it begins, every option checked and present. */
export interface Followed {
  readonly source: ReadQuery['source']
  /** Then a place is a version, and there is one; otherwise there is a position for each log shard. */
  readonly isOneStream: boolean
  /** After which places it begins. */
  readonly begins: LogPositions | 'end'
  /** How many there are. */
  readonly places: number
}

/**
 * Checks the options that say what is followed and from where.
 *
 * @throws INVALID_ARGUMENT, NOT_SUPPORTED
 */
export function followedBy(
  options: SubscribeOptions,
  capabilities: Pick<Capabilities, 'engine' | 'logShards'>,
): Followed {
  refuseUnknownOptions(options, subscribeFields, 'subscribe')
  const { from, after, filter, stream } = options
  if (from !== undefined && from !== 'end' && !isPosition(from)) {
    throw new InvalidArgument('from', "is neither a whole number from 0 on nor 'end'")
  }
  if (stream !== undefined && filter !== undefined) {
    throw new InvalidArgument('filter', 'does not go together with stream: a subscription follows one or the other')
  }
  if (stream !== undefined) checkStreamId(stream, 'stream')
  if (after !== undefined) {
    if (from !== undefined) throw new InvalidArgument('after', 'does not go together with from')
    if (stream !== undefined) throw new InvalidArgument('after', 'is not for one stream: give from, a version')
    checkLogPositions(after, capabilities.logShards, 'after')
  }
  const isOneStream = stream !== undefined
  const places = isOneStream ? 1 : capabilities.logShards
  if (places > 1 && typeof from === 'number' && from > 1) {
    requireOneOrder(
      capabilities,
      "A subscription begins at the beginning, at 'end', or after the positions of a mark: give after.",
    )
  }
  return {
    source: isOneStream ? { streamId: stream } : { query: normalQuery(filter ?? 'everything') },
    isOneStream,
    begins: from === 'end' ? from : (after ?? Array.from({ length: places }, () => Math.max((from ?? 1) - 1, 0))),
    places,
  }
}

/** The places that a checkpoint stands for. */
export function placesIn(name: string, { position, positions }: Checkpoint, { places }: Followed): LogPositions {
  if (positions === undefined && places === 1) return [position]
  if (positions?.length === places) return positions
  const held = positions === undefined ? 'one position' : `positions of ${positions.length} log shards`
  throw new InvalidArgument(
    'checkpoint',
    `${JSON.stringify(name)} holds ${held}, and this subscription has ${places} to keep: give it a name of its own`,
  )
}
