/** Who may log in. */
export const usersProto = `
syntax = "proto3";
package event_store.client.users;

message CreateReq {
  message Options {
    string login_name = 1;
    string password = 2;
    string full_name = 3;
    repeated string groups = 4;
  }
  Options options = 1;
}
message UpdateReq {
  message Options {
    string login_name = 1;
    string password = 2;
    string full_name = 3;
    repeated string groups = 4;
  }
  Options options = 1;
}

message UserReq {
  message Options {
    string login_name = 1;
  }
  Options options = 1;
}

message ChangePasswordReq {
  message Options {
    string login_name = 1;
    string current_password = 2;
    string new_password = 3;
  }
  Options options = 1;
}

message ResetPasswordReq {
  message Options {
    string login_name = 1;
    string new_password = 2;
  }
  Options options = 1;
}

message UserDetails {
  message DateTime {
    int64 ticks_since_epoch = 1;
  }
  string login_name = 1;
  string full_name = 2;
  repeated string groups = 3;
  DateTime last_updated = 4;
  bool disabled = 5;
}

message DetailsResp {
  UserDetails user_details = 1;
}
`
