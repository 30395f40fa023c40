// Once: a request with an Idempotency-Key is carried out once, however often it is sent: for a day
// the same key of the same caller gets the first answer again, from any node.
//
// Kept in the store (the server's own map "api-once"), with hashes in the place of the key and the
// request. If a node dies while it carries one out, nobody can say how far it came: until the day
// is over the key is answered with 409, and the caller has to look. On worker 0.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "http/message.h"
#include "store/store.h"

namespace starling::api {

class Once {
 public:
  static constexpr const char* kMap = "api-once";
  static constexpr std::int64_t kKeptUs = std::int64_t{86'400} * 1'000'000;

  // `caller` is anything that is the same for the same caller.
  Once(store::Maps& maps, const std::string& caller, const std::string& key,
       const std::string& request);

  // The answer, if it is not to be carried out: the first one again; 409 while that is under way;
  // 422 if the key stands for another request; 503.
  Task<std::optional<http::Response>> begin();
  // What came of it. Those that another try may change are not kept.
  Task<void> end(const http::Response& response);

  // Removes what is older than a day. Errors: unavailable.
  static Task<Result<>> forget_old(store::Maps& maps);

 private:
  Task<Result<>> write(std::optional<std::string> value, bool if_absent = false);

  store::Maps& maps_;
  const std::string name_;     // of caller and key
  const std::string request_;  // a hash that only who knows the key can try
  const std::string mark_;     // this very try
};

}  // namespace starling::api
