// Result set management (XEP-0059): which page of a list a client asks for, and which one it gets.
//
// Plain values. What a UID is, is the list's business.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "xml/document.h"
#include "xml/writer.h"
#include "xmpp/errors.h"

namespace starling::xmpp {

struct PageRequest {
  std::optional<std::uint32_t> max;  // 0: only the count is wanted
  std::string after;                 // a UID; "" for none
  std::string before;                // a UID; "" for none
  bool backwards = false;            // the last page of what is asked for, not the first

  // The <set/> child of `parent`; without one, a request for nothing in particular. Errors:
  // bad-request; feature-not-implemented for a page by index, which no list here can find.
  static std::expected<PageRequest, StanzaError> parse(const xml::Element& parent);
};

// The <set/> that goes with a page.
struct PageAnswer {
  std::string first;  // UIDs; "" for an empty page
  std::string last;
  std::optional<std::uint64_t> count;  // of the whole list, if known

  void write(xml::Writer& w) const;
};

}  // namespace starling::xmpp
