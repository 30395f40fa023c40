// Sessions of the whole cluster, a page at a time. No node gives more of them than a page has.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "admin/ask_all.h"
#include "admin/call.h"
#include "admin/endpoint.h"
#include "base/clock.h"
#include "base/machine_name.h"
#include "base/run_on.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

constexpr const char* kSessions = "list_sessions";

struct Wanted {
  std::string part;   // of the full JID
  std::string after;  // a full JID
  std::size_t limit = 0;
};

Wanted wanted_of(const Json& asked) {
  Wanted wanted;
  if (!asked.is_object()) return wanted;
  wanted.part = asked.value("part", "");
  wanted.after = asked.value("after", "");
  wanted.limit = std::min<std::size_t>(asked.value("limit", std::size_t{0}), 1'000);
  return wanted;
}

// The first of a worker's sessions that are wanted, in byte order of their JIDs.
struct Found {
  std::vector<std::pair<std::string, core::SessionInfo>> sessions;
  bool more = false;
};

Found find(core::Worker& worker, const Wanted& wanted) {
  Found found;
  std::vector<std::pair<std::string, const core::Session*>> first;  // a heap: the last on top
  worker.directory().for_each([&](const core::Session& session) {
    std::string jid(session.jid.full());
    if (jid <= wanted.after || !jid.contains(wanted.part)) return;
    if (first.size() == wanted.limit) {
      found.more = true;
      if (first.empty() || jid >= first.front().first) return;
      std::ranges::pop_heap(first);
      first.pop_back();
    }
    first.emplace_back(std::move(jid), &session);
    std::ranges::push_heap(first);
  });
  for (auto& [jid, session] : first) found.sessions.emplace_back(jid, core::info_of(*session));
  return found;
}

Json describe(std::string jid, const core::SessionInfo& info, bus::NodeId home) {
  Json one = Json::object();
  one["jid"] = std::move(jid);
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

const std::string& jid_of(const Json& session) {
  static const std::string kNone;
  return session.is_object() && session.contains("jid") && session["jid"].is_string()
             ? session["jid"].get_ref<const std::string&>()
             : kNone;
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
  const Wanted wanted = wanted_of(Json::parse(arguments, nullptr, false));
  const bus::NodeId self = self_id(server);
  std::vector<Json> sessions;
  bool more = false;
  for (std::size_t i = 0; i < server.worker_count(); ++i) {
    core::Worker& worker = server.worker(i);
    const auto look = [&worker, wanted] { return find(worker, wanted); };
    Found found = co_await run_on(worker.loop(), look);
    more = more || found.more;
    for (auto& [jid, info] : found.sessions) {
      sessions.push_back(describe(std::move(jid), info, self));
    }
  }
  more = cut(sessions, wanted.limit) || more;
  co_return to_bytes({{"items", sessions}, {"more", more}});
}

// Numbers of nodes become their names.
void name_nodes(Json& session, const std::map<bus::NodeId, std::string>& names) {
  for (const char* node : {"node", "home"}) {
    const auto known = session[node].is_number_unsigned()
                           ? names.find(session[node].get<bus::NodeId>())
                           : names.end();
    if (known != names.end()) session[node] = known->second;
  }
}

Task<Result<Json>> list_sessions(Call call) {
  const std::size_t limit = call.limit(2);
  Json wanted = {{"part", call.text(0)}, {"after", call.text(1)}, {"limit", limit}};
  const Answers answers = co_await ask_all(call.server, kSessions, std::move(wanted));
  std::map<bus::NodeId, std::string> names;
  if (call.server.cluster() == nullptr) names[self_id(call.server)] = machine_name();
  for (const auto& peer : co_await members(call.server)) {
    names[peer.member.epoch] = peer.member.facts.name;
  }
  std::vector<Json> sessions;
  bool more = false;
  for (const auto& [node, answer] : answers.by_node) {
    if (!answer.is_object() || !answer.contains("items")) continue;
    more = more || answer.value("more", false);
    for (const Json& session : answer["items"]) {
      if (!jid_of(session).empty()) sessions.push_back(session);
    }
  }
  more = cut(sessions, limit) || more;
  for (Json& session : sessions) name_nodes(session, names);
  Json result = Json::object();
  result["items"] = sessions;
  result["next"] = more && !sessions.empty() ? Json(jid_of(sessions.back())) : Json();
  result["missing"] = answers.missing;
  co_return result;
}

}  // namespace

std::span<const Handler> session_page_handlers() {
  static constexpr std::array kHandlers{Handler{"list_sessions", list_sessions}};
  return kHandlers;
}

void add_session_page_procedures(core::Procedures& procedures) {
  procedures[kSessions] = sessions_here;
}

}  // namespace starling::admin
