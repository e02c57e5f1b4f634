/**
 * Every bound of Varve in one place, with its unit last in the name.
 * A refusal that comes from one of these says its name, the limit and what was given.
 */
export const limits = {
  /** Payload and metadata of one event together, in bytes. What is larger goes to a blob store, and its claim into the event. */
  eventBytes: 1_048_576,
  /** Events in one append; an append is one transaction, so this bounds how long others wait for it. */
  appendEvents: 10_000,
  /** Payload and metadata of all events of one append, in bytes. */
  appendBytes: 16_777_216,
  /** Different streams that one append may write or check. */
  appendStreams: 1_000,
  /** Events that one group commit gathers; measured on SQLite: 256 to 512 is as fast as any larger batch. */
  batchEvents: 512,
  /** Payload and metadata that one group commit gathers, in bytes; a single larger append goes alone. */
  batchBytes: 2_097_152,
  /** Events that may wait for a commit before further appends are refused with QUEUE_FULL. */
  queueEvents: 100_000,
  /** Payload and metadata that may wait for a commit, in bytes, before further appends are refused with QUEUE_FULL. */
  queueBytes: 134_217_728,
  /** Characters of a stream id. */
  streamIdChars: 1_000,
  /** Characters of an event type. */
  eventTypeChars: 255,
  /** Characters of one tag. */
  tagChars: 255,
  /** Tags on one event. */
  eventTags: 64,
  /** Characters of a content type. */
  contentTypeChars: 255,
  /** Characters of an idempotency key. */
  idempotencyKeyChars: 255,
  /** Items of one query. */
  queryItems: 100,
  /** Types, tags or categories that one query item may list. */
  queryItemTerms: 100,
  /** Events of one page read from an engine, at the most. */
  pageEvents: 1_000,
  /** Payload and metadata of one page, in bytes; a page holds at least one event however large. */
  pageBytes: 4_194_304,
  /** Shards of a log: whoever follows the log reads each of them, and holds a page of each. */
  logShards: 64,
  /** Streams of one page of a listing. */
  pageStreams: 1_000,
  /** Characters of a shelf key, which every engine takes, the store's own prefix of a few characters included. */
  shelfKeyChars: 512,
  /** Entries of one page read from the shelf, at the most: each may be as large as an event. */
  shelfPageEntries: 32,
  /** Bytes of a shelf value, which every engine takes: as large as an event. */
  shelfValueBytes: 1_048_576,
  /** Characters of a checkpoint's name. */
  checkpointNameChars: 200,
  /** Characters of the name of a snapshot policy. */
  snapshotNameChars: 100,
  /** Attempts of a subscription to read while its engine is unavailable, before it gives up; about two minutes. */
  readAttempts: 30,
  /** Steps from one stored event to what it is read as, before its upcasters are taken to lead round in a circle. */
  upcastSteps: 1_000,
  /** Events that a projection saves in one transaction; measured: larger batches gain nothing on SQLite. */
  projectionEvents: 500,
  /** Partitions of one projection. */
  projectionPartitions: 256,
  /** Events that one projection, or one partition of it, sets aside before it stops all the same. */
  parkedEvents: 1_000,
  /**
   * Keys, fields, members or documents that one batch changes in Redis or Elasticsearch, where they are gathered before they
   * are sent. Redis lets everybody wait while it carries out as many as these.
   */
  targetBatchChanges: 100_000,
  /** Characters of the id of a document. */
  documentIdChars: 500,
  /** Documents that one query gives, at the most. */
  queriedDocuments: 10_000,
  /** Events of one correlation id that a trace shows, unless told otherwise; each with its payload is in memory. */
  traceEvents: 10_000,
  /** Payload and metadata of the events that a trace shows, in bytes; it ends after the event that passes them. */
  traceBytes: 67_108_864,
  /** Characters of a reaction's name. */
  reactionNameChars: 100,
  /** Characters of the id of a process, which is part of a shelf key. */
  processIdChars: 380,
  /** Characters of a deadline's name. */
  deadlineNameChars: 64,
  /** Events that a reaction handles between two saves of its place; as many may be looked at again after a crash. */
  reactionEvents: 100,
  /** Deadlines that fire before a reaction looks for new events again. */
  dueDeadlines: 32,
  /** Attempts to send one command of a reaction, the first one included; about half a minute. */
  sendAttempts: 8,
  /** How long an ended process is remembered, in milliseconds: a second runner that lags behind takes it for no new one. */
  endedProcessMs: 86_400_000,
  /** Characters of a subject's id. */
  subjectChars: 1_000,
  /** Subjects whose keys a process remembers; beyond that the one that came first is looked up again. */
  cachedSubjects: 10_000,
  /**
   * Milliseconds for which a process goes on using a key it has looked up. As long after its key was destroyed, nobody can
   * read a subject's personal data any more; `forget` waits that long.
   */
  keyCacheMs: 2_000,
  /** Events that projections of one process read ahead of the slowest of them, which after that reads for itself. */
  sharedEvents: 2_000,
  /** Payload and metadata of these, in bytes. */
  sharedBytes: 16_777_216,
  /** Attempts of a command whose stream keeps moving, the first one included. */
  conflictAttempts: 8,
  /** Streams whose states a process remembers for its commands, unless told otherwise; each state is in memory. */
  recentStreams: 10_000,
  /** Commands on one stream that are decided together, at the most; it also bounds how long they keep the process busy. */
  commandsTogether: 256,
  /** Characters of a consumer group's name, which is part of a shelf key. */
  groupNameChars: 400,
  /** Characters of a consumer's name. */
  consumerNameChars: 64,
  /** Bytes of the settings of a consumer group: they are stored again with each of its writes. */
  groupSettingsBytes: 65_536,
  /** Unfinished events of a consumer group: they and all else that a group is have to fit into one entry of the shelf. */
  groupInFlight: 10_000,
  /** Programs that take part in one consumer group at a time. */
  groupMembers: 64,
  /** Consumers of one consumer group. */
  groupConsumers: 256,
  /** Events that one consumer of a group has at a time. */
  consumerEvents: 1_000,
  /** Retries of an event before it is parked. */
  groupRetries: 1_000,
  /** The longest pause before a retry, in milliseconds. */
  groupRetryMs: 3_600_000,
  /** Events of a consumer group that are on their way to or from the parked ones at a time. */
  groupChores: 32,
  /** Characters of the reason why an event was parked; what is longer is cut. */
  parkReasonChars: 1_000,
  /** Stretches of parked events that may be asked for before the first of them is delivered. */
  groupReplays: 1_000,
  /** Events after the last one taken in that are counted for the lag of a consumer group with a filter. */
  lagEvents: 10_000,
  /** Bytes of one blob: what S3 takes in one put. */
  blobBytes: 5_368_709_120,
  /** Bytes of a blob that is redeemed into memory at once; larger ones are streamed. */
  redeemBytes: 268_435_456,
} as const

/** The name of one bound in {@link limits}. */
export type LimitName = keyof typeof limits
