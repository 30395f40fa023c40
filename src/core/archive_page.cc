#include "core/archive_page.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "core/archive.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using store::LogEntry;
using store::LogFilter;
using xmpp::Jid;
using xmpp::StanzaCondition;
using xmpp::StanzaError;

namespace {

template <class T>
using Answer = std::expected<T, StanzaError>;

std::unexpected<StanzaError> store_trouble(const Jid& account, const Error& error) {
  log::error("archive_unavailable", {{"jid", account.full()}, {"error", error.message}});
  return std::unexpected(StanzaError{
      StanzaCondition::resource_constraint, "the archive is unavailable at present", {}});
}

std::unexpected<StanzaError> no_such_message() {
  return std::unexpected(
      StanzaError{StanzaCondition::item_not_found, "no message of that id is in the archive", {}});
}

Task<Result<store::LogPage>> read(Worker& worker, const Jid& account, LogFilter filter,
                                  std::uint32_t limit, bool newest) {
  return worker.server().store().logs().read(account.str(), std::string(kArchiveLog),
                                             std::move(filter), limit, newest);
}

// The message of this UID.
Task<Answer<LogEntry>> find(Worker& worker, Jid account, std::string uid) {
  const auto id = worker.archive().uid().decode(uid);
  if (!id || *id == 0) co_return no_such_message();
  LogFilter filter;
  filter.after = *id - 1;
  filter.before = *id + 1;
  auto page = co_await read(worker, account, std::move(filter), 1, false);
  if (!page) co_return store_trouble(account, page.error());
  if (page->entries.empty()) co_return no_such_message();
  co_return std::move(page->entries.front());
}

// What the query says without naming any message.
LogFilter filter_of(const Jid& account, const ArchiveQuery& query) {
  LogFilter filter;
  if (query.start_us) filter.after = std::max<ArchiveId>(archive_id_at(*query.start_us), 1) - 1;
  if (query.end_us) filter.before = archive_id_at(*query.end_us + 1);
  if (query.with.empty()) return filter;
  filter.peer = query.with.bare();
  // Section 4.1.1: of the notes to oneself, all, whichever resource they are of.
  if (!query.with.is_bare() && *filter.peer != account.full()) {
    filter.detail = query.with.resource();
  }
  return filter;
}

bool passes(const LogFilter& filter, const LogEntry& entry) {
  return entry.id > filter.after && entry.id < filter.before &&
         (!filter.peer || *filter.peer == entry.peer) &&
         (!filter.detail || *filter.detail == entry.detail);
}

// Narrows the filter to what lies between the messages that the query names; all must be there.
Task<Answer<LogFilter>> narrow(Worker& worker, Jid account, const ArchiveQuery& query,
                               LogFilter filter) {
  for (const std::string* uid : {&query.after_id, &query.page.after}) {
    if (uid->empty()) continue;
    const auto entry = co_await find(worker, account, *uid);
    if (!entry) co_return std::unexpected(entry.error());
    filter.after = std::max(filter.after, entry->id);
  }
  for (const std::string* uid : {&query.before_id, &query.page.before}) {
    if (uid->empty()) continue;
    const auto entry = co_await find(worker, account, *uid);
    if (!entry) co_return std::unexpected(entry.error());
    filter.before = std::min(filter.before, entry->id);
  }
  co_return filter;
}

// Keeps `limit` entries of those at the end where the page begins.
void shorten(ArchivePage& page, std::size_t limit, bool backwards) {
  if (page.entries.size() <= limit) return;
  page.complete = false;
  const auto surplus = static_cast<std::ptrdiff_t>(page.entries.size() - limit);
  if (backwards) {
    page.entries.erase(page.entries.begin(), page.entries.begin() + surplus);
  } else {
    page.entries.erase(page.entries.end() - surplus, page.entries.end());
  }
}

void shorten_to_bytes(ArchivePage& page, bool backwards) {
  std::size_t bytes = 0;
  std::size_t fit = 0;
  const std::size_t size = page.entries.size();
  for (; fit < size; ++fit) {
    bytes += page.entries[backwards ? size - 1 - fit : fit].value.size();
    if (bytes > ArchivePage::kMaxBytes) break;
  }
  shorten(page, std::max<std::size_t>(fit, 1), backwards);
}

// Those of the query's `ids` that pass the filter.
Task<Answer<ArchivePage>> read_ids(Worker& worker, Jid account, const ArchiveQuery& query,
                                   LogFilter filter, std::uint32_t limit) {
  ArchivePage page;
  page.complete = true;
  for (const std::string& uid : query.ids) {
    auto entry = co_await find(worker, account, uid);
    if (!entry) co_return std::unexpected(entry.error());
    if (passes(filter, *entry)) page.entries.push_back(std::move(*entry));
  }
  std::ranges::sort(page.entries, {}, &LogEntry::id);
  const auto twice = std::ranges::unique(page.entries, {}, &LogEntry::id);
  page.entries.erase(twice.begin(), twice.end());
  page.count = page.entries.size();
  shorten(page, limit, query.page.backwards);
  co_return page;
}

Task<Answer<ArchivePage>> count(Worker& worker, Jid account, LogFilter filter) {
  const auto counted = co_await worker.server().store().logs().count(
      account.str(), std::string(kArchiveLog), std::move(filter), ArchivePage::kMaxCount + 1);
  if (!counted) co_return store_trouble(account, counted.error());
  ArchivePage page;
  if (*counted <= ArchivePage::kMaxCount) page.count = *counted;
  page.complete = *counted == 0;
  co_return page;
}

Task<Answer<ArchivePage>> read_range(Worker& worker, Jid account, LogFilter filter,
                                     std::uint32_t limit, bool backwards) {
  auto found = co_await read(worker, account, std::move(filter), limit, backwards);
  if (!found) co_return store_trouble(account, found.error());
  ArchivePage page;
  page.entries = std::move(found->entries);
  page.complete = found->complete;
  if (page.complete) page.count = page.entries.size();
  co_return page;
}

}  // namespace

