/** What a server is told by those who run it. */
export const operationsProto = `
syntax = "proto3";
package event_store.client.operations;

message StopScavengeReq {
  message Options {
    string scavenge_id = 1;
  }
  Options options = 1;
}

message ScavengeResp {
  enum ScavengeResult {
    Started = 0;
    InProgress = 1;
    Stopped = 2;
  }
  string scavenge_id = 1;
  ScavengeResult scavenge_result = 2;
}
`
