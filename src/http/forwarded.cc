#include "http/forwarded.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/ip_address.h"

namespace starling::http {

namespace {

constexpr std::array<std::string_view, 4> kOfProxies{"Forwarded", "Via", "X-Forwarded-For",
                                                     "X-Forwarded-Proto"};

// What stands between the commas, last first.
std::vector<std::string> backwards(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const auto comma = list.rfind(',');
    std::string_view part = comma == std::string_view::npos ? list : list.substr(comma + 1);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.emplace_back(part);
  }
  return parts;
}

}  // namespace

Origin origin(const Fields& fields, Origin direct,
              const std::function<bool(std::string_view address)>& trusts) {
  if (!trusts || !trusts(direct.address)) {
    // Who connects from this machine may be a proxy that speaks for anybody.
    direct.relayed =
        std::ranges::any_of(kOfProxies, [&](std::string_view name) { return fields.has(name); });
    return direct;
  }
  const std::string protocol = fields.joined("X-Forwarded-Proto");
  const auto protocols = backwards(protocol);
  // Of several, what the nearest proxy says: the others may be the client's own words.
  Origin found{direct.address, protocols.empty() ? direct.secure : protocols.front() == "https"};
  for (const std::string& address : backwards(fields.joined("X-Forwarded-For"))) {
    const auto parsed = IpAddress::parse(address);
    if (!parsed) break;  // beyond here nothing is certain
    found.address = address;
    if (!trusts(address)) break;
  }
  return found;
}

}  // namespace starling::http
