#include "xmpp/precis_class.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <cassert>
#include <optional>

namespace starling::xmpp {
namespace {

// The derived property values of RFC 8264 section 8; `free` is "FREE_PVAL / ID_DIS".
enum class Derived : std::uint8_t { valid, context, free, disallowed };

bool between(UChar32 c, UChar32 first, UChar32 last) {
  return first <= c && c <= last;
}

bool is_arabic_indic_digit(UChar32 c) {
  return between(c, 0x0660, 0x0669);
}
bool is_extended_arabic_indic_digit(UChar32 c) {
  return between(c, 0x06F0, 0x06F9);
}

// RFC 8264 section 9.6.
bool exception_of(UChar32 c, Derived& out) {
  switch (c) {
    case 0x00DF:
    case 0x03C2:
    case 0x06FD:
    case 0x06FE:
    case 0x0F0B:
    case 0x3007:
      out = Derived::valid;
      return true;
    case 0x00B7:
    case 0x0375:
    case 0x05F3:
    case 0x05F4:
    case 0x30FB:
      out = Derived::context;
      return true;
    case 0x0640:
    case 0x07FA:
    case 0x302E:
    case 0x302F:
    case 0x303B:
      out = Derived::disallowed;
      return true;
    default:
      break;
  }
  if (is_arabic_indic_digit(c) || is_extended_arabic_indic_digit(c)) {
    out = Derived::context;
    return true;
  }
  if (between(c, 0x3031, 0x3035)) {
    out = Derived::disallowed;
    return true;
  }
  return false;
}

bool is_old_hangul_jamo(UChar32 c) {
  const auto type = u_getIntPropertyValue(c, UCHAR_HANGUL_SYLLABLE_TYPE);
  return type == U_HST_LEADING_JAMO || type == U_HST_VOWEL_JAMO || type == U_HST_TRAILING_JAMO;
}

bool has_compat(UChar32 c) {
  UErrorCode status = U_ZERO_ERROR;
  static const icu::Normalizer2* const nfkc = icu::Normalizer2::getNFKCInstance(status);
  assert(nfkc != nullptr && "ICU has no NFKC data");
  return !nfkc->isNormalized(icu::UnicodeString(c), status);
}

// The algorithm of RFC 8264 section 8, in its order.
Derived derived_property(UChar32 c) {
  if (between(c, 0x21, 0x7E)) return Derived::valid;
  if (Derived value{}; exception_of(c, value)) return value;
  const auto category = u_charType(c);
  if (category == U_UNASSIGNED) return Derived::disallowed;  // noncharacters as well
  if (u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL)) return Derived::context;
  if (is_old_hangul_jamo(c)) return Derived::disallowed;
  if (u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) return Derived::disallowed;
  if (category == U_CONTROL_CHAR) return Derived::disallowed;
  if (has_compat(c)) return Derived::free;
  constexpr std::uint32_t kLetterDigits = U_GC_LL_MASK | U_GC_LU_MASK | U_GC_LO_MASK |
                                          U_GC_ND_MASK | U_GC_LM_MASK | U_GC_MN_MASK | U_GC_MC_MASK;
  constexpr std::uint32_t kOther = U_GC_LT_MASK | U_GC_NL_MASK | U_GC_NO_MASK | U_GC_ME_MASK |
                                   U_GC_ZS_MASK | U_GC_S_MASK | U_GC_P_MASK;
  const std::uint32_t mask = U_MASK(category);
  if ((mask & kLetterDigits) != 0) return Derived::valid;
  return (mask & kOther) != 0 ? Derived::free : Derived::disallowed;
}

constexpr UChar32 kNone = -1;

UChar32 before(const icu::UnicodeString& text, std::int32_t at) {
  return at > 0 ? text.char32At(at - 1) : kNone;
}

UChar32 after(const icu::UnicodeString& text, std::int32_t at) {
  const std::int32_t next = text.moveIndex32(at, 1);
  return next < text.length() ? text.char32At(next) : kNone;
}

bool has_script(UChar32 c, UScriptCode script) {
  UErrorCode status = U_ZERO_ERROR;
  return c != kNone && uscript_getScript(c, &status) == script;
}

bool after_virama(const icu::UnicodeString& text, std::int32_t at) {
  constexpr int kVirama = 9;
  const UChar32 c = before(text, at);
  return c != kNone && u_getCombiningClass(c) == kVirama;
}

int joining_type(UChar32 c) {
  return u_getIntPropertyValue(c, UCHAR_JOINING_TYPE);
}

// The second half of RFC 5892 A.1: ZERO WIDTH NON-JOINER breaks a cursive connection.
bool breaks_joining(const icu::UnicodeString& text, std::int32_t at) {
  std::int32_t i = at;
  UChar32 c = kNone;
  do {
    if (i == 0) return false;
    i = text.moveIndex32(i, -1);
    c = text.char32At(i);
  } while (joining_type(c) == U_JT_TRANSPARENT);
  if (joining_type(c) != U_JT_LEFT_JOINING && joining_type(c) != U_JT_DUAL_JOINING) return false;
  i = at;
  do {
    i = text.moveIndex32(i, 1);
    if (i >= text.length()) return false;
    c = text.char32At(i);
  } while (joining_type(c) == U_JT_TRANSPARENT);
  return joining_type(c) == U_JT_RIGHT_JOINING || joining_type(c) == U_JT_DUAL_JOINING;
}

// What the rules of RFC 5892 A.7 to A.9 ask of the whole string; found in one pass, and only if a
// code point with such a rule turns up.
struct WholeText {
  bool kana_or_han = false;
  bool arabic_indic_digit = false;
  bool extended_arabic_indic_digit = false;
};

WholeText look_at_whole(const icu::UnicodeString& text) {
  WholeText found;
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    if (has_script(c, USCRIPT_HIRAGANA) || has_script(c, USCRIPT_KATAKANA) ||
        has_script(c, USCRIPT_HAN)) {
      found.kana_or_han = true;
    }
    if (is_arabic_indic_digit(c)) found.arabic_indic_digit = true;
    if (is_extended_arabic_indic_digit(c)) found.extended_arabic_indic_digit = true;
  }
  return found;
}

