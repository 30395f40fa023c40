#include "core/secrets.h"

#include <string_view>
#include <utility>
#include <vector>

namespace starling::core {

namespace {
constexpr std::string_view kMap = "server";
}  // namespace

Task<Result<std::string>> shared_secret(store::Maps& maps, std::string name, std::string fresh) {
  auto there = co_await maps.get("", std::string(kMap), name);
  if (!there) co_return std::unexpected(there.error());
  if (*there) co_return std::move(**there);
  std::vector<store::Change> changes(1);
  changes[0].map = kMap;
  changes[0].key = name;
  changes[0].value = std::move(fresh);
  changes[0].if_absent = true;
  if (auto stored = co_await maps.apply("", std::move(changes)); !stored) {
    co_return std::unexpected(stored.error());
  }
  there = co_await maps.get("", std::string(kMap), name);
  if (!there) co_return std::unexpected(there.error());
  if (!*there) co_return fail(Errc::internal, "a secret that was stored is not there");
  co_return std::move(**there);
}

}  // namespace starling::core
