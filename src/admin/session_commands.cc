// Sessions: who is connected, and ending it.
#include <algorithm>
#include <array>
#include <utility>

#include "admin/call.h"
#include "admin/endpoint.h"
#include "admin/session_list.h"
#include "admin/whole_list.h"
#include "base/clock.h"
#include "core/operations.h"

namespace starling::admin {

namespace {

using core::SessionInfo;

constexpr std::string_view kEndedText = "ended by an administrator";

Json describe(const SessionInfo& info) {
  const Endpoint address = endpoint_of(info.remote);
  Json one = Json::object();
  one["connection"] = info.connection;
  one["ip"] = address.ip;
  one["port"] = address.port;
  one["priority"] = info.priority;
  one["uptime"] = (wall_clock_us() - info.bound_at_us) / 1'000'000;
  one["status"] = info.show;
  one["resource"] = info.jid.resource();
  one["statustext"] = info.status;
  return one;
}

// All sessions, or those of a host, with a presence: AFTER and LIMIT are the arguments from `i` on.
Task<Result<Json>> sessions_of(Call call, std::size_t i, std::string host, std::string status,
                               Json (*describe_one)(const Json& session)) {
  const auto limit = wanted_items(call, i + 1);
  if (!limit) co_return std::unexpected(limit.error());
  SessionsWanted wanted;
  wanted.host = std::move(host);
  if (status != "all") wanted.show = std::move(status);
  wanted.after = call.text(i);
  wanted.limit = *limit;
  const SessionList list = co_await list_of_sessions(call.server, std::move(wanted));
  Json sessions = Json::array();
  for (const Json& session : list.sessions) sessions.push_back(describe_one(session));
  co_return whole_list(std::move(sessions));
}

Json only_jid(const Json& session) {
  return jid_of(session);
}

// As ejabberd names what list_sessions tells.
Json with_ejabberds_names(const Json& session) {
  const auto jid = xmpp::Jid::parse(jid_of(session));
  Json one = Json::object();
  one["jid"] = jid_of(session);
  for (const char* name : {"connection", "ip", "port", "priority", "uptime"}) {
    one[name] = session.value(name, Json());
  }
  one["status"] = session.value("show", "");
  one["resource"] = jid ? jid->resource() : "";
  one["statustext"] = session.value("status", "");
  return one;
}

Json with_presence(const Json& session) {
  Json one = Json::object();
  one["jid"] = jid_of(session);
  one["priority"] = session.value("priority", 0);
  one["status"] = session.value("status", "");
  return one;
}

Task<Result<Json>> connected_users(Call call) {
  return sessions_of(std::move(call), 0, "", "all", only_jid);
}

Task<Result<Json>> connected_users_vhost(Call call) {
  std::string host = call.arguments[0];
  return sessions_of(std::move(call), 1, std::move(host), "all", only_jid);
}

Task<Result<Json>> connected_users_number(Call call) {
  co_return Json(co_await core::session_count(call.server));
}

Task<Result<Json>> connected_users_info(Call call) {
  return sessions_of(std::move(call), 0, "", "all", with_ejabberds_names);
}

Task<Result<Json>> user_sessions_info(Call call) {
  Json sessions = Json::array();
  const auto infos = co_await core::session_infos(call.server, call.account());
  for (const auto& info : infos) sessions.push_back(describe(info));
  co_return sessions;
}

Task<Result<Json>> user_resources(Call call) {
  Json resources = Json::array();
  const auto infos = co_await core::session_infos(call.server, call.account());
  for (const auto& info : infos) resources.push_back(info.jid.resource());
  co_return resources;
}

Task<Result<Json>> num_resources(Call call) {
  const auto infos = co_await core::session_infos(call.server, call.account());
  co_return Json(infos.size());
}

Task<Result<Json>> resource_num(Call call) {
  const auto infos = co_await core::session_infos(call.server, call.account());
  const auto num = static_cast<std::uint64_t>(call.integer(2));
  if (num < 1 || num > infos.size()) {
    co_return fail(Errc::not_found,
                   "wrong resource number; there are " + std::to_string(infos.size()));
  }
  co_return Json(infos[num - 1].jid.resource());
}

Task<Result<Json>> get_presence(Call call) {
  const xmpp::Jid account = call.account();
  const auto infos = co_await core::session_infos(call.server, account);
  const SessionInfo* best = nullptr;
  for (const auto& info : infos) {
    if (info.show == "unavailable") continue;
    if (best == nullptr || info.priority > best->priority) best = &info;
  }
  Json answer = Json::object();
  answer["jid"] = best == nullptr ? account.full() : best->jid.full();
  answer["show"] = best == nullptr ? "unavailable" : best->show;
  answer["status"] = best == nullptr ? "" : best->status;
  co_return answer;
}

// `host` "": all.
Task<std::vector<SessionInfo>> with_status(core::Server* server, std::string host,
                                           std::string status) {
  auto infos = co_await core::session_infos(*server);
  std::erase_if(infos, [&](const SessionInfo& info) {
    return (!host.empty() && info.jid.domain() != host) || (status != "all" && info.show != status);
  });
  co_return infos;
}

Task<Result<Json>> status_num(Call call) {
  const auto infos = co_await with_status(&call.server, "", call.arguments[0]);
  co_return Json(infos.size());
}

Task<Result<Json>> status_num_host(Call call) {
  const auto infos = co_await with_status(&call.server, call.arguments[0], call.arguments[1]);
  co_return Json(infos.size());
}

Task<Result<Json>> status_list(Call call) {
  std::string status = call.arguments[0];
  return sessions_of(std::move(call), 1, "", std::move(status), with_presence);
}

Task<Result<Json>> status_list_host(Call call) {
  std::string host = call.arguments[0];
  std::string status = call.arguments[1];
  return sessions_of(std::move(call), 2, std::move(host), std::move(status), with_presence);
}

Task<Result<Json>> kick_session(Call call) {
  const auto full = call.account().with_resource(call.arguments[2]);
  if (!full) co_return fail(Errc::invalid, "not a valid resource: " + call.arguments[2]);
  const std::string reason =
      call.arguments[3].empty() ? std::string(kEndedText) : call.arguments[3];
  const auto ended = co_await core::end_sessions(call.server, *full, reason);
  if (ended == 0) co_return fail(Errc::not_found, "there is no session " + full->str());
  co_return Json("ended " + full->str());
}

Task<Result<Json>> kick_user(Call call) {
  const auto ended =
      co_await core::end_sessions(call.server, call.account(), std::string(kEndedText));
  co_return Json(ended);
}

Task<Result<Json>> kick_users(Call call) {
  const auto connected = co_await core::connected_jids(call.server);
  std::size_t ended = 0;
  for (const auto& jid : connected) {
    if (jid.domain() != call.arguments[0]) continue;
    ended += co_await core::end_sessions(call.server, jid, std::string(kEndedText));
  }
  co_return Json(ended);
}

}  // namespace

std::span<const Handler> session_handlers() {
  static constexpr std::array kHandlers{
      Handler{"connected_users", connected_users},
      Handler{"connected_users_info", connected_users_info},
      Handler{"connected_users_number", connected_users_number},
      Handler{"connected_users_vhost", connected_users_vhost},
      Handler{"user_sessions_info", user_sessions_info, true},
      Handler{"user_resources", user_resources, true},
      Handler{"num_resources", num_resources, true},
      Handler{"resource_num", resource_num, true},
      Handler{"get_presence", get_presence, true},
      Handler{"status_num", status_num},
      Handler{"status_num_host", status_num_host},
      Handler{"status_list", status_list},
      Handler{"status_list_host", status_list_host},
      Handler{"kick_session", kick_session},
      Handler{"kick_user", kick_user},
      Handler{"kick_users", kick_users},
  };
  return kHandlers;
}

}  // namespace starling::admin
