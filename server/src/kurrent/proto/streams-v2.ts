/** Appends to several streams at once, and what they are refused with. */
export const streamsV2Proto = `
syntax = "proto3";
package kurrentdb.protocol.v2.streams;

import "google/protobuf/struct.proto";

message AppendRequest {
  string stream = 1;
  repeated AppendRecord records = 2;
  optional sint64 expected_revision = 3;
}

message AppendRecord {
  optional string record_id = 1;
  map<string, google.protobuf.Value> properties = 2;
  SchemaInfo schema = 3;
  bytes data = 4;
  string stream = 5;
}

message SchemaInfo {
  SchemaFormat format = 1;
  string name = 2;
  optional string id = 3;
}

enum SchemaFormat {
  SCHEMA_FORMAT_UNSPECIFIED = 0;
  SCHEMA_FORMAT_JSON = 1;
  SCHEMA_FORMAT_PROTOBUF = 2;
  SCHEMA_FORMAT_AVRO = 3;
  SCHEMA_FORMAT_BYTES = 4;
}

message AppendSessionResponse {
  repeated AppendResponse output = 1;
  sint64 position = 2;
}

message AppendResponse {
  string stream = 1;
  sint64 stream_revision = 2;
  optional sint64 position = 3;
}

message AppendRecordsRequest {
  repeated AppendRecord records = 1;
  repeated ConsistencyCheck checks = 2;
}

message ConsistencyCheck {
  message StreamStateCheck {
    string stream = 1;
    sint64 expected_state = 2;
  }
  oneof type {
    StreamStateCheck stream_state = 1;
  }
}

message AppendRecordsResponse {
  repeated StreamRevision revisions = 1;
  sint64 position = 2;
}

message StreamRevision {
  string stream = 1;
  sint64 revision = 2;
}
`

/** The details of a refusal. */
export const streamsV2ErrorsProto = `
syntax = "proto3";
package kurrentdb.protocol.v2.streams.errors;

message StreamTombstonedErrorDetails {
  string stream = 1;
}

message StreamRevisionConflictErrorDetails {
  string stream = 1;
  sint64 expected_revision = 2;
  sint64 actual_revision = 3;
}

message AppendRecordSizeExceededErrorDetails {
  string stream = 1;
  string record_id = 2;
  int32 size = 3;
  int32 max_size = 4;
}

message AppendTransactionSizeExceededErrorDetails {
  int32 size = 1;
  int32 max_size = 2;
}

message StreamAlreadyInAppendSessionErrorDetails {
  string stream = 1;
}

message AppendSessionNoRequestsErrorDetails {}

message AppendConsistencyViolationErrorDetails {
  repeated ConsistencyViolation violations = 1;
}

message ConsistencyViolation {
  message StreamStateViolation {
    string stream = 1;
    sint64 expected_state = 2;
    sint64 actual_state = 3;
  }
  int32 check_index = 1;
  oneof type {
    StreamStateViolation stream_state = 2;
  }
}
`

/** The details of what any service of this version refuses. */
export const serverErrorsProto = `
syntax = "proto3";
package kurrent.rpc;

message AccessDeniedErrorDetails {
  string operation = 1;
  optional string username = 2;
  optional string permission = 3;
}
`

/** How the details of a status travel. */
export const rpcProto = `
syntax = "proto3";
package google.rpc;

import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";

message Status {
  int32 code = 1;
  string message = 2;
  repeated google.protobuf.Any details = 3;
}

message ErrorInfo {
  string reason = 1;
  string domain = 2;
  map<string, string> metadata = 3;
}

message BadRequest {
  message FieldViolation {
    string field = 1;
    string description = 2;
  }
  repeated FieldViolation field_violations = 1;
}

message RetryInfo {
  google.protobuf.Duration retry_delay = 1;
}
`
