/** What a server can do. */
export const serverFeaturesProto = `
syntax = "proto3";
package event_store.client.server_features;

message SupportedMethods {
  repeated SupportedMethod methods = 1;
  string event_store_server_version = 2;
}

message SupportedMethod {
  string method_name = 1;
  string service_name = 2;
  repeated string features = 3;
}
`
