// Who may do what: ACLs name sets of users and addresses, access rules say what each set is
// allowed, shaper rules give each set a value (a shaper's name, or a number).
//
// The rules of one name are tried in order; the first whose every ACL matches decides. The words
// and their meaning are ejabberd's (`acl`, `access_rules`, `shaper_rules`), so that a configuration
// can move here unchanged. Plain values, set once: any thread may ask.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "xmpp/jid.h"

namespace starling::config {

// A range of IP addresses: 192.0.2.0/24, 2001:db8::/32, or a single address.
class IpRange {
 public:
  // nullopt if it is neither an address nor address/prefix length. Bits behind the prefix are
  // ignored.
  static std::optional<IpRange> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  // True if one of the two lies within the other.
  [[nodiscard]] bool overlaps(const IpRange& other) const {
    return contains(other.address_) || other.contains(address_);
  }
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const IpRange&, const IpRange&) = default;

 private:
  IpAddress address_;  // bits behind the prefix are 0
  unsigned prefix_length_ = 0;
};

// Whoever asks for something. What is not known matches no condition about it.
struct Subject {
  const xmpp::Jid* jid = nullptr;  // bare or full
  std::optional<IpAddress> address;
};

// A set of users and addresses: it matches whom any of its lists names.
struct Acl {
  std::vector<xmpp::Jid> users;          // bare JIDs
  std::vector<std::string> local_parts;  // of any host: `user: alice`
  std::vector<std::string> local_globs;  // user_glob: "bot-*" (* and ?)
  std::vector<std::string> hosts;        // server: prepared domains
  std::vector<std::string> host_globs;   // server_glob
  std::vector<std::string> resources;    // resource
  std::vector<IpRange> addresses;        // ip
  std::vector<std::string> groups;       // group: names of `groups`

  friend bool operator==(const Acl&, const Acl&) = default;
};

struct AccessRule {
  bool allow = false;
  std::vector<std::string> acls;  // all must match
  friend bool operator==(const AccessRule&, const AccessRule&) = default;
};

struct ShaperRule {
  std::string value;              // a shaper's name, "none", or a decimal number
  std::vector<std::string> acls;  // all must match
  friend bool operator==(const ShaperRule&, const ShaperRule&) = default;
};

struct Access {
  std::map<std::string, std::vector<xmpp::Jid>, std::less<>> groups;
  std::map<std::string, Acl, std::less<>> acls;
  std::map<std::string, std::vector<AccessRule>, std::less<>> access_rules;
  std::map<std::string, std::vector<ShaperRule>, std::less<>> shaper_rules;

  // Beside those defined: "all" matches everybody, "none" nobody. An ACL that is not defined
  // matches nobody.
  [[nodiscard]] bool matches(std::string_view acl, const Subject& subject) const;
  // True if the access rule allows it. A rule is looked up by name; the name of an ACL alone
  // ("all", "none", or any defined) will do as well. Whom no rule of the list matches is denied.
  [[nodiscard]] bool allows(std::string_view rule, const Subject& subject) const;
  // The value of the first shaper rule that matches; nullopt if there is none of that name, or
  // none that matches.
  [[nodiscard]] std::optional<std::string_view> shaper_value(std::string_view rule,
                                                             const Subject& subject) const;
  // The same as a number, for rules such as max_user_sessions; `infinity` is 0, as no limit.
  [[nodiscard]] std::optional<std::uint32_t> limit(std::string_view rule,
                                                   const Subject& subject) const;
  // Of an account for which the rule max_user_sessions says nothing: sessions that wait to be
  // resumed hold no connection, so nothing else would bound them.
  static constexpr std::uint32_t kMaxUserSessions = 100;

  friend bool operator==(const Access&, const Access&) = default;
};

}  // namespace starling::config
