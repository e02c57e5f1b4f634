import type { Capabilities } from '../engine/capabilities.ts'
import type { Engine } from '../engine/engine.ts'
import type { CallOptions } from '../model/call.ts'
import { type LogPositions, requireOneOrder } from '../model/log-shard.ts'

/** What tells where a log ends. */
export interface HeadPort extends Pick<Engine, 'head' | 'heads'> {
  readonly capabilities: Pick<Capabilities, 'engine' | 'logShards'>
}

/** The position of the last event. See `EventStore.head`. */
export async function head(engine: HeadPort, { signal }: CallOptions = {}): Promise<number> {
  // A closed store and an aborted signal are told of first, as by every other call.
  const position = await engine.head(signal)
  requireOneOrder(engine.capabilities, 'Ask for heads(), the last position of each.')
  return position
}

/** The last position of each log shard. See `EventStore.heads`. */
export async function heads(
  engine: Pick<Engine, 'head' | 'heads'>,
  { signal }: CallOptions = {},
): Promise<LogPositions> {
  return engine.heads === undefined ? [await engine.head(signal)] : engine.heads(signal)
}
