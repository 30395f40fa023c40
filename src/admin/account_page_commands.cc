// Accounts of a host, a page at a time, and all that is known of one.
#include <algorithm>
#include <array>
#include <utility>

#include "admin/ask_all.h"
#include "admin/call.h"
#include "base/clock.h"
#include "base/run_on.h"
#include "core/account_ban.h"
#include "core/in_turn.h"
#include "core/last_activity.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

constexpr const char* kCounts = "count_sessions";
// Counting an archive stops here: it reads what it counts.
constexpr std::uint64_t kMostCounted = 10'000;

// How many sessions each of these accounts (bare JIDs) has, if its home is this node.
Task<Result<std::string>> sessions_here(core::Server& server, std::string arguments) {
  const Json asked = Json::parse(arguments, nullptr, false);
  if (!asked.is_array()) co_return fail(Errc::invalid, "not a list of accounts");
  std::vector<std::vector<std::string>> by_worker(server.worker_count());
  for (const Json& one : asked) {
    if (!one.is_string()) continue;
    auto jid = one.get<std::string>();
    by_worker[server.home_of(jid)].push_back(std::move(jid));
  }
  Json counts = Json::object();
  for (std::size_t i = 0; i < server.worker_count(); ++i) {
    if (by_worker[i].empty()) continue;
    core::Worker& worker = server.worker(i);
    const auto count = [&worker, jids = by_worker[i]] {
      std::vector<std::pair<std::string, std::size_t>> found;
      for (const auto& jid : jids) {
        const core::LocalAccount* live = worker.directory().find(jid);
        if (live != nullptr && !live->sessions.empty()) {
          found.emplace_back(jid, live->sessions.size());
        }
      }
      return found;
    };
    for (const auto& [jid, sessions] : co_await run_on(worker.loop(), count)) {
      counts[jid] = sessions;
    }
  }
  co_return to_bytes(counts);
}

std::uint64_t sessions_of(const Answers& answers, const std::string& jid) {
  std::uint64_t sum = 0;
  for (const auto& [node, counts] : answers.by_node) {
    const auto found = counts.is_object() ? counts.find(jid) : counts.end();
    if (found != counts.end() && found->is_number_integer()) sum += found->get<std::uint64_t>();
  }
  return sum;
}

struct Names {
  std::vector<std::string> names;  // in byte order
  bool more = false;
};

// Those that begin with `prefix` are a range: it ends where one does not.
Task<Result<Names>> names_of(store::Accounts* accounts, std::string host, std::string prefix,
                             std::string after, std::size_t limit) {
  Names found;
  // The account that is called as they begin is the first, and not behind itself.
  if (!prefix.empty() && after < prefix) {
    const auto exact = co_await accounts->find(host, prefix);
    if (!exact && exact.error().code != Errc::not_found) co_return std::unexpected(exact.error());
    if (exact) found.names.push_back(prefix);
    after = prefix;
  }
  const std::size_t one_more = limit + 1;
  auto page = co_await accounts->list(host, after, static_cast<std::uint32_t>(one_more));
  if (!page) co_return std::unexpected(page.error());
  for (auto& name : *page) {
    if (!name.starts_with(prefix)) break;
    found.names.push_back(std::move(name));
  }
  found.more = found.names.size() > limit;
  if (found.more) found.names.resize(limit);
  co_return found;
}

Task<Result<Json>> list_accounts(Call call) {
  const std::string& host = call.arguments[0];
  std::string prefix;
  if (call.has(1)) {
    // As names are stored: in small letters, say.
    const auto prepared = xmpp::Jid::make(call.text(1), host);
    if (!prepared || prepared->local().empty()) {
      co_return fail(Errc::invalid, "no name begins with " + call.text(1));
    }
    prefix = prepared->local();
  }
  const auto found =
      co_await names_of(&call.server.store().accounts(), host, prefix, call.text(2), call.limit(3));
  if (!found) co_return std::unexpected(found.error());
  Json jids = Json::array();
  for (const auto& name : found->names) jids.push_back(name + "@" + host);
  const Answers answers = co_await ask_all(call.server, kCounts, jids);
  Json items = Json::array();
  for (const auto& name : found->names) {
    const auto account = xmpp::Jid::make(name, host);
    if (!account) continue;  // of a version that allowed more
    const auto ban = co_await core::ban_of(call.server.store(), *account);
    if (!ban) co_return std::unexpected(ban.error());
    items.push_back({{"user", name},
                     {"host", host},
                     {"sessions", sessions_of(answers, name + "@" + host)},
                     {"banned", ban->has_value()}});
  }
  Json result = Json::object();
  result["items"] = std::move(items);
  result["next"] = found->more ? Json(found->names.back()) : Json();
  result["missing"] = answers.missing;
  co_return result;
}

