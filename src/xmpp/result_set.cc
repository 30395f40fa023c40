#include "xmpp/result_set.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

#include "xmpp/ns.h"

namespace starling::xmpp {

namespace {

// A number too large to hold is as good as the largest.
std::optional<std::uint32_t> parse_max(std::string_view text) {
  std::uint32_t max = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), max);
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) return std::nullopt;
  if (error != std::errc()) return std::numeric_limits<std::uint32_t>::max();
  return max;
}

std::string text_of(const std::optional<xml::Element>& element) {
  return element ? element->text() : std::string();
}

}  // namespace

std::expected<PageRequest, StanzaError> PageRequest::parse(const xml::Element& parent) {
  PageRequest request;
  const auto set = parent.child("set", ns::kResultSet);
  if (!set) return request;
  if (set->child("index", ns::kResultSet)) {
    return std::unexpected(StanzaError{StanzaCondition::feature_not_implemented,
                                       "pages are found by <after/> and <before/> only",
                                       {}});
  }
  if (const auto max = set->child("max", ns::kResultSet)) {
    request.max = parse_max(max->text());
    if (!request.max) {
      return std::unexpected(
          StanzaError{StanzaCondition::bad_request, "<max/> is not a number", {}});
    }
  }
  request.after = text_of(set->child("after", ns::kResultSet));
  const auto before = set->child("before", ns::kResultSet);
  request.before = text_of(before);
  request.backwards = before.has_value();
  return request;
}

void PageAnswer::write(xml::Writer& w) const {
  w.open("set", ns::kResultSet);
  if (!first.empty()) {
    w.open("first").text(first).close();
    w.open("last").text(last).close();
  }
  if (count) w.open("count").text(std::to_string(*count)).close();
  w.close();
}

}  // namespace starling::xmpp