Task<Answer<ArchivePage>> read_archive(Worker& worker, Jid account, ArchiveQuery query) {
  co_await worker.archive().written(account);
  auto filter = co_await narrow(worker, account, query, filter_of(account, query));
  if (!filter) co_return std::unexpected(filter.error());
  const std::uint32_t max = query.page.max.value_or(ArchivePage::kDefaultMessages);
  const std::uint32_t limit = std::min(max, ArchivePage::kMaxMessages);
  const bool backwards = query.page.backwards;
  Answer<ArchivePage> page;
  if (!query.ids.empty()) {
    page = co_await read_ids(worker, account, query, std::move(*filter), limit);
  } else if (limit == 0) {
    page = co_await count(worker, account, std::move(*filter));
  } else {
    page = co_await read_range(worker, account, std::move(*filter), limit, backwards);
  }
  if (!page) co_return page;
  shorten_to_bytes(*page, backwards);
  // Of a page further on, it would be the rest.
  if (!query.page.after.empty() || !query.page.before.empty()) page->count.reset();
  co_return page;
}

Task<Answer<ArchiveEnds>> read_archive_ends(Worker& worker, Jid account) {
  co_await worker.archive().written(account);
  LogFilter everything;
  const auto oldest = co_await read(worker, account, everything, 1, false);
  if (!oldest) co_return store_trouble(account, oldest.error());
  const auto newest = co_await read(worker, account, everything, 1, true);
  if (!newest) co_return store_trouble(account, newest.error());
  ArchiveEnds ends;
  if (oldest->entries.empty() || newest->entries.empty()) co_return ends;
  ends.first = oldest->entries.front().id;
  ends.last = newest->entries.front().id;
  co_return ends;
}

}  // namespace starling::core