Task<Result<std::string>> time_of_entry(store::Logs* logs, std::string owner, bool newest) {
  const auto page = co_await logs->read(std::move(owner), std::string(core::kArchiveLog),
                                        store::LogFilter(), 1, newest);
  if (!page) co_return std::unexpected(page.error());
  co_return page->entries.empty()
      ? std::string()
      : xmpp_datetime_us(core::archive_time_us(page->entries.front().id));
}

Task<Result<Json>> archive_of(store::Logs* logs, std::string owner) {
  const auto count = co_await logs->count(owner, std::string(core::kArchiveLog), store::LogFilter(),
                                          kMostCounted + 1);
  if (!count) co_return std::unexpected(count.error());
  const auto newest = co_await time_of_entry(logs, owner, true);
  if (!newest) co_return std::unexpected(newest.error());
  const auto oldest = co_await time_of_entry(logs, owner, false);
  if (!oldest) co_return std::unexpected(oldest.error());
  Json archive = Json::object();
  archive["archived"] = std::min(*count, kMostCounted);
  archive["archived_more"] = *count > kMostCounted;
  archive["archive_newest"] = newest->empty() ? Json() : Json(*newest);
  archive["archive_oldest"] = oldest->empty() ? Json() : Json(*oldest);
  co_return archive;
}

// What only the account's worker knows, in its turn.
struct Live {
  std::size_t contacts = 0;
  std::uint64_t waiting = 0;
  bool online = false;
  std::optional<core::LastActivity> last;
};

Task<Result<Live>> live_of(core::Server* server, xmpp::Jid account) {
  std::move_only_function<Task<Result<Live>>(core::Worker&)> step =
      [account](core::Worker& home) -> Task<Result<Live>> {
    Live known;
    const auto loaded = co_await home.load(account);
    if (!loaded) co_return std::unexpected(loaded.error());
    const auto roster = co_await home.peek_roster(account);
    if (!roster) co_return std::unexpected(roster.error());
    for (const auto& [jid, item] : (*roster)->items()) {
      if (item.listed()) ++known.contacts;
    }
    const auto waiting = co_await home.offline().waiting(account);
    if (!waiting) co_return std::unexpected(waiting.error());
    known.waiting = *waiting;
    const core::LocalAccount* live = home.directory().find(account.bare());
    known.online = live != nullptr && !live->sessions.empty();
    const auto last = co_await core::last_activity(home.server().store().maps(), account, live);
    if (!last) co_return std::unexpected(last.error());
    known.last = *last;
    co_return known;
  };
  co_return co_await core::in_turn<Live>(*server, account, std::move(step));
}

Task<Result<Json>> account_info(Call call) {
  const xmpp::Jid account = call.account();
  store::Store& store = call.server.store();
  const auto stored =
      co_await store.accounts().find(std::string(account.domain()), std::string(account.local()));
  if (!stored) co_return std::unexpected(stored.error());
  const auto live = co_await live_of(&call.server, account);
  if (!live) co_return std::unexpected(live.error());
  const auto archive = co_await archive_of(&store.logs(), account.str());
  if (!archive) co_return std::unexpected(archive.error());
  const auto ban = co_await core::ban_of(store, account);
  if (!ban) co_return std::unexpected(ban.error());
  const auto sessions = co_await core::session_infos(call.server, account);
  Json answer = Json::object();
  answer["jid"] = account.str();
  answer["created"] = xmpp_datetime(stored->created_at_us);
  answer["sessions"] = Json::array();
  for (const auto& info : sessions) answer["sessions"].push_back(info.jid.full());
  answer["contacts"] = live->contacts;
  answer.update(*archive);
  answer["offline_messages"] = live->waiting;
  answer["banned"] = ban->has_value();
  answer["ban_reason"] = *ban ? Json((*ban)->reason) : Json();
  answer["banned_since"] = *ban ? Json(xmpp_datetime((*ban)->since_us)) : Json();
  answer["banned_by"] = *ban ? Json((*ban)->by) : Json();
  answer["online"] = live->online;
  answer["last_activity"] = live->last ? Json(xmpp_datetime(live->last->since_us)) : Json();
  co_return answer;
}

}  // namespace

std::span<const Handler> account_page_handlers() {
  static constexpr std::array kHandlers{
      Handler{"list_accounts", list_accounts},
      Handler{"account_info", account_info, true},
  };
  return kHandlers;
}

void add_account_page_procedures(core::Procedures& procedures) {
  procedures[kCounts] = sessions_here;
}

}  // namespace starling::admin
