// What the engines tell of their writes, as metrics.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/histogram.h"

namespace starling::store {

// From the call of a write until it is durable, or has failed.
metrics::Histogram& commit_seconds();

// Tells how many writes wait now; `count` is called on any thread, as long as the result lives.
[[nodiscard]] std::unique_ptr<metrics::Observed> waiting_writes(std::function<std::size_t()> count);

}  // namespace starling::store
