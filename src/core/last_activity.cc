#include "core/last_activity.h"

#include <charconv>
#include <utility>
#include <vector>

#include "core/directory.h"

namespace starling::core {

namespace {

constexpr std::string_view kMap = "last-activity";
constexpr std::string_view kKey = "unavailable";

}  // namespace

std::string LastActivity::encode() const {
  return std::to_string(since_us) + " " + status;
}

std::optional<LastActivity> LastActivity::decode(std::string_view text) {
  LastActivity last;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, last.since_us);
  if (error != std::errc() || rest == end) return std::nullopt;
  last.status.assign(rest + 1, end);
  return last;
}

Task<Result<std::optional<LastActivity>>> last_activity(store::Maps& maps, xmpp::Jid account,
                                                        const LocalAccount* live) {
  if (const auto* last = live == nullptr ? nullptr : live->slots.find<LastActivity>()) {
    co_return *last;
  }
  const auto stored = co_await maps.get(account.str(), std::string(kMap), std::string(kKey));
  if (!stored) co_return std::unexpected(stored.error());
  co_return *stored ? LastActivity::decode(**stored) : std::nullopt;
}

Task<Result<>> store_last_activity(store::Maps& maps, xmpp::Jid account, LastActivity last) {
  std::vector<store::Change> changes(1);
  changes[0].map = kMap;
  changes[0].key = kKey;
  changes[0].value = last.encode();
  co_return co_await maps.apply(account.str(), std::move(changes));
}

}  // namespace starling::core
