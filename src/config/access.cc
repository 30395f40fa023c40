#include "config/access.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>

namespace starling::config {

namespace {

constexpr std::string_view kEverybody = "all";
constexpr std::string_view kNobody = "none";

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

bool any_glob(const std::vector<std::string>& globs, std::string_view value) {
  const std::string text(value);
  return std::ranges::any_of(globs, [&](const std::string& glob) {
    return ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
  });
}

bool is_member(const std::vector<xmpp::Jid>& members, const xmpp::Jid& jid) {
  return std::ranges::any_of(members,
                             [&](const xmpp::Jid& member) { return member.full() == jid.bare(); });
}

bool matches_jid(const Access& access, const Acl& acl, const xmpp::Jid& jid) {
  if (is_member(acl.users, jid)) return true;
  if (!jid.local().empty() &&
      (contains(acl.local_parts, jid.local()) || any_glob(acl.local_globs, jid.local()))) {
    return true;
  }
  if (contains(acl.hosts, jid.domain()) || any_glob(acl.host_globs, jid.domain())) return true;
  if (!jid.is_bare() && contains(acl.resources, jid.resource())) return true;
  return std::ranges::any_of(acl.groups, [&](const std::string& name) {
    const auto group = access.groups.find(name);
    return group != access.groups.end() && is_member(group->second, jid);
  });
}

}  // namespace

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpRange range;
  range.prefix_length_ = address->bits();
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const char* const end = digits.data() + digits.size();
    const auto [stop, failed] = std::from_chars(digits.data(), end, range.prefix_length_);
    if (failed != std::errc() || stop != end || range.prefix_length_ > address->bits()) {
      return std::nullopt;
    }
  }
  range.address_ = address->masked(range.prefix_length_);
  return range;
}

bool IpRange::contains(const IpAddress& address) const {
  return address.is_v4() == address_.is_v4() && address.masked(prefix_length_) == address_;
}

std::string IpRange::to_string() const {
  return address_.to_string() +
         (prefix_length_ == address_.bits() ? "" : "/" + std::to_string(prefix_length_));
}

bool Access::matches(std::string_view name, const Subject& subject) const {
  if (name == kEverybody) return true;
  const auto found = acls.find(name);
  if (found == acls.end()) return false;
  const Acl& acl = found->second;
  if (subject.jid != nullptr && matches_jid(*this, acl, *subject.jid)) return true;
  return subject.address && std::ranges::any_of(acl.addresses, [&](const IpRange& range) {
           return range.contains(*subject.address);
         });
}

bool Access::allows(std::string_view rule, const Subject& subject) const {
  const auto found = access_rules.find(rule);
  if (found == access_rules.end()) return rule != kNobody && matches(rule, subject);
  for (const auto& line : found->second) {
    const auto holds = [&](const std::string& acl) { return matches(acl, subject); };
    if (std::ranges::all_of(line.acls, holds)) return line.allow;
  }
  return false;
}

std::optional<std::string_view> Access::shaper_value(std::string_view rule,
                                                     const Subject& subject) const {
  const auto found = shaper_rules.find(rule);
  if (found == shaper_rules.end()) return std::nullopt;
  for (const auto& line : found->second) {
    const auto holds = [&](const std::string& acl) { return matches(acl, subject); };
    if (std::ranges::all_of(line.acls, holds)) return line.value;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Access::limit(std::string_view rule, const Subject& subject) const {
  const auto value = shaper_value(rule, subject);
  if (!value) return std::nullopt;
  std::uint32_t number = 0;
  std::from_chars(value->data(), value->data() + value->size(), number);
  return number;
}

}  // namespace starling::config
