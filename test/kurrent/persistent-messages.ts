import { clientProto } from '../../server/src/kurrent/proto/client.ts'
import { persistentSubscriptionsProto } from '../../server/src/kurrent/proto/persistent-subscriptions.ts'
import { messagesOf } from '../../server/src/kurrent/protobuf/messages.ts'

/** The messages of Read, which the server reads and writes by hand, as a library does it. */
const readProto = `
syntax = "proto3";
package event_store.client.persistent_subscriptions;

message ReadReq {
  message Options {
    oneof source {
      event_store.client.StreamIdentifier stream_identifier = 1;
      event_store.client.Empty all = 5;
    }
    string group_name = 2;
    int32 buffer_size = 3;
    UuidOption uuid_option = 4;
  }
  message UuidOption {
    oneof content {
      event_store.client.Empty structured = 1;
      event_store.client.Empty string = 2;
    }
  }
  message Ack {
    bytes id = 1;
    repeated event_store.client.UUID ids = 2;
  }
  message Nack {
    bytes id = 1;
    repeated event_store.client.UUID ids = 2;
    int32 action = 3;
    string reason = 4;
  }
  oneof content {
    Options options = 1;
    Ack ack = 2;
    Nack nack = 3;
  }
}

message ReadResp {
  message RecordedEvent {
    event_store.client.UUID id = 1;
    event_store.client.StreamIdentifier stream_identifier = 2;
    uint64 stream_revision = 3;
  }
  message ReadEvent {
    RecordedEvent event = 1;
    RecordedEvent link = 2;
    oneof position {
      uint64 commit_position = 3;
      event_store.client.Empty no_position = 4;
    }
    oneof count {
      int32 retry_count = 5;
      event_store.client.Empty no_retry_count = 6;
    }
  }
  message SubscriptionConfirmation {
    string subscription_id = 1;
  }
  oneof content {
    ReadEvent event = 1;
    SubscriptionConfirmation subscription_confirmation = 2;
  }
}
`

const messages = messagesOf(clientProto, persistentSubscriptionsProto, readProto)
const proto = 'event_store.client.persistent_subscriptions'

/** Where the service is. */
export const persistent = `/${proto}.PersistentSubscriptions`

/** A message of the service. */
export function persistentMessage(name: string, message: object): Buffer {
  return Buffer.from(messages.encoder<object>(`${proto}.${name}`)(message))
}

/** What a message of the service says. */
export function persistentSaid(name: string, bytes: Buffer): object {
  return messages.decoder<object>(`${proto}.${name}`)(bytes)
}

/** A stream as requests name it. */
export function streamIdentifier(name: string): object {
  return { streamName: Buffer.from(name) }
}

/** Settings that mean something. */
export const someSettings = {
  messageTimeoutMs: 1_000,
  maxRetryCount: 2,
  checkpointAfterMs: 100,
  maxCheckpointCount: 10,
  historyBufferSize: 20,
  liveBufferSize: 20,
  readBatchSize: 10,
  namedConsumerStrategy: 1,
}
