// Metadata: what the machine's own instance metadata service (IMDSv2) tells it.
//
// Version 2 only: each question bears a token, which is fetched first and kept for half of the time
// that it is good for. Blocking, for AWS_METADATA_SERVICE_TIMEOUT seconds (1) at most a request.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/result.h"
#include "cloud/http.h"
#include "cloud/lifecycle.h"

namespace starling::cloud::aws {

class Metadata {
 public:
  Metadata(const Environment& environment, Http& http, const EventLoop& loop);

  // The operator has switched it off (AWS_EC2_METADATA_DISABLED).
  [[nodiscard]] bool disabled() const { return disabled_; }
  // An item, such as "meta-data/instance-id"; nullopt: there is none (404). On the loop. Errors:
  // unavailable, timeout, denied.
  Result<std::optional<std::string>> get(const std::string& path);

 private:
  Result<> renew_token();
  [[nodiscard]] HttpRequest request(const std::string& path) const;

  Http& http_;
  const EventLoop& loop_;
  bool disabled_;
  std::string endpoint_;  // without a slash at its end
  std::chrono::milliseconds timeout_;
  std::string token_;
  TimePoint token_until_{};
};

}  // namespace starling::cloud::aws
