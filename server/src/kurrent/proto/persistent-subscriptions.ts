/** Subscriptions whose place the server keeps. The messages of Read are read and written by hand. */
export const persistentSubscriptionsProto = `
syntax = "proto3";
package event_store.client.persistent_subscriptions;

message CreateReq {
  message Options {
    oneof source {
      StreamOptions stream = 4;
      AllOptions all = 5;
    }
    event_store.client.StreamIdentifier stream_identifier = 1;
    string group_name = 2;
    Settings settings = 3;
  }
  message StreamOptions {
    event_store.client.StreamIdentifier stream_identifier = 1;
    oneof beginning {
      uint64 revision = 2;
      event_store.client.Empty start = 3;
      event_store.client.Empty end = 4;
    }
  }
  message AllOptions {
    oneof beginning {
      Position position = 1;
      event_store.client.Empty start = 2;
      event_store.client.Empty end = 3;
    }
    oneof choice {
      FilterOptions filter = 4;
      event_store.client.Empty no_filter = 5;
    }
  }
  message FilterOptions {
    oneof on {
      Expression stream_identifier = 1;
      Expression event_type = 2;
    }
    oneof window {
      uint32 max = 3;
      event_store.client.Empty count = 4;
    }
    uint32 checkpoint_interval_multiplier = 5;
  }
  message Expression {
    string regex = 1;
    repeated string prefix = 2;
  }
  message Position {
    uint64 commit_position = 1;
    uint64 prepare_position = 2;
  }
  message Settings {
    bool resolve_links = 1;
    uint64 revision = 2;
    bool extra_statistics = 3;
    oneof message_timeout {
      int64 message_timeout_ticks = 4;
      int32 message_timeout_ms = 14;
    }
    int32 max_retry_count = 5;
    oneof checkpoint_after {
      int64 checkpoint_after_ticks = 6;
      int32 checkpoint_after_ms = 15;
    }
    int32 min_checkpoint_count = 7;
    int32 max_checkpoint_count = 8;
    int32 max_subscriber_count = 9;
    int32 live_buffer_size = 10;
    int32 read_batch_size = 11;
    int32 history_buffer_size = 12;
    int32 named_consumer_strategy = 13;
    string consumer_strategy = 16;
  }
  Options options = 1;
}

message DeleteReq {
  message Options {
    oneof source {
      event_store.client.StreamIdentifier stream_identifier = 1;
      event_store.client.Empty all = 3;
    }
    string group_name = 2;
  }
  Options options = 1;
}

message GetInfoReq {
  message Options {
    oneof source {
      event_store.client.StreamIdentifier stream_identifier = 1;
      event_store.client.Empty all = 2;
    }
    string group_name = 3;
  }
  Options options = 1;
}

message GetInfoResp {
  SubscriptionInfo subscription_info = 1;
}

message SubscriptionInfo {
  message ConnectionInfo {
    string from = 1;
    string username = 2;
    int32 average_items_per_second = 3;
    int64 total_items = 4;
    int64 count_since_last_measurement = 5;
    repeated Measurement observed_measurements = 6;
    int32 available_slots = 7;
    int32 in_flight_messages = 8;
    string connection_name = 9;
  }
  message Measurement {
    string key = 1;
    int64 value = 2;
  }
  string event_source = 1;
  string group_name = 2;
  string status = 3;
  repeated ConnectionInfo connections = 4;
  int32 average_per_second = 5;
  int64 total_items = 6;
  int64 count_since_last_measurement = 7;
  string last_checkpointed_event_position = 8;
  string last_known_event_position = 9;
  bool resolve_link_tos = 10;
  string start_from = 11;
  int32 message_timeout_milliseconds = 12;
  bool extra_statistics = 13;
  int32 max_retry_count = 14;
  int32 live_buffer_size = 15;
  int32 buffer_size = 16;
  int32 read_batch_size = 17;
  int32 check_point_after_milliseconds = 18;
  int32 min_check_point_count = 19;
  int32 max_check_point_count = 20;
  int32 read_buffer_count = 21;
  int64 live_buffer_count = 22;
  int32 retry_buffer_count = 23;
  int32 total_in_flight_messages = 24;
  int32 outstanding_messages_count = 25;
  string named_consumer_strategy = 26;
  int32 max_subscriber_count = 27;
  int64 parked_message_count = 28;
}

message ReplayParkedReq {
  message Options {
    string group_name = 1;
    oneof source {
      event_store.client.StreamIdentifier stream_identifier = 2;
      event_store.client.Empty all = 3;
    }
    oneof amount {
      int64 stop_at = 4;
      event_store.client.Empty no_limit = 5;
    }
  }
  Options options = 1;
}

message ListReq {
  message Options {
    oneof choice {
      event_store.client.Empty list_all_subscriptions = 1;
      StreamOption list_for_stream = 2;
    }
  }
  message StreamOption {
    oneof source {
      event_store.client.StreamIdentifier stream = 1;
      event_store.client.Empty all = 2;
    }
  }
  Options options = 1;
}

message ListResp {
  repeated SubscriptionInfo subscriptions = 1;
}
`
