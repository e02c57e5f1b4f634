import type { StoredEvent } from '../../model/event.ts'
import type { LogPositions } from '../../model/log-shard.ts'
import { emptyStream, type StreamState } from '../../model/stream.ts'

/** The whole store: events by position, and what can be told from them, kept at hand. */
export interface Log {
  /** The events of each log shard; the one at place p lies at p - 1. */
  readonly shards: readonly StoredEvent[][]
  /** The events of each stream; version v lies at v - 1. */
  readonly byStream: Map<string, StoredEvent[]>
  readonly byId: Map<string, StoredEvent>
  /** Streams whose state a fact has changed; the version in here is not used. */
  readonly changed: Map<string, StreamState>
}

/** A log without events. */
export function emptyLog(logShards: number): Log {
  const shards = Array.from({ length: logShards }, () => [])
  return { shards, byStream: new Map(), byId: new Map(), changed: new Map() }
}

/** The last position of each log shard, 0 of one without events. */
export function headsOf({ shards }: Log): LogPositions {
  return shards.map((events) => events.at(-1)?.position ?? 0)
}

/** The state of a stream as of now. */
export function stateOf(log: Log, streamId: string): StreamState {
  const version = log.byStream.get(streamId)?.length ?? 0
  return { ...(log.changed.get(streamId) ?? emptyStream), version }
}
