#include "starlingd/module_options.h"

#include <algorithm>
#include <limits>

namespace starling::starlingd {

namespace {

constexpr std::uint32_t kMaxSeconds = 7 * 24 * 3'600;
constexpr std::uint32_t kMaxUnacked = 1'000'000;
constexpr std::uint32_t kAny = std::numeric_limits<std::uint32_t>::max();

Reader uri_list(std::vector<std::string>& target) {
  return [&target](const YAML::Node& node) {
    if (!node.IsSequence()) throw Mistake{node.Mark(), "expected a list of URIs"};
    for (const auto& item : node) {
      text(target.emplace_back(), "a URI, such as mailto:admin@example.org")(item);
      const std::string& uri = target.back();
      const auto colon = uri.find(':');
      const bool plain = std::ranges::all_of(uri, [](char c) { return c > ' ' && c < 0x7f; });
      if (colon == 0 || colon == std::string::npos || !plain) {
        throw Mistake{item.Mark(), "expected a URI, such as mailto:admin@example.org"};
      }
    }
  };
}

// A section whose options are these; an empty one leaves the defaults.
Reader section(std::map<std::string, Reader> readers) {
  return [readers = std::move(readers)](const YAML::Node& node) {
    if (!node.IsNull()) read_map(node, readers, "a module's section");
  };
}

Reader stream_management(config::StreamManagementOptions& options) {
  return [&options](const YAML::Node& node) {
    section({{"resume_timeout", number(options.resume_timeout, kMaxSeconds)},
             {"max_resume_timeout", number(options.max_resume_timeout, kMaxSeconds)},
             {"max_unacked_stanzas", number(options.max_unacked_stanzas, kMaxUnacked)},
             {"location", [&](const YAML::Node& n) {
                if (!n.IsScalar() || !n.Scalar().empty()) text(options.location, "host:port")(n);
              }}})(node);
    if (options.resume_timeout > options.max_resume_timeout) {
      throw Mistake{node.Mark(), "resume_timeout is longer than max_resume_timeout"};
    }
  };
}

}  // namespace

void read_admins(config::HostOptions& options, const YAML::Node& node) {
  if (node.IsNull()) return;
  if (!node.IsSequence()) {
    throw Mistake{node.Mark(), "expected a list of addresses, such as [admin@example.org]"};
  }
  for (const auto& item : node) {
    const auto jid = item.IsScalar() ? xmpp::Jid::parse(item.Scalar()) : std::nullopt;
    if (!jid || jid->local().empty() || !jid->is_bare()) {
      throw Mistake{item.Mark(), "expected an account's address, such as admin@example.org"};
    }
    options.admins.push_back(*jid);
  }
}

void read_modules(config::HostOptions& options, const YAML::Node& node) {
  if (node.IsNull()) return;
  config::ContactOptions& contact = options.contact;
  read_map(
      node,
      {{"archive", section({{"expire_after_days", number(options.archive.expire_after_days, kAny)},
                            {"max_messages", number(options.archive.max_messages, kAny)}})},
       {"contact", section({{"abuse", uri_list(contact.abuse)},
                            {"admin", uri_list(contact.admin)},
                            {"feedback", uri_list(contact.feedback)},
                            {"sales", uri_list(contact.sales)},
                            {"security", uri_list(contact.security)},
                            {"status", uri_list(contact.status)},
                            {"support", uri_list(contact.support)}})},
       {"register", section({{"enabled", true_or_false(options.registration.enabled)}})},
       {"stream_management", stream_management(options.stream_management)}},
      "modules");
}

}  // namespace starling::starlingd
