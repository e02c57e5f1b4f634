/** What user code may use, as the server was told. */
export interface ProjectionLimits {
  /** Milliseconds that one event may take. */
  readonly eventMs: number
  /** Memory of one projection, its states included. */
  readonly memoryMib: number
  /** Events that may be emitted for one event. */
  readonly emits: number
  /** Bytes of one state, and of one result. */
  readonly stateBytes: number
  /** Projections that run on this server at a time. */
  readonly running: number
}

/** Bounds that follow from what one append of the store holds. */
export const bounds = {
  /** Events that are handed to user code at once, and their bytes. */
  batchEvents: 500,
  batchBytes: 4_194_304,
  /** Characters that may be emitted for one event. */
  outputChars: 2_097_152,
  /** A checkpoint is due after so many events, so many milliseconds, or so many positions of which none was for it. */
  checkpointEvents: 4_000,
  checkpointMs: 5_000,
  checkpointPositions: 1_000_000,
  /** States that wait for a checkpoint: characters of them, after which it is due. */
  pendingChars: 16_777_216,
  /** Partitions whose states stay in an isolate, and their characters by the memory that it has. */
  cachedPartitions: 10_000,
  cachedShare: 0.125,
  /** Events, streams and bytes of one append that keeps states. */
  appendEvents: 900,
  appendBytes: 8_388_608,
} as const
