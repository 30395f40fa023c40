// Preparation of a JID's parts (RFC 7622 sections 3.2 to 3.4) without copying what needs no change.
// Used by jid.cc alone; everybody else takes prepare_local() and its sisters from jid.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace starling::xmpp {

inline constexpr std::size_t kMaxJidPart = 1023;  // octets, after preparation
// Preparation shortens at most to a third (fullwidth letters, Hangul jamo, wide spaces), so longer
// input is refused before any work is spent on it. (Domain names may hold characters that vanish
// altogether; nobody needs a thousand of those.)
inline constexpr std::size_t kMaxUnpreparedPart = 3 * kMaxJidPart;

// A prepared part: a view of the input where preparation changed nothing (nearly always), which
// must outlive it; else a string of its own.
class PreparedPart {
 public:
  explicit PreparedPart(std::string_view unchanged) : unchanged_(unchanged) {}
  explicit PreparedPart(std::string own) : own_(std::move(own)), owns_(true) {}
  [[nodiscard]] std::string_view view() const { return owns_ ? own_ : unchanged_; }

 private:
  std::string_view unchanged_;
  std::string own_;
  bool owns_ = false;
};

// nullopt if not acceptable.
[[nodiscard]] std::optional<PreparedPart> prepare_local_part(std::string_view text);
// Host names: IDNA2008 U-labels and LDH labels; "_" too, in all-ASCII labels: no host name has it,
// but names in the field do. One trailing dot is dropped. IPv6 in brackets, in RFC 5952's form.
[[nodiscard]] std::optional<PreparedPart> prepare_domain_part(std::string_view text);
[[nodiscard]] std::optional<PreparedPart> prepare_resource_part(std::string_view text);

}  // namespace starling::xmpp
