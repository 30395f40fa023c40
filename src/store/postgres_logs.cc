#include <algorithm>
#include <array>
#include <utility>

#include "store/postgres_shapes.h"

namespace starling::store::postgres {

namespace {

Query query_for(const std::array<Statement, 3>& statements, const std::string& owner,
                const std::string& log, const LogFilter& filter) {
  Query query{&statements[!filter.peer ? 0 : !filter.detail ? 1 : 2], {}};
  query.values.text(owner).text(log).bigint(filter.after).bigint(filter.before);
  if (filter.peer) query.values.text(*filter.peer);
  if (filter.peer && filter.detail) query.values.text(*filter.detail);
  return query;
}

}  // namespace

Task<Result<>> PostgresLogs::append(std::string owner, std::string log, LogEntry entry) {
  Append entry_of_log{std::move(owner), std::move(log), std::move(entry)};
  const auto done = co_await engine_.append(std::move(entry_of_log));
  if (!done) co_return std::unexpected(done.error());
  co_return Result<>();
}

Task<Result<LogPage>> PostgresLogs::read(std::string owner, std::string log, LogFilter filter,
                                         std::uint32_t limit, bool newest) {
  Query query = query_for(newest ? kReadNewest : kReadOldest, owner, log, filter);
  query.values.bigint(std::int64_t{limit} + 1);  // one more tells whether there is more
  const auto rows = co_await engine_.read(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  LogPage page;
  page.complete = static_cast<std::uint32_t>(rows->count()) <= limit;
  const int taken = page.complete ? rows->count() : static_cast<int>(limit);
  for (int row = 0; row < taken; ++row) {
    page.entries.push_back({static_cast<std::uint64_t>(rows->number(row, 0)), rows->text(row, 1),
                            rows->text(row, 2), rows->text(row, 3)});
  }
  if (newest) std::ranges::reverse(page.entries);
  co_return page;
}

Task<Result<std::uint64_t>> PostgresLogs::count(std::string owner, std::string log,
                                                LogFilter filter, std::uint64_t limit) {
  Query query = query_for(kCountEntries, owner, log, filter);
  query.values.bigint(limit);
  const auto rows = co_await engine_.read(std::move(query));
  if (!rows) co_return std::unexpected(rows.error());
  co_return static_cast<std::uint64_t>(rows->number(0, 0));
}

Task<Result<std::uint64_t>> PostgresLogs::trim(std::string owner, std::string log,
                                               LogFilter filter) {
  Query query = query_for(kTrimEntries, owner, log, filter);
  const auto rows = co_await engine_.write(std::move(query), Engine::Repeat::no);
  if (!rows) co_return std::unexpected(rows.error());
  co_return rows->changed();
}

}  // namespace starling::store::postgres
