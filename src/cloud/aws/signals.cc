#include "cloud/aws/signals.h"

#include "base/clock.h"
#include "cloud/aws/answer.h"

namespace starling::cloud::aws {

std::optional<std::int64_t> time_of_action(const std::string& json) {
  const auto time = json_text(json, "time");
  return time ? parse_xmpp_datetime(*time) : std::nullopt;
}

Result<Signals> read_signals(Metadata& metadata) {
  Signals signals;
  auto target = metadata.get("meta-data/autoscaling/target-lifecycle-state");
  if (!target) return std::unexpected(target.error());
  if (*target) {
    std::string& text = **target;
    while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
    signals.target_state = std::move(text);
  }
  const auto action = metadata.get("meta-data/spot/instance-action");
  if (!action) return std::unexpected(action.error());
  if (*action) signals.taken_at_us = time_of_action(**action);
  const auto advice = metadata.get("meta-data/events/recommendations/rebalance");
  if (!advice) return std::unexpected(advice.error());
  signals.rebalance = advice->has_value();
  return signals;
}

}  // namespace starling::cloud::aws