// RFC 5892 appendix A, for the code point at index `at`.
bool context_rule_holds(const icu::UnicodeString& text, std::int32_t at,
                        std::optional<WholeText>& whole) {
  const UChar32 c = text.char32At(at);
  switch (c) {
    case 0x200C:
      return after_virama(text, at) || breaks_joining(text, at);
    case 0x200D:
      return after_virama(text, at);
    case 0x00B7:
      return before(text, at) == 'l' && after(text, at) == 'l';
    case 0x0375:
      return has_script(after(text, at), USCRIPT_GREEK);
    case 0x05F3:
    case 0x05F4:
      return has_script(before(text, at), USCRIPT_HEBREW);
    default:
      break;
  }
  if (!whole) whole = look_at_whole(text);
  if (c == 0x30FB) return whole->kana_or_han;
  // The two kinds of Arabic digits look alike: never both.
  if (is_arabic_indic_digit(c)) return !whole->extended_arabic_indic_digit;
  if (is_extended_arabic_indic_digit(c)) return !whole->arabic_indic_digit;
  return false;
}

}  // namespace

bool in_precis_class(const icu::UnicodeString& text, PrecisClass which) {
  std::optional<WholeText> whole;
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    if (c == ' ' && which == PrecisClass::freeform) continue;
    switch (derived_property(c)) {
      case Derived::valid:
        break;
      case Derived::context:
        if (!context_rule_holds(text, i, whole)) return false;
        break;
      case Derived::free:
        if (which != PrecisClass::freeform) return false;
        break;
      case Derived::disallowed:
        return false;
    }
  }
  return true;
}

bool follows_bidi_rule(const icu::UnicodeString& text) {
  constexpr std::uint32_t kRightToLeft = U_MASK(U_RIGHT_TO_LEFT) | U_MASK(U_RIGHT_TO_LEFT_ARABIC);
  constexpr std::uint32_t kArabicNumber = U_MASK(U_ARABIC_NUMBER);
  constexpr std::uint32_t kEuropeanNumber = U_MASK(U_EUROPEAN_NUMBER);
  constexpr std::uint32_t kNonspacing = U_MASK(U_DIR_NON_SPACING_MARK);
  constexpr std::uint32_t kAllowed =
      kRightToLeft | kArabicNumber | kEuropeanNumber | kNonspacing |
      U_MASK(U_EUROPEAN_NUMBER_SEPARATOR) | U_MASK(U_COMMON_NUMBER_SEPARATOR) |
      U_MASK(U_EUROPEAN_NUMBER_TERMINATOR) | U_MASK(U_OTHER_NEUTRAL) | U_MASK(U_BOUNDARY_NEUTRAL);

  std::uint32_t seen = 0;
  std::uint32_t last = 0;  // of the last character that is no nonspacing mark
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const std::uint32_t direction = U_MASK(u_charDirection(text.char32At(i)));
    seen |= direction;
    if (direction != kNonspacing) last = direction;
  }
  if ((seen & (kRightToLeft | kArabicNumber)) == 0) return true;
  // A string that begins left-to-right must not hold right-to-left characters at all.
  const std::uint32_t first = U_MASK(u_charDirection(text.char32At(0)));
  if ((first & kRightToLeft) == 0 || (seen & ~kAllowed) != 0) return false;
  if ((last & (kRightToLeft | kArabicNumber | kEuropeanNumber)) == 0) return false;
  return (seen & kArabicNumber) == 0 || (seen & kEuropeanNumber) == 0;
}

}  // namespace starling::xmpp
