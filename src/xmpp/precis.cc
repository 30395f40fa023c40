#include "xmpp/precis.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <cassert>
#include <cstdint>
#include <utility>

#include "xmpp/precis_class.h"

namespace starling::xmpp {
namespace {

// Rounds after which a string that still changes is refused. No known string needs three.
constexpr int kMaxRounds = 4;

const icu::Normalizer2& nfkc() {
  UErrorCode status = U_ZERO_ERROR;
  static const icu::Normalizer2* const instance = icu::Normalizer2::getNFKCInstance(status);
  assert(instance != nullptr && "ICU has no NFKC data");
  return *instance;
}

icu::UnicodeString to_nfc(const icu::UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  static const icu::Normalizer2* const nfc = icu::Normalizer2::getNFCInstance(status);
  assert(nfc != nullptr && "ICU has no NFC data");
  return nfc->normalize(text, status);
}

// The width mapping rule: fullwidth and halfwidth code points become what they are wide forms of.
icu::UnicodeString map_width(const icu::UnicodeString& text) {
  icu::UnicodeString out;
  icu::UnicodeString decomposition;
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    const auto type = u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE);
    if ((type == U_DT_WIDE || type == U_DT_NARROW) &&
        nfkc().getRawDecomposition(c, decomposition)) {
      out.append(decomposition);
    } else {
      out.append(c);
    }
  }
  return out;
}

icu::UnicodeString map_spaces(const icu::UnicodeString& text) {
  icu::UnicodeString out(text);
  for (std::int32_t i = 0; i < out.length(); ++i) {  // all of Zs is in the BMP
    if (u_charType(out.charAt(i)) == U_SPACE_SEPARATOR) out.setCharAt(i, u' ');
  }
  return out;
}

template <class Map>
std::optional<icu::UnicodeString> until_stable(std::string_view text, Map map) {
  if (text.empty() || !is_utf8(text)) return std::nullopt;
  icu::UnicodeString current =
      icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())});
  for (int round = 0; round < kMaxRounds; ++round) {
    icu::UnicodeString next = map(current);
    if (next == current) return current.isEmpty() ? std::nullopt : std::optional(current);
    current = std::move(next);
  }
  return std::nullopt;
}

std::string to_utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    UChar32 c = 0;
    U8_NEXT(bytes, i, text.size(), c);  // NOLINT(bugprone-inc-dec-in-conditions): ICU's macro
    if (c < 0) return false;
  }
  return true;
}

std::optional<std::string> enforce_username_case_mapped(std::string_view text) {
  const auto mapped = until_stable(text, [](const icu::UnicodeString& s) {
    icu::UnicodeString lower = map_width(s);
    lower.toLower(icu::Locale::getRoot());
    return to_nfc(lower);
  });
  if (!mapped || !follows_bidi_rule(*mapped)) return std::nullopt;
  if (!in_precis_class(*mapped, PrecisClass::identifier)) return std::nullopt;
  return to_utf8(*mapped);
}

std::optional<std::string> enforce_opaque_string(std::string_view text) {
  const auto mapped =
      until_stable(text, [](const icu::UnicodeString& s) { return to_nfc(map_spaces(s)); });
  if (!mapped || !in_precis_class(*mapped, PrecisClass::freeform)) return std::nullopt;
  return to_utf8(*mapped);
}

}  // namespace starling::xmpp
