#include <algorithm>
#include <utility>

#include "store/sqlite_log_sql.h"
#include "store/sqlite_shapes.h"

namespace starling::store::sqlite {

namespace {

const char* text_for(const LogTexts& texts, const LogFilter& filter) {
  return texts[!filter.peer ? 0 : !filter.detail ? 1 : 2];
}

Result<LogPage> read_log(Connection& db, const std::string& owner, const std::string& log,
                         const LogFilter& filter, std::uint32_t limit, bool newest) {
  Query rows(db, text_for(newest ? kLogNewest : kLogOldest, filter), owner, log, filter.after,
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
  const std::size_t bytes = entry.value.size();
  return writer_.write(
      [owner = std::move(owner), log = std::move(log), entry = std::move(entry)](Connection& db) {
        return db.exec(
            "INSERT INTO log_entry (owner, log, id, peer, detail, value)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            owner, log, entry.id, entry.peer, entry.detail, Blob{entry.value});
      },
      bytes);
}

Task<Result<LogPage>> SqliteLogs::read(std::string owner, std::string log, LogFilter filter,
                                       std::uint32_t limit, bool newest) {
  return readers_.read(
      [owner = std::move(owner), log = std::move(log), filter = std::move(filter), limit,
       newest](Connection& db) { return read_log(db, owner, log, filter, limit, newest); });
}

Task<Result<std::uint64_t>> SqliteLogs::count(std::string owner, std::string log, LogFilter filter,
                                              std::uint64_t limit) {
  return readers_.read([owner = std::move(owner), log = std::move(log), filter = std::move(filter),
                        limit](Connection& db) -> Result<std::uint64_t> {
    Query row(db, text_for(kLogCount, filter), owner, log, filter.after, filter.before,
              filter.peer.value_or(""), filter.detail.value_or(""), limit);
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
    auto done = db.exec(text_for(kLogTrim, filter), owner, log, filter.after, filter.before,
                        filter.peer.value_or(""), filter.detail.value_or(""));
    removed = static_cast<std::uint64_t>(db.changes());
    return done;
  };
  const auto done = co_await writer_.write(std::move(job));
  if (!done) co_return std::unexpected(done.error());
  co_return removed;
}

}  // namespace starling::store::sqlite
