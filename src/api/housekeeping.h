// Housekeeping: removes what the API kept and nobody needs any more: sessions that have ended,
// tokens that expired a month ago, answers for an Idempotency-Key, records of changes that are
// older than `api.audit_days`. Once an hour; in a cluster one node does it (core/duty.h).
#pragma once

#include <chrono>
#include <functional>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/task.h"
#include "config/api_options.h"
#include "core/duty.h"

namespace starling::api {

class Housekeeping final : public core::Duty {
 public:
  static constexpr std::string_view kLease = "api-housekeeping";
  static constexpr std::chrono::minutes kFirstAfter{2};
  static constexpr std::chrono::hours kEvery{1};

  // On the worker's loop, as `options` is called.
  Housekeeping(core::Worker& worker, std::function<config::ApiOptions()> options)
      : Duty(worker, kFirstAfter), options_(std::move(options)) {}

 private:
  void begun() override {}
  Task<Duration> step() override;
  Task<Result<>> clean();

  const std::function<config::ApiOptions()> options_;
};

}  // namespace starling::api
