// Jid: an XMPP address, localpart@domainpart/resourcepart, prepared and enforced by RFC 7622.
//
// A value type of one pointer: copies share one immutable counted string. Two Jids are equal if
// their prepared forms are equal byte for byte. Thread-safe to read.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace starling::xmpp {

class Jid {
 public:
  // No address at all; empty() is true.
  Jid() = default;

  // Parses and prepares by RFC 7622: localpart UsernameCaseMapped, domainpart IDNA2008 U-labels or
  // an IP literal, resourcepart OpaqueString; each at most 1,023 octets. nullopt if it is no JID.
  static std::optional<Jid> parse(std::string_view text);

  // From parts as a user would type them; prepared as above. An empty part is absent.
  static std::optional<Jid> make(std::string_view local, std::string_view domain,
                                 std::string_view resource = {});

  [[nodiscard]] bool empty() const { return !rep_; }
  [[nodiscard]] std::string_view local() const;
  [[nodiscard]] std::string_view domain() const;
  [[nodiscard]] std::string_view resource() const;
  [[nodiscard]] std::string_view bare() const;  // localpart@domainpart, or the domainpart
  [[nodiscard]] std::string_view full() const;  // everything; for an empty Jid ""
  [[nodiscard]] std::string str() const { return std::string(full()); }

  [[nodiscard]] bool is_bare() const { return resource().empty(); }
  [[nodiscard]] bool is_domain() const { return local().empty() && resource().empty(); }

  // The same address without resourcepart; shares the string if there is none to remove.
  [[nodiscard]] Jid to_bare() const;
  // The same bare address with this resourcepart, prepared. nullopt if it is not acceptable.
  [[nodiscard]] std::optional<Jid> with_resource(std::string_view resource) const;

  friend bool operator==(const Jid& a, const Jid& b) {
    return a.rep_ == b.rep_ || a.full() == b.full();
  }
  friend std::strong_ordering operator<=>(const Jid& a, const Jid& b) {
    return a.full() <=> b.full();
  }

  struct Rep;  // private to jid.cc: counted header followed by the characters

 private:
  explicit Jid(boost::intrusive_ptr<const Rep> rep);
  boost::intrusive_ptr<const Rep> rep_;
};

void intrusive_ptr_add_ref(const Jid::Rep* rep) noexcept;
void intrusive_ptr_release(const Jid::Rep* rep) noexcept;

// Preparation of single parts (RFC 7622 sections 3.2 to 3.4); nullopt if not acceptable.
[[nodiscard]] std::optional<std::string> prepare_local(std::string_view text);
[[nodiscard]] std::optional<std::string> prepare_domain(std::string_view text);
// A prepared domain as DNS and certificates have it, with A-labels; nullopt if it is too long for
// them.
[[nodiscard]] std::optional<std::string> domain_in_ascii(std::string_view prepared);
[[nodiscard]] std::optional<std::string> prepare_resource(std::string_view text);

}  // namespace starling::xmpp

template <>
struct std::hash<starling::xmpp::Jid> {
  std::size_t operator()(const starling::xmpp::Jid& jid) const noexcept {
    return std::hash<std::string_view>{}(jid.full());
  }
};
