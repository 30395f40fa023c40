// The SQL of the logs, apart from its use so that a test can ask SQLite how it would run each.
#pragma once

#include <array>

namespace starling::store::sqlite {

// One text for each kind of filter, so that SQLite plans each for its own index. All take the same
// parameters; what a filter does not name is bound to '' and compared with that.
//   [0] by id only, [1] by peer, [2] by peer and detail
using LogTexts = std::array<const char*, 3>;

#define STARLING_LOG_WHERE " FROM log_entry WHERE owner = ?1 AND log = ?2 AND id > ?3 AND id < ?4"
#define STARLING_LOG_BY_ID STARLING_LOG_WHERE " AND ?5 = '' AND ?6 = ''"
#define STARLING_LOG_BY_PEER STARLING_LOG_WHERE " AND peer = ?5 AND ?6 = ''"
#define STARLING_LOG_BY_DETAIL STARLING_LOG_WHERE " AND peer = ?5 AND detail = ?6"
#define STARLING_LOG_TEXTS(head) \
  {head STARLING_LOG_BY_ID, head STARLING_LOG_BY_PEER, head STARLING_LOG_BY_DETAIL}

// By peer, the index first gives the ids of the page and only those entries are looked up. Asked
// plainly, SQLite walks the owner's whole log instead, as it does not know how rare the peer is.
#define STARLING_LOG_PAGE(order) \
  "SELECT id, peer, detail, value" STARLING_LOG_BY_ID order " LIMIT ?7"
#define STARLING_LOG_PAGE_OF(which, order)                                                         \
  "SELECT id, peer, detail, value FROM log_entry WHERE owner = ?1 AND log = ?2 AND id IN (SELECT " \
  "id" which order " LIMIT ?7)" order
#define STARLING_LOG_PAGES(order)                                               \
  {STARLING_LOG_PAGE(order), STARLING_LOG_PAGE_OF(STARLING_LOG_BY_PEER, order), \
   STARLING_LOG_PAGE_OF(STARLING_LOG_BY_DETAIL, order)}

inline constexpr LogTexts kLogOldest = STARLING_LOG_PAGES(" ORDER BY id");
inline constexpr LogTexts kLogNewest = STARLING_LOG_PAGES(" ORDER BY id DESC");
inline constexpr LogTexts kLogCount = {
    "SELECT count(*) FROM (SELECT 1" STARLING_LOG_BY_ID " LIMIT ?7)",
    "SELECT count(*) FROM (SELECT 1" STARLING_LOG_BY_PEER " LIMIT ?7)",
    "SELECT count(*) FROM (SELECT 1" STARLING_LOG_BY_DETAIL " LIMIT ?7)"};
inline constexpr LogTexts kLogTrim = STARLING_LOG_TEXTS("DELETE");

#undef STARLING_LOG_PAGES
#undef STARLING_LOG_PAGE_OF
#undef STARLING_LOG_PAGE
#undef STARLING_LOG_TEXTS
#undef STARLING_LOG_BY_DETAIL
#undef STARLING_LOG_BY_PEER
#undef STARLING_LOG_BY_ID
#undef STARLING_LOG_WHERE

}  // namespace starling::store::sqlite
