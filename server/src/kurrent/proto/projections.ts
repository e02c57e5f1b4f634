/** Projections that users write. */
export const projectionsProto = `
syntax = "proto3";
package event_store.client.projections;
import "google/protobuf/struct.proto";

message CreateReq {
  Options options = 1;
  message Options {
    message Transient {
      string name = 1;
    }
    message Continuous {
      string name = 1;
      bool emit_enabled = 2;
      bool track_emitted_streams = 3;
    }
    oneof mode {
      event_store.client.Empty one_time = 1;
      Transient transient = 2;
      Continuous continuous = 3;
    }
    string query = 4;
    int32 engine_version = 5;
  }
}

message UpdateReq {
  Options options = 1;
  message Options {
    string name = 1;
    string query = 2;
    oneof emit_option {
      bool emit_enabled = 3;
      event_store.client.Empty no_emit_options = 4;
    }
  }
}

message DeleteReq {
  Options options = 1;
  message Options {
    string name = 1;
    bool delete_emitted_streams = 2;
    bool delete_state_stream = 3;
    bool delete_checkpoint_stream = 4;
  }
}

message StatisticsReq {
  Options options = 1;
  message Options {
    oneof mode {
      string name = 1;
      event_store.client.Empty all = 2;
      event_store.client.Empty transient = 3;
      event_store.client.Empty continuous = 4;
      event_store.client.Empty one_time = 5;
    }
  }
}

message StatisticsResp {
  Details details = 1;
  message Details {
    int64 core_processing_time = 1;
    int64 version = 2;
    int64 epoch = 3;
    string effective_name = 4;
    int32 writes_in_progress = 5;
    int32 reads_in_progress = 6;
    int32 partitions_cached = 7;
    string status = 8;
    string state_reason = 9;
    string name = 10;
    string mode = 11;
    string position = 12;
    float progress = 13;
    string last_checkpoint = 14;
    int64 events_processed_after_restart = 15;
    string checkpoint_status = 16;
    int64 buffered_events = 17;
    int32 write_pending_events_before_checkpoint = 18;
    int32 write_pending_events_after_checkpoint = 19;
  }
}

message PartitionReq {
  Options options = 1;
  message Options {
    string name = 1;
    string partition = 2;
  }
}

message ValueResp {
  google.protobuf.Value value = 1;
}

message ChangeReq {
  Options options = 1;
  message Options {
    string name = 1;
    bool write_checkpoint = 2;
  }
}
`
