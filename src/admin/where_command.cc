// Where: at which node and worker an account is, each of its sessions, and what waits for it.
#include <array>
#include <map>
#include <utility>

#include "admin/call.h"
#include "admin/every_node.h"
#include "base/clock.h"
#include "base/run_on.h"
#include "core/in_turn.h"
#include "core/remote.h"

namespace starling::admin {

namespace {

constexpr const char* kProcedure = "whereabouts";

// `lost_until_us`: as of Outbox.
void say_state(Json& session, std::int64_t lost_until_us) {
  session["state"] = lost_until_us == 0 ? "connected" : "detached";
  session["until"] = lost_until_us == 0 ? "" : xmpp_datetime_us(lost_until_us);
}

// What the home or keeper knows; on the account's worker, in its turn.
Task<Result<Json>> at_home(core::Worker& worker, xmpp::Jid account) {
  const auto loaded = co_await worker.load(account);
  if (!loaded) co_return std::unexpected(loaded.error());
  if (*loaded == nullptr) co_return fail(Errc::not_found, "there is no account " + account.str());
  const auto waiting = co_await worker.offline().waiting(account);
  if (!waiting) co_return std::unexpected(waiting.error());
  Json home = {{"worker", worker.index()}, {"offline", *waiting}};
  home["sessions"] = Json::array();
  const core::LocalAccount* live = worker.directory().find(account.full());
  if (live == nullptr) co_return home;
  for (const auto& session : live->sessions) {
    Json one = Json::object();
    one["resource"] = session->jid.resource();
    one["connected_to"] = session->outbox->node();  // 0: here
    one["since"] = xmpp_datetime_us(session->bound_at_us);
    one["available"] = session->available();
    say_state(one, session->outbox->lost_until_us());
    home["sessions"].push_back(std::move(one));
  }
  if (!live->parked) co_return home;
  for (const core::ParkedSession& parked : *live->parked) {
    Json one = Json::object();
    one["resource"] = parked.jid.resource();
    one["connected_to"] = "";
    one["since"] = "";
    one["available"] = parked.available();
    one["state"] = "parked";
    one["until"] = xmpp_datetime_us(parked.until_us);
    home["sessions"].push_back(std::move(one));
  }
  co_return home;
}

// Of this node. `account`: a bare JID.
Task<Result<std::string>> whereabouts_here(core::Server& server, std::string account) {
  const auto jid = xmpp::Jid::parse(account);
  if (!jid) co_return fail(Errc::invalid, "not an address");
  Json answer = Json::object();
  answer["visitors"] = Json::object();  // by resource: what their connections are like
  if (server.cluster() != nullptr) {
    core::Worker& worker = server.worker(server.home_of(jid->bare()));
    const auto look = [&worker, &jid] {
      Json found = Json::object();
      worker.remote().visitors().for_each([&found, &jid](const core::Visitor& visitor) {
        if (visitor.jid.bare() != jid->full()) return;
        Json one = Json::object();
        say_state(one, visitor.outbox->lost_until_us());
        found[std::string(visitor.jid.resource())] = std::move(one);
      });
      return found;
    };
    answer["visitors"] = co_await run_on(worker.loop(), look);
  }
  if (core::other_place(server, *jid) == 0) {
    std::move_only_function<Task<Result<Json>>(core::Worker&)> step =
        [account = *jid](core::Worker& home) { return at_home(home, account); };
    auto home = co_await core::in_turn<Json>(server, *jid, std::move(step));
    if (!home) co_return std::unexpected(home.error());
    answer["home"] = std::move(*home);
  }
  co_return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A guest at home is a visitor at the node of its connection, which alone knows that.
void add_connection(Json& session, bus::NodeId home, const std::vector<NodeAnswer>& answers) {
  if (session["state"] == "parked") return;
  if (session["connected_to"] == 0) {
    session["connected_to"] = home;
    return;
  }
  session["state"] = "unknown";
  session["until"] = "";
  for (const NodeAnswer& one : answers) {
    if (one.node != session["connected_to"] || !one.answer) continue;
    const Json& visitors = (*one.answer)["visitors"];
    const auto visitor = visitors.find(session["resource"].get<std::string>());
    if (visitor != visitors.end()) session.update(*visitor);
  }
}

Task<Result<Json>> where(Call call) {
  const xmpp::Jid jid = call.jid(0);
  const xmpp::Jid account = jid.to_bare();
  if (account.local().empty() || call.server.host(account.domain()) == nullptr) {
    co_return fail(Errc::invalid, "not an account of this server: " + account.str());
  }
  const auto answers =
      co_await ask_every_node(call.server, kProcedure, whereabouts_here, account.str());
  const NodeAnswer* home = nullptr;
  for (const NodeAnswer& one : answers) {
    if (one.answer && one.answer->contains("home")) home = &one;
  }
  if (home == nullptr) {
    for (const NodeAnswer& one : answers) {
      if (!one.answer) co_return std::unexpected(one.answer.error());
    }
    co_return fail(Errc::unavailable, "the account is moving; try again");
  }
  const Json& known = (*home->answer)["home"];
  const bool alone = call.server.cluster() == nullptr;
  const bool is_home = alone || call.server.cluster()->homes().find(account.full()).has_value();
  Json answer = Json::object();
  answer["jid"] = account.full();
  answer[is_home ? "home" : "keeper"] = home->node;
  if (!alone) {
    answer["name"] = home->name;
    answer["address"] = home->address;
  }
  answer["worker"] = known["worker"];
  answer["why"] = alone     ? "this node is alone"
                  : is_home ? "its sessions are there: it was the node of the first of them"
                            : "it has no session; all nodes compute this one from its address";
  answer["offline"] = known["offline"];
  Json sessions = Json::array();
  for (Json session : known["sessions"]) {
    if (!jid.is_bare() && session["resource"] != std::string(jid.resource())) continue;
    add_connection(session, home->node, answers);
    sessions.push_back(std::move(session));
  }
  if (!jid.is_bare() && sessions.empty()) {
    co_return fail(Errc::not_found, "there is no session " + jid.str());
  }
  answer["sessions"] = std::move(sessions);
  co_return answer;
}

}  // namespace

std::span<const Handler> where_handlers() {
  static constexpr std::array kHandlers{Handler{"where", where}};
  return kHandlers;
}

void add_where_procedures(core::Procedures& procedures) {
  procedures[kProcedure] = whereabouts_here;
}

}  // namespace starling::admin
