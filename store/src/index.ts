export type { BlobEntry, BlobStore, StoredBlob } from './claims/blob-store.ts'
export { type CheckOptions, type ClaimCheck, claimCheck } from './claims/claim-check.ts'
export { type Collected, type CollectOptions, collectOrphans } from './claims/collect-orphans.ts'
export type { Content } from './claims/content.ts'
export { type FileBlobsOptions, fileBlobs } from './claims/file-blobs.ts'
export { type MemoryBlobsOptions, memoryBlobs } from './claims/memory-blobs.ts'
export { type BlobFinding, verifyBlobs } from './claims/verify-blobs.ts'
export {
  Aggregate,
  type AggregateClass,
  type AggregateRules,
  aggregate,
  type GivenAggregate,
} from './deciders/aggregate.ts'
export { type Decider, type Decision, defineDecider, type GivenDecider } from './deciders/decider.ts'
export { execute } from './deciders/execute.ts'
export type { Executed, ExecuteOptions } from './deciders/execute-options.ts'
export { type DecisionStore, type DecisionTask, executeOver } from './deciders/execute-over.ts'
export { type FoldableStore, type FoldedStream, type FoldOptions, foldStream } from './deciders/fold-stream.ts'
export { type ExpectedError, type Given, given, type Outcome } from './deciders/given-when-then.ts'
export { type RecentStates, type RecentStatesOptions, recentStates } from './deciders/recent-states.ts'
export { type ConcreteAggregate, type Repository, repository, type SaveOptions } from './deciders/repository.ts'
export type { FoldTask } from './deciders/snapshot.ts'
export { type FileSnapshotsOptions, fileSnapshots } from './deciders/snapshot-files.ts'
export { shelfSnapshots } from './deciders/snapshot-shelf.ts'
export { takeSnapshot } from './deciders/take-snapshot.ts'
export type { CommandStore, Task } from './deciders/task.ts'
export {
  type AnyView,
  type DecisionModel,
  defineView,
  type GivenView,
  type StateOfModel,
  type View,
} from './deciders/view.ts'
export type { Capabilities } from './engine/capabilities.ts'
export type { Clock } from './engine/clock.ts'
export type {
  AppendOutcome,
  AppendRequest,
  Engine,
  Landed,
  LandedStream,
  Page,
  PendingOutcome,
  ReadQuery,
  Shelf,
  ShelfEntry,
  ShelfQuery,
  ShelfWrite,
  StreamCheck,
  StreamsPage,
  StreamsQuery,
} from './engine/engine.ts'
export { systemClock } from './engine/system-clock.ts'
export { type MemoryOptions, memory } from './engines/memory/index.ts'
export { type FileKeysOptions, fileKeys } from './erasure/file-keys.ts'
export {
  erasureEvents,
  type ForgetfulStore,
  type ForgetOptions,
  type Forgetting,
  type Forgotten,
  forget,
} from './erasure/forget.ts'
export { memoryKeys } from './erasure/memory-keys.ts'
export { rotateKey } from './erasure/rotate-key.ts'
export { subjectRef } from './erasure/subject.ts'
export { type PersonalDataOptions, withPersonalData } from './erasure/with-personal-data.ts'
export { type KeyWrapping, masterKey, rewrapKeys, type WrappedKey, wrappedKeys } from './erasure/wrapped-keys.ts'
export type {
  Changed,
  ChangeOptions,
  Checkpoint,
  Checkpoints,
  EventStore,
  SaveCheckpointOptions,
  StreamMetadata,
  StreamMetadataValues,
  StreamsOptions,
} from './event-store.ts'
export {
  type CreateGroupOptions,
  createGroup,
  deleteGroup,
  startGroup,
  stopGroup,
  type UpdateGroupOptions,
  updateGroup,
} from './groups/admin.ts'
export { type ConsumeOptions, consume, type TypedConsumeOptions } from './groups/consume.ts'
export type { AckOptions, Delivery, NackOptions } from './groups/delivery.ts'
export type { GroupStore } from './groups/group-events.ts'
export {
  type GroupInfo,
  type GroupSummary,
  groupInfo,
  type ListGroupsOptions,
  listGroups,
  type OldestEvent,
} from './groups/group-info.ts'
export type { GivenGroupSettings } from './groups/group-settings.ts'
export type { ConsumerNumbers } from './groups/group-state.ts'
export { type GroupConsumer, type JoinGroupOptions, joinGroup, type TypedJoinOptions } from './groups/join-group.ts'
export type { ParkedEvent } from './groups/park.ts'
export {
  discardParked,
  type FirstParked,
  type ParkedChoice,
  type ParkedEventsOptions,
  parkedEvents,
  replayParked,
} from './groups/replay-parked.ts'
export type { TodayOptions, TypedDelivery } from './groups/today.ts'
export { BlobCorrupt, BlobMissing, BlobsFailed, BlobsUnavailable, NoBlobNamed } from './model/blob-errors.ts'
export type {
  AppendAllOptions,
  Appended,
  AppendedAll,
  AppendOptions,
  CallOptions,
  CheckpointOptions,
  EventReader,
  MarkedPlace,
  PendingAppend,
  PendingAppendAll,
  ReadAllOptions,
  Reader,
  ReadStreamOptions,
  StreamWrite,
  SubscribeOptions,
  SubscriptionItem,
  TransactionAppends,
} from './model/call.ts'
export type {
  Category,
  CategoryFilter,
  CategoryOptions,
  ReadCategoryOptions,
  SubscribeCategoryOptions,
  SubscribeStreamOptions,
  TypedStream,
} from './model/category.ts'
export { type Claim, isClaim } from './model/claim.ts'
export type { GroupSettings, GroupStrategy, NackAction, PinnedBy } from './model/consumer-group.ts'
export { KeyMissing, KeyStoreFailed, PersonalDataUnreadable, SubjectForgotten } from './model/erasure-errors.ts'
export {
  ConditionFailed,
  DriverMissing,
  DuplicateEventId,
  EngineFailed,
  EngineUnavailable,
  type ErrorOfCode,
  Forbidden,
  InvalidArgument,
  isVarveError,
  LimitExceeded,
  NotSupported,
  PayloadTooLarge,
  QueueFull,
  RemoteFailed,
  StoreClosed,
  StoreCorrupt,
  StoreTooNew,
  StreamTombstoned,
  VersionConflict,
} from './model/errors.ts'
export type {
  EventMetadata,
  EventToStore,
  NewEvent,
  NewEventMetadata,
  RecordedEvent,
  StoredEvent,
} from './model/event.ts'
export type {
  DefinedEvents,
  EventDefinition,
  EventDefinitions,
  EventOf,
  EventOfType,
  GivenDefinition,
  InputOf,
  LiveType,
  NewEventOf,
  NewEventOfType,
  RecordedEventOf,
  Retirement,
  StoredOf,
  SuccessorEvent,
  Upcaster,
  Upcasters,
} from './model/event-definition.ts'
export {
  EventNotDefined,
  EventsArchived,
  PayloadInvalid,
  PayloadUnreadable,
  ProjectionFailed,
  ReactionFailed,
  UpcastFailed,
} from './model/event-errors.ts'
export {
  DeliveryLost,
  GroupChanged,
  GroupExists,
  GroupFull,
  GroupNotFound,
  GroupStopped,
  ParkedCountDiffers,
} from './model/group-errors.ts'
export type { JsonForm, StoredForm } from './model/json-form.ts'
export type { KeyStore, SubjectKeys } from './model/key-store.ts'
export { type LimitName, limits } from './model/limits.ts'
export {
  type LogPlace,
  type LogPositions,
  logShardOf,
  placeFrom,
  placeOfPosition,
  positionOfPlace,
  positionsAfter,
  requireOneOrder,
  type ShardStart,
} from './model/log-shard.ts'
export { ownPayload, type Payload, payloadBytes, toBytes, toText } from './model/payload.ts'
export type { AnyPersonalFields, PersonalData, PersonalFields } from './model/personal-data.ts'
export {
  NoSuchProjection,
  ProjectionBusy,
  ProjectionStopped,
  WaitTimedOut,
} from './model/projection-errors.ts'
export type {
  FailedEvent,
  GenerationRole,
  GenerationStatus,
  ParkedInProjection,
  PartitionStatus,
  ProjectionCounts,
  ProjectionState,
  ProjectionStatus,
  StoredFailure,
} from './model/projection-status.ts'
export {
  type AppendCondition,
  matchesQuery,
  type NormalCondition,
  type NormalQuery,
  type NormalQueryItem,
  type Query,
  type QueryItem,
} from './model/query.ts'
export { MessageRefused } from './model/relay-errors.ts'
export type { ShelfItem, ShelfListOptions, ShelfWriteOptions, StoreShelf } from './model/shelf.ts'
export { CheckpointConflict, ShelfConflict } from './model/shelf-errors.ts'
export type { Snapshot, SnapshotOutcome, SnapshotOwner, SnapshotPlace, SnapshotPolicy } from './model/snapshot.ts'
export type { SchemaInput, SchemaIssue, SchemaOutput, SchemaVerdict, StandardSchema } from './model/standard-schema.ts'
export {
  categoryOf,
  changedState,
  emptyStream,
  type StreamChange,
  type StreamInfo,
  type StreamState,
  streamChangeOf,
  streamExists,
  streamInfo,
  subjectOf,
} from './model/stream.ts'
export {
  checkpointFrom,
  checkpointHolds,
  checkpointText,
  firstCheckpoint,
  type Generation,
  type Generations,
  type ParkedPlace,
  type Target,
  type TargetChange,
  type TargetCheckpoint,
  type TargetEntry,
} from './model/target.ts'
export { TargetFailed, TargetUnavailable } from './model/target-errors.ts'
export type { Trace, TracedEvent, TraceOptions } from './model/trace.ts'
export type { SpanAttributes, SpanLink, SpanPlace, SpanStart, Tracer, TracerSpan } from './model/tracer.ts'
export { type ErrorCode, VarveError, type VarveErrorShape } from './model/varve-error.ts'
export { type ExpectedVersion, versionHolds } from './model/version.ts'
export { type OpenStoreOptions, openStore } from './open-store.ts'
export {
  type AdminOptions,
  type AdminStore,
  listProjections,
  type OfGeneration,
  type ParkedInProjectionOptions,
  parkedInProjection,
  pauseProjection,
  projectionStatus,
  type ReplayOptions,
  rebuildProjection,
  replayInProjection,
  resumeProjection,
  retireGeneration,
  skipEvent,
  swapProjection,
} from './projections/admin.ts'
export {
  type BatchFailure,
  type FailureDecision,
  type FailurePolicy,
  type FailureRule,
  failureRules,
  type RetryOptions,
  retryThen,
  stopUnlessPassing,
} from './projections/failure-policy.ts'
export type { ProjectionStore } from './projections/instance.ts'
export { type ProjectOptions, project, type RunningProjection } from './projections/project.ts'
export {
  type BatchHandler,
  defineProjection,
  type EventHandlers,
  type GivenProjection,
  type Projection,
  type ProjectionFacts,
} from './projections/projection.ts'
export { type Rebuilt, rebuild } from './projections/rebuild.ts'
export {
  type ProjectionInstance,
  type RunProjectionsOptions,
  runProjections,
} from './projections/run-projections.ts'
export type { ProjectionLogLine } from './projections/running-partition.ts'
export type { StatusStore } from './projections/status.ts'
export { type MemoryTargetOptions, memoryTarget } from './projections/targets/memory.ts'
export { type ReadModelDifference, type Verified, type VerifyOptions, verifyProjection } from './projections/verify.ts'
export { type WaitOptions, waitForProjection } from './projections/wait-for.ts'
export { type ReactOptions, type RunningReaction, react } from './reactions/react.ts'
export {
  type Consequences,
  type DueDeadline,
  defineReaction,
  type GivenReaction,
  type Reaction,
  type Sending,
} from './reactions/reaction.ts'
export type { ReactionStore } from './reactions/run.ts'
export { type Envelope, fromEnvelope, newEventFrom, toEnvelope } from './schema/envelope.ts'
export { defineEvents, type EventOptions, event, retired } from './schema/events.ts'
export type { JsonSchema, JsonSchemaObject } from './schema/lock/json-schema.ts'
export {
  checkSchemas,
  lockSchemas,
  type SchemaFinding,
  type SchemaLock,
  schemaLockFrom,
  schemaLockText,
  type ToJsonSchema,
} from './schema/lock/schema-lock.ts'
export { standardJsonSchema } from './schema/lock/standard-json-schema.ts'
export { proveUpcasters, type UpcastSamples } from './schema/prove-upcasters.ts'
export { type Causation, causedBy, correlate } from './streams/causation.ts'
