/** What an engine can do, as data. The conformance suite asserts both what is there and what is refused. */
export interface Capabilities {
  /** The engine's name in messages, as in `sqlite`. */
  readonly engine: string
  /** Positions have no holes: 1, 2, 3… Without it they still only ever rise. */
  readonly gaplessPositions: boolean
  /** Appends may carry a condition over types and tags. */
  readonly appendConditions: boolean
  /** One append may write several streams, or check others than it writes. */
  readonly multiStreamAppends: boolean
  /** What was acknowledged is still there after close and reopen, and after a kill. */
  readonly durable: boolean
  /** Several engine instances, in one process or many, may have the same storage open. */
  readonly sharedStorage: boolean
  /** Events may be appended inside of a transaction that the caller has open in the same database. */
  readonly callerTransactions: boolean
  /**
   * How many log shards there are, each with a total order of its own. 1: the whole log has one order. With more, a stream
   * lies in the shard that `logShardOf` tells, and positions are comparable within a shard only.
   */
  readonly logShards: number
  /** How many batches group commit may have under way at once. */
  readonly batchesInFlight: number
  /** Pages come over a connection, so that the next one is worth asking for while one is taken. */
  readonly readsOverNetwork: boolean
}
