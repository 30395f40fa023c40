#include <algorithm>
#include <array>
#include <utility>

#include "store/sqlite_shapes.h"

namespace starling::store::sqlite {

namespace {

// One text for each kind of filter, so that SQLite plans each for its own index. All take the same
// parameters; what a filter does not name is bound to '' and compared with that.
#define STARLING_LOG_WHERE(rest) \
  " FROM log_entry WHERE owner = ?1 AND log = ?2 AND id > ?3 AND id < ?4" rest
#define STARLING_LOG_TEXTS(head, tail)                                \
  {                                                                   \
      head STARLING_LOG_WHERE(" AND ?5 = '' AND ?6 = ''") tail,       \
      head STARLING_LOG_WHERE(" AND peer = ?5 AND ?6 = ''") tail,     \
      head STARLING_LOG_WHERE(" AND peer = ?5 AND detail = ?6") tail, \
  }
using Texts = std::array<const char*, 3>;

#define STARLING_LOG_COLUMNS "SELECT id, peer, detail, value"
constexpr Texts kOldest = STARLING_LOG_TEXTS(STARLING_LOG_COLUMNS, " ORDER BY id LIMIT ?7");
constexpr Texts kNewest = STARLING_LOG_TEXTS(STARLING_LOG_COLUMNS, " ORDER BY id DESC LIMIT ?7");
constexpr Texts kCount = STARLING_LOG_TEXTS("SELECT count(*)", "");
constexpr Texts kTrim = STARLING_LOG_TEXTS("DELETE", "");
#undef STARLING_LOG_COLUMNS
#undef STARLING_LOG_TEXTS
#undef STARLING_LOG_WHERE

const char* text_for(const Texts& texts, const LogFilter& filter) {
  return texts[!filter.peer ? 0 : !filter.detail ? 1 : 2];
}

Result<LogPage> read_log(Connection& db, const std::string& owner, const std::string& log,
                         const LogFilter& filter, std::uint32_t limit, bool newest) {
  Query rows(db, text_for(newest ? kNewest : kOldest, filter), owner, log, filter.after,
             filter.before, filter.peer.value_or(""), filter.detail.value_or(""),
             std::uint64_t{limit} + 1);  // one more tells whether there is more
  LogPage page;
  page.complete = true;
  while (rows.next()) {
    if (page.entries.size() == limit) {
      page.complete = false;
      break;
    }
    page.entries.push_back(
        {static_cast<std::uint64_t>(rows.integer(0)), rows.text(1), rows.text(2), rows.text(3)});
  }
  if (auto done = rows.result(); !done) return std::unexpected(done.error());
  if (newest) std::ranges::reverse(page.entries);
  return page;
}

}  // namespace

Task<Result<>> SqliteLogs::append(std::string owner, std::string log, LogEntry entry) {
  return writer_.write(
      [owner = std::move(owner), log = std::move(log), entry = std::move(entry)](Connection& db) {
        return db.exec(
            "INSERT INTO log_entry (owner, log, id, peer, detail, value)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            owner, log, entry.id, entry.peer, entry.detail, Blob{entry.value});
      });
}

Task<Result<LogPage>> SqliteLogs::read(std::string owner, std::string log, LogFilter filter,
                                       std::uint32_t limit, bool newest) {
  return readers_.read(
      [owner = std::move(owner), log = std::move(log), filter = std::move(filter), limit,
       newest](Connection& db) { return read_log(db, owner, log, filter, limit, newest); });
}

Task<Result<std::uint64_t>> SqliteLogs::count(std::string owner, std::string log,
                                              LogFilter filter) {
  return readers_.read([owner = std::move(owner), log = std::move(log),
                        filter = std::move(filter)](Connection& db) -> Result<std::uint64_t> {
    Query row(db, text_for(kCount, filter), owner, log, filter.after, filter.before,
              filter.peer.value_or(""), filter.detail.value_or(""));
    std::uint64_t count = 0;
    if (row.next()) count = static_cast<std::uint64_t>(row.integer(0));
    if (auto done = row.result(); !done) return std::unexpected(done.error());
    return count;
  });
}

Task<Result<std::uint64_t>> SqliteLogs::trim(std::string owner, std::string log, LogFilter filter) {
  std::uint64_t removed = 0;  // filled in by the writer's thread before this Task resumes
  auto job = [&removed, owner = std::move(owner), log = std::move(log),
              filter = std::move(filter)](Connection& db) {
    auto done = db.exec(text_for(kTrim, filter), owner, log, filter.after, filter.before,
                        filter.peer.value_or(""), filter.detail.value_or(""));
    removed = static_cast<std::uint64_t>(db.changes());
    return done;
  };
  const auto done = co_await writer_.write(std::move(job));
  if (!done) co_return std::unexpected(done.error());
  co_return removed;
}

}  // namespace starling::store::sqlite
