import { type Messages, messagesOf } from '../../server/src/kurrent/protobuf/messages.ts'

/** The service whose codecs the server has written by hand, as a library reads it: what those are compared with. */
const streamsProto = `
syntax = "proto3";
package event_store.client.streams;

import "google/protobuf/any.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";

message Empty {}
message UUID {
  message Structured { int64 most_significant_bits = 1; int64 least_significant_bits = 2; }
  oneof value { Structured structured = 1; string string = 2; }
}
message StreamIdentifier { bytes stream_name = 3; }
message Position { uint64 commit_position = 1; uint64 prepare_position = 2; }

message ProposedMessage {
  UUID id = 1;
  map<string, string> metadata = 2;
  bytes custom_metadata = 3;
  bytes data = 4;
}

message StreamOptions {
  StreamIdentifier stream_identifier = 1;
  oneof expected {
    uint64 revision = 2;
    Empty no_stream = 3;
    Empty any = 4;
    Empty stream_exists = 5;
  }
  oneof deadline_option {
    google.protobuf.Timestamp deadline_21_10_0 = 6;
    google.protobuf.Duration deadline = 7;
  }
}

message AppendReq {
  oneof content { StreamOptions options = 1; ProposedMessage proposed_message = 2; }
}

message Success {
  oneof revision { uint64 current_revision = 1; Empty no_stream = 2; }
  oneof position_option { Position position = 3; Empty no_position = 4; }
}

message AppendResp {
  message WrongExpectedVersion {
    oneof current_20 { uint64 current_revision_20 = 1; Empty no_stream_20 = 2; }
    oneof expected_20 { uint64 expected_revision_20 = 3; Empty any_20 = 4; Empty stream_exists_20 = 5; }
    oneof current { uint64 current_revision = 6; Empty current_no_stream = 7; }
    oneof expected {
      uint64 expected_revision = 8; Empty expected_any = 9; Empty expected_stream_exists = 10; Empty expected_no_stream = 11;
    }
  }
  oneof result { Success success = 1; WrongExpectedVersion wrong_expected_version = 2; }
}

message BatchAppendReq {
  UUID correlation_id = 1;
  StreamOptions options = 2;
  repeated ProposedMessage proposed_messages = 3;
  bool is_final = 4;
}

message Status { int32 code = 1; string message = 2; google.protobuf.Any details = 3; }

message BatchAppendResp {
  UUID correlation_id = 1;
  oneof result { Status error = 2; Success success = 3; }
  StreamIdentifier stream_identifier = 4;
}

message WrongExpectedVersionDetail {
  oneof current { uint64 current_stream_revision = 1; Empty current_no_stream = 2; }
  oneof expected {
    uint64 expected_stream_position = 3; Empty expected_any = 4; Empty expected_stream_exists = 5; Empty expected_no_stream = 6;
  }
}

message ReadReq {
  message Stream {
    StreamIdentifier stream_identifier = 1;
    oneof revision_option { uint64 revision = 2; Empty start = 3; Empty end = 4; }
  }
  message All {
    oneof all_option { Position position = 1; Empty start = 2; Empty end = 3; }
  }
  message Expression { string regex = 1; repeated string prefix = 2; }
  message Filter {
    oneof filter { Expression stream_identifier = 1; Expression event_type = 2; }
    oneof window { uint32 max = 3; Empty count = 4; }
    uint32 checkpoint_interval_multiplier = 5;
  }
  message UuidOption { oneof content { Empty structured = 1; Empty string = 2; } }
  message Control { uint32 compatibility = 1; }
  message Options {
    oneof stream_option { Stream stream = 1; All all = 2; }
    int32 read_direction = 3;
    bool resolve_links = 4;
    oneof count_option { uint64 count = 5; Empty subscription = 6; }
    oneof filter_option { Filter filter = 7; Empty no_filter = 8; }
    UuidOption uuid_option = 9;
    Control control_option = 10;
  }
  Options options = 1;
}

message ReadResp {
  message RecordedEvent {
    UUID id = 1;
    StreamIdentifier stream_identifier = 2;
    uint64 stream_revision = 3;
    uint64 prepare_position = 4;
    uint64 commit_position = 5;
    map<string, string> metadata = 6;
    bytes custom_metadata = 7;
    bytes data = 8;
  }
  message ReadEvent {
    RecordedEvent event = 1;
    RecordedEvent link = 2;
    oneof position { uint64 commit_position = 3; Empty no_position = 4; }
  }
  message Confirmation { string subscription_id = 1; }
  message Checkpoint { uint64 commit_position = 1; uint64 prepare_position = 2; google.protobuf.Timestamp timestamp = 3; }
  message StreamNotFound { StreamIdentifier stream_identifier = 1; }
  message Standing { google.protobuf.Timestamp timestamp = 1; optional int64 stream_revision = 2; Position position = 3; }
  oneof content {
    ReadEvent event = 1;
    Confirmation confirmation = 2;
    Checkpoint checkpoint = 3;
    StreamNotFound stream_not_found = 4;
    uint64 first_stream_position = 5;
    uint64 last_stream_position = 6;
    Position last_all_stream_position = 7;
    Standing caught_up = 8;
    Standing fell_behind = 9;
  }
}

message DeleteResp {
  oneof position_option { Position position = 1; Empty no_position = 2; }
}
`

const messages: Messages = messagesOf(streamsProto)

/** Writes a message of the service, by its name without the package. */
export function encoded(name: string, message: object): Buffer {
  return Buffer.from(messages.encoder<object>(`event_store.client.streams.${name}`)(message))
}

/** Reads a message of the service. */
export function decoded(name: string, bytes: Buffer): Record<string, unknown> {
  return messages.decoder<Record<string, unknown>>(`event_store.client.streams.${name}`)(bytes)
}

/** A stream as requests name it. */
export function named(stream: string): object {
  return { streamName: Buffer.from(stream) }
}

/** A proposed event with what it must have. */
export function proposed(id: string, more: object = {}): object {
  const metadata = { type: 'Placed', 'content-type': 'application/json' }
  return { id: { string: id }, metadata, data: Buffer.from('{}'), ...more }
}

/** The path of a method of the service. */
export function streamsMethod(method: string): string {
  return `/event_store.client.streams.Streams/${method}`
}
