// The domainpart of a JID (RFC 7622 section 3.2).
#include <arpa/inet.h>
#include <unicode/idna.h>
#include <unicode/unistr.h>

#include <array>
#include <cassert>
#include <cstdint>

#include "xmpp/jid_bytes.h"
#include "xmpp/jid_parts.h"
#include "xmpp/precis.h"
#include "xmpp/precis_class.h"

namespace starling::xmpp {
namespace {

constexpr std::size_t kMaxLabel = 63;  // octets, of the A-label if there is one

std::string_view take_label(std::string_view& rest) {
  const std::size_t dot = rest.find('.');
  const std::string_view label = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  return label;
}

// The shape of an NR-LDH label (RFC 5890 section 2.3.1); its characters are checked elsewhere.
bool has_label_shape(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabel) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return label.size() < 4 || label[2] != '-' || label[3] != '-';
}

enum class Verdict : std::uint8_t { good, bad, needs_idna };

// `name` consists of kInDomain octets in lower case.
Verdict check_ascii_labels(std::string_view name) {
  if (name.empty() || name.back() == '.') return Verdict::bad;
  Verdict verdict = Verdict::good;
  while (!name.empty()) {
    const std::string_view label = take_label(name);
    if (label.starts_with("xn--")) {
      verdict = Verdict::needs_idna;
    } else if (!has_label_shape(label)) {
      return Verdict::bad;
    }
  }
  return verdict;
}

// A label in lower case, after IDNA processing: U-label, NR-LDH label or one with underscores.
bool is_final_label(std::string_view label) {
  const ByteScan found(label);
  if ((found.any & kNotAscii) == 0) {
    return (found.all & kInDomain) != 0 && has_label_shape(label);
  }
  for (const char c : label) {
    const std::uint8_t classes = kByteClasses[static_cast<unsigned char>(c)];
    if ((classes & (kInDomain | kNotAscii)) == 0 || c == '_') return false;
  }
  const auto text =
      icu::UnicodeString::fromUTF8({label.data(), static_cast<std::int32_t>(label.size())});
  // UTS 46 is content with symbols; IDNA2008 is not. Its code points are the IdentifierClass's.
  return in_precis_class(text, PrecisClass::identifier);
}

bool are_final_labels(std::string_view name) {
  if (name.empty() || name.back() == '.') return false;
  while (!name.empty()) {
    if (!is_final_label(take_label(name))) return false;
  }
  return true;
}

const icu::IDNA& uts46() {
  // No STD3 rules: they would refuse "_". No contextual rules: ICU takes time quadratic in the
  // label for them. are_final_labels() does the work of both.
  constexpr std::uint32_t kOptions =
      UIDNA_CHECK_BIDI | UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE;
  UErrorCode status = U_ZERO_ERROR;
  static const icu::IDNA* const instance = icu::IDNA::createUTS46Instance(kOptions, status);
  assert(instance != nullptr && "ICU has no IDNA data");
  return *instance;
}

std::optional<icu::UnicodeString> to_u_labels(const icu::UnicodeString& name) {
  UErrorCode status = U_ZERO_ERROR;
  icu::IDNAInfo info;
  icu::UnicodeString out;
  uts46().nameToUnicode(name, out, info, status);
  if (U_FAILURE(status) || info.hasErrors()) return std::nullopt;
  return out;
}

// DNS bounds the encoded form of a label, which only encoding tells.
bool has_short_a_labels(const icu::UnicodeString& name) {
  UErrorCode status = U_ZERO_ERROR;
  icu::IDNAInfo info;
  icu::UnicodeString encoded;
  uts46().nameToASCII(name, encoded, info, status);
  // RFC 7622 bounds the whole by its own 1,023 octets, not by what DNS can carry.
  constexpr std::uint32_t kIgnored = UIDNA_ERROR_DOMAIN_NAME_TOO_LONG;
  return U_SUCCESS(status) && (info.getErrors() & ~kIgnored) == 0;
}

bool is_dot(char16_t c) {
  return c == u'.' || c == 0x3002 || c == 0xFF0E || c == 0xFF61;
}

// For names with U-labels or A-labels.
std::optional<std::string> prepare_idn(std::string_view text) {
  if (!is_utf8(text)) return std::nullopt;
  auto given = icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())});
  if (is_dot(given.charAt(given.length() - 1))) given.truncate(given.length() - 1);
  // Checks as well that an A-label is the one its U-label encodes to (RFC 5891 section 5.4).
  const auto unicode = to_u_labels(given);
  if (!unicode || to_u_labels(*unicode) != unicode) return std::nullopt;
  if (!has_short_a_labels(*unicode)) return std::nullopt;
  std::string out;
  unicode->toUTF8String(out);
  if (!are_final_labels(out)) return std::nullopt;
  return out;
}

std::optional<PreparedPart> prepare_ip_literal(std::string_view text) {
  if (text.size() < 4 || text.back() != ']') return std::nullopt;
  const std::string address(text.substr(1, text.size() - 2));
  in6_addr parsed{};
  // inet_pton stops at NUL and knows no zones, which mean nothing beyond one host (RFC 9844).
  if (address.find('\0') != std::string::npos ||
      inet_pton(AF_INET6, address.c_str(), &parsed) != 1) {
    return std::nullopt;
  }
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  inet_ntop(AF_INET6, &parsed, canonical.data(), canonical.size());
  std::string out = "[";
  out += canonical.data();
  out += ']';
  if (out == text) return PreparedPart(text);
  return PreparedPart(std::move(out));
}

std::optional<PreparedPart> prepare_ascii(std::string_view text, const ByteScan& found) {
  if ((found.all & kInDomain) == 0) return std::nullopt;
  std::string lower;
  const bool has_upper = (found.any & kUpperCase) != 0;
  if (has_upper) lower = ascii_lower(text);
  switch (check_ascii_labels(has_upper ? std::string_view(lower) : text)) {
    case Verdict::good:
      return has_upper ? PreparedPart(std::move(lower)) : PreparedPart(text);
    case Verdict::needs_idna:
      if (auto name = prepare_idn(text)) return PreparedPart(std::move(*name));
      return std::nullopt;
    case Verdict::bad:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<PreparedPart> prepare_domain_part(std::string_view text) {
  if (text.size() > kMaxUnpreparedPart) return std::nullopt;
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  std::optional<PreparedPart> part;
  if (text.front() == '[') {
    part = prepare_ip_literal(text);
  } else if (const ByteScan found(text); (found.any & kNotAscii) == 0) {
    part = prepare_ascii(text, found);
  } else if (auto name = prepare_idn(text)) {
    part.emplace(std::move(*name));
  }
  if (part && part->view().size() > kMaxJidPart) return std::nullopt;
  return part;
}

std::optional<std::string> domain_in_ascii(std::string_view prepared) {
  if ((ByteScan(prepared).any & kNotAscii) == 0) return std::string(prepared);
  UErrorCode status = U_ZERO_ERROR;
  icu::IDNAInfo info;
  icu::UnicodeString encoded;
  uts46().nameToASCII(icu::UnicodeString::fromUTF8(prepared), encoded, info, status);
  if (U_FAILURE(status) || info.hasErrors()) return std::nullopt;
  std::string out;
  return encoded.toUTF8String(out);
}

}  // namespace starling::xmpp
