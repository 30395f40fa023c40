#include "admin/session_list.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "admin/ask_all.h"
#include "admin/endpoint.h"
#include "admin/whole_list.h"
#include "base/clock.h"
#include "base/run_on.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

constexpr const char* kSessions = "list_sessions";

Json question(const SessionsWanted& wanted, std::size_t limit) {
  return {{"part", wanted.part},
          {"host", wanted.host},
          {"show", wanted.show},
          {"after", wanted.after},
          {"limit", limit}};
}

SessionsWanted wanted_of(const Json& asked) {
  SessionsWanted wanted;
  if (!asked.is_object()) return wanted;
  wanted.part = asked.value("part", "");
  wanted.host = asked.value("host", "");
  wanted.show = asked.value("show", "");
  wanted.after = asked.value("after", "");
  wanted.limit = std::min(asked.value("limit", std::size_t{0}), kMostAtOnce + 1);
  return wanted;
}

// The first of a worker's sessions that are wanted.
struct Found {
  std::vector<core::SessionInfo> sessions;
  bool more = false;
};

Found find(core::Worker& worker, const SessionsWanted& wanted) {
  Found found;
  std::vector<std::pair<std::string_view, const core::Session*>> first;  // a heap: the last on top
  worker.directory().for_each([&](const core::Session& session) {
    if (!wanted.host.empty() && session.jid.domain() != wanted.host) return;
    const std::string_view jid = session.jid.full();
    if (jid <= wanted.after || !jid.contains(wanted.part)) return;
    if (!wanted.show.empty() && core::info_of(session).show != wanted.show) return;
    if (first.size() == wanted.limit) {
      found.more = true;
      if (first.empty() || jid >= first.front().first) return;
      std::ranges::pop_heap(first);
      first.pop_back();
    }
    first.emplace_back(jid, &session);
    std::ranges::push_heap(first);
  });
  for (const auto& [jid, session] : first) found.sessions.push_back(core::info_of(*session));
  return found;
}

Json describe(const core::SessionInfo& info, bus::NodeId home) {
  Json one = Json::object();
  one["jid"] = info.jid.full();
  one["node"] = info.node != 0 ? info.node : home;
  one["home"] = home;
  one["connection"] = info.connection;
  const Endpoint from = endpoint_of(info.remote);
  one["ip"] = from.ip;
  one["port"] = from.port;
  one["priority"] = info.priority;
  one["show"] = info.show;
  one["status"] = info.status;
  one["uptime"] = (wall_clock_us() - info.bound_at_us) / 1'000'000;
  one["client_state"] = info.inactive ? "inactive" : "active";
  return one;
}

// Takes the first `limit` of them; true if there were more.
bool cut(std::vector<Json>& sessions, std::size_t limit) {
  std::ranges::sort(sessions, {}, jid_of);
  if (sessions.size() <= limit) return false;
  sessions.resize(limit);
  return true;
}

// Of accounts whose home this node is, wherever they are connected.
Task<Result<std::string>> sessions_here(core::Server& server, std::string arguments) {
  const SessionsWanted wanted = wanted_of(Json::parse(arguments, nullptr, false));
  const bus::NodeId self = self_id(server);
  std::vector<Json> sessions;
  bool more = false;
  for (std::size_t i = 0; i < server.worker_count(); ++i) {
    core::Worker& worker = server.worker(i);
    const auto look = [&worker, wanted] { return find(worker, wanted); };
    Found found = co_await run_on(worker.loop(), look);
    more = more || found.more;
    for (const auto& info : found.sessions) sessions.push_back(describe(info, self));
  }
  more = cut(sessions, wanted.limit) || more;
  co_return to_bytes({{"items", sessions}, {"more", more}});
}

// What the nodes have answered, as far as it is all that there is: one that has more to tell ends
// it with the last that it tells of.
struct Round {
  std::vector<Json> sessions;
  std::optional<std::string> until;  // there is more behind it
};

Round round_of(const Answers& answers) {
  Round round;
  for (const auto& [node, answer] : answers.by_node) {
    if (!answer.is_object() || !answer.contains("items")) continue;
    std::string last;
    for (const Json& session : answer["items"]) {
      if (jid_of(session).empty()) continue;
      last = jid_of(session);
      round.sessions.push_back(session);
    }
    if (last.empty() || !answer.value("more", false)) continue;
    round.until = round.until ? std::min(*round.until, last) : last;
  }
  std::ranges::sort(round.sessions, {}, jid_of);
  if (round.until) {
    std::erase_if(round.sessions, [&](const Json& one) { return jid_of(one) > *round.until; });
  }
  return round;
}

// A node of an older version does not ask itself.
bool fits(const Json& session, const SessionsWanted& wanted) {
  if (!wanted.show.empty() && session.value("show", "") != wanted.show) return false;
  if (wanted.host.empty()) return true;
  const auto jid = xmpp::Jid::parse(jid_of(session));
  return jid && jid->domain() == wanted.host;
}

}  // namespace

const std::string& jid_of(const Json& session) {
  static const std::string kNone;
  return session.is_object() && session.contains("jid") && session["jid"].is_string()
             ? session["jid"].get_ref<const std::string&>()
             : kNone;
}

Task<SessionList> list_of_sessions(core::Server& server, SessionsWanted wanted) {
  SessionList list;
  // Mostly once; a node of an older version tells of 1,000 at most.
  for (bool complete = false; !complete && !list.more;) {
    Json asked = question(wanted, wanted.limit - list.sessions.size());
    const Answers answers = co_await ask_all(server, kSessions, std::move(asked));
    list.missing = answers.missing;
    Round round = round_of(answers);
    std::erase_if(round.sessions, [&](const Json& one) { return !fits(one, wanted); });
    list.more = cut(round.sessions, wanted.limit - list.sessions.size());
    std::ranges::move(round.sessions, std::back_inserter(list.sessions));
    complete = !round.until;
    if (complete) continue;
    wanted.after = *round.until;
    list.more = list.more || list.sessions.size() == wanted.limit;
  }
  co_return list;
}

void add_session_page_procedures(core::Procedures& procedures) {
  procedures[kSessions] = sessions_here;
}

}  // namespace starling::admin
