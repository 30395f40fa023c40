// ArchiveQuery: what a client wants to see of an archive (XEP-0313 section 4), as it was written.
//
// Pure: nothing is looked up yet (see archive_page.h).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "xml/document.h"
#include "xmpp/errors.h"
#include "xmpp/jid.h"
#include "xmpp/result_set.h"

namespace starling::core {

struct ArchiveQuery {
  static constexpr std::size_t kMaxIds = 250;

  // Section 4.1: the other side, or the account itself for its notes to itself. Empty: anybody.
  xmpp::Jid with;
  std::optional<std::int64_t> start_us;  // both are part of what is asked for
  std::optional<std::int64_t> end_us;
  std::string after_id;  // UIDs, as are the following; "" for none
  std::string before_id;
  std::vector<std::string> ids;  // if there are any, only these
  xmpp::PageRequest page;
  bool flipped = false;  // the page is sent newest first
  std::string query_id;

  // From <query/>. Errors: bad-request, jid-malformed; feature-not-implemented for a field that is
  // not known here; policy-violation for more than kMaxIds ids; item-not-found for a node.
  static std::expected<ArchiveQuery, xmpp::StanzaError> parse(const xml::Element& query);
};

// <query/> with the form that ArchiveQuery::parse understands (section 4.1.5).
[[nodiscard]] std::string archive_query_form();

}  // namespace starling::core
