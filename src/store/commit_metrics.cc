#include "store/commit_metrics.h"

#include <utility>

namespace starling::store {

metrics::Histogram& commit_seconds() {
  static metrics::Histogram& took =
      metrics::histogram("starling_store_commit_seconds",
                         "From the call of a write until it is durable, or has failed");
  return took;
}

std::unique_ptr<metrics::Observed> waiting_writes(std::function<std::size_t()> count) {
  return std::make_unique<metrics::Observed>(
      "starling_store_writes_waiting", "Writes that are not durable yet", metrics::Labels(),
      [count = std::move(count)] { return static_cast<double>(count()); });
}

}  // namespace starling::store
