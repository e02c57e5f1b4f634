/** The small services of one node: what it can do, who it is, what it counts, what it is told. */
export const clientProto = `
syntax = "proto3";
package event_store.client;

message Empty {}

message StreamIdentifier {
  bytes stream_name = 3;
}

message UUID {
  message Structured {
    int64 most_significant_bits = 1;
    int64 least_significant_bits = 2;
  }
  oneof value {
    Structured structured = 1;
    string string = 2;
  }
}
`
