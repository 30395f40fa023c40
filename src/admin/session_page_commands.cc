// Sessions of the whole cluster, a page at a time.
#include <array>
#include <map>
#include <utility>

#include "admin/ask_all.h"
#include "admin/call.h"
#include "admin/session_list.h"
#include "base/machine_name.h"

namespace starling::admin {

namespace {

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
  SessionsWanted wanted;
  wanted.part = call.text(0);
  wanted.after = call.text(1);
  wanted.limit = call.limit(2);
  SessionList list = co_await list_of_sessions(call.server, std::move(wanted));
  std::map<bus::NodeId, std::string> names;
  if (call.server.cluster() == nullptr) names[self_id(call.server)] = machine_name();
  for (const auto& peer : co_await members(call.server)) {
    names[peer.member.epoch] = peer.member.facts.name;
  }
  for (Json& session : list.sessions) name_nodes(session, names);
  const Json next = list.more ? Json(jid_of(list.sessions.back())) : Json();
  Json result = Json::object();
  result["items"] = std::move(list.sessions);
  result["next"] = next;
  result["missing"] = list.missing;
  co_return result;
}

}  // namespace

std::span<const Handler> session_page_handlers() {
  static constexpr std::array kHandlers{Handler{"list_sessions", list_sessions}};
  return kHandlers;
}

}  // namespace starling::admin
