#include "xmpp/jid_parts.h"

#include "xmpp/jid_bytes.h"
#include "xmpp/precis.h"

namespace starling::xmpp {
namespace {

std::optional<PreparedPart> bounded(std::optional<std::string> enforced) {
  if (!enforced || enforced->size() > kMaxJidPart) return std::nullopt;
  return PreparedPart(std::move(*enforced));
}

}  // namespace

std::optional<PreparedPart> prepare_local_part(std::string_view text) {
  if (text.empty() || text.size() > kMaxUnpreparedPart) return std::nullopt;
  const ByteScan found(text);
  if ((found.any & kNotAscii) != 0) {
    auto enforced = enforce_username_case_mapped(text);
    // Only now: the width mapping makes such characters of their fullwidth forms.
    if (enforced && enforced->find_first_of(kLocalExclusions) != std::string::npos) {
      return std::nullopt;
    }
    return bounded(std::move(enforced));
  }
  if ((found.all & kInLocal) == 0 || text.size() > kMaxJidPart) return std::nullopt;
  if ((found.any & kUpperCase) == 0) return PreparedPart(text);
  return PreparedPart(ascii_lower(text));
}

std::optional<PreparedPart> prepare_resource_part(std::string_view text) {
  if (text.empty() || text.size() > kMaxUnpreparedPart) return std::nullopt;
  const ByteScan found(text);
  if ((found.any & kNotAscii) != 0) return bounded(enforce_opaque_string(text));
  if ((found.all & kInResource) == 0 || text.size() > kMaxJidPart) return std::nullopt;
  return PreparedPart(text);
}

}  // namespace starling::xmpp
