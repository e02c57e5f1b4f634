import type {
  AppendAllOptions,
  AppendOptions,
  CallOptions,
  CheckpointOptions,
  ReadAllOptions,
  ReadStreamOptions,
  StreamWrite,
  SubscribeOptions,
} from './call.ts'
import type { NewEvent } from './event.ts'
import { fieldsOf, type KnownFields } from './known-fields.ts'
import type { AppendCondition } from './query.ts'

/** Fields of the options every call takes. */
export const callFields: KnownFields = fieldsOf<CallOptions>({ signal: true })

/** Fields of the options of `EventStore.appendAll`. */
export const appendAllFields: KnownFields = fieldsOf<AppendAllOptions>({
  condition: true,
  idempotencyKey: true,
  signal: true,
})

/** Fields of the options of `EventStore.append`. */
export const appendFields: KnownFields = fieldsOf<AppendOptions>({
  expectedVersion: true,
  condition: true,
  idempotencyKey: true,
  signal: true,
})

/** Fields of a write of `EventStore.appendAll`. */
export const writeFields: KnownFields = fieldsOf<StreamWrite>({ streamId: true, events: true, expectedVersion: true })

/** Fields of an append condition. */
export const conditionFields: KnownFields = fieldsOf<AppendCondition>({ failIfMatch: true, after: true })

/** Fields of an event that is appended. */
export const newEventFields: KnownFields = fieldsOf<NewEvent>({
  type: true,
  data: true,
  id: true,
  metadata: true,
  tags: true,
  schemaVersion: true,
  contentType: true,
  metadataContentType: true,
  timestamp: true,
})

/** Fields of the options of `EventStore.readStream`. */
export const readStreamFields: KnownFields = fieldsOf<ReadStreamOptions>({
  from: true,
  limit: true,
  direction: true,
  signal: true,
})

/** Fields of the options of `EventStore.readAll`. */
export const readAllFields: KnownFields = fieldsOf<ReadAllOptions>({
  from: true,
  after: true,
  shard: true,
  limit: true,
  direction: true,
  filter: true,
  signal: true,
})

/** Fields of the options of `EventStore.subscribe`. */
export const subscribeFields: KnownFields = fieldsOf<SubscribeOptions>({
  from: true,
  after: true,
  filter: true,
  stream: true,
  checkpoint: true,
  marks: true,
  signal: true,
})

/** Fields of the options of a checkpoint. */
export const checkpointFields: KnownFields = fieldsOf<CheckpointOptions>({ name: true, everyEvents: true })
