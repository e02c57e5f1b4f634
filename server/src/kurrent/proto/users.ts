/** Who may log in. */
export const usersProto = `
syntax = "proto3";
package event_store.client.users;

message DetailsReq {
  message Options {
    string login_name = 1;
  }
  Options options = 1;
}
`
