// Last activity (XEP-0012): how long the server has been running, and since when a user is away.
//
// The second is stored when the account's last available session goes, and told to those who may
// see the user's presence. What a client says of its own idle time passes through like any iq.
#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "core/last_activity.h"
#include "core/module.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::At;
using core::IqReply;
using core::IqRequest;
using core::LastActivity;
using xmpp::StanzaCondition;
using xmpp::StanzaError;
using xmpp::StanzaType;

constexpr std::size_t kMaxStatusBytes = 1'023;  // a longer one is not kept

IqReply refuse(StanzaCondition condition) {
  return std::unexpected(StanzaError{condition, {}, {}});
}

IqReply store_trouble(const xmpp::Jid& account, const Error& error) {
  log::error("last_activity_unavailable", {{"jid", account.full()}, {"error", error.message}});
  return refuse(StanzaCondition::resource_constraint);
}

std::string query(std::int64_t since_us, std::string_view status) {
  // A clock that was set back makes nobody away since the future.
  const std::int64_t seconds = std::max<std::int64_t>(0, wall_clock_us() - since_us) / 1'000'000;
  xml::Writer w;
  w.open("query", xmpp::ns::kLastActivity).attribute("seconds", std::to_string(seconds));
  w.text(status).close();
  return std::move(w).take();
}

// Section 5.
Task<IqReply> host_get(IqRequest request) {
  co_return query(request.worker->server().started_at_us(), "");
}

// Section 3.
Task<IqReply> account_get(IqRequest request) {
  core::Worker& worker = *request.worker;
  const xmpp::Jid account = request.stanza.to().to_bare();
  const xmpp::Jid asker = request.stanza.from().to_bare();
  if (asker != account) {
    const auto roster = co_await worker.peek_roster(account);
    if (!roster) co_return store_trouble(account, roster.error());
    const auto* item = (*roster)->find(asker);
    if (item == nullptr || !item->subscription.from) co_return refuse(StanzaCondition::forbidden);
  }
  if (const core::LocalAccount* live = worker.directory().find(account.full())) {
    if (!live->sessions.empty()) co_return query(wall_clock_us(), "");
  }
  const auto away = co_await core::last_activity(worker.server().store().maps(), account,
                                                 worker.directory().find(account.full()));
  if (!away) co_return store_trouble(account, away.error());
  if (!*away) co_return refuse(StanzaCondition::item_not_found);  // never seen
  co_return query((*away)->since_us, (*away)->status);
}

Task<void> store(core::Worker* worker, xmpp::Jid account, LastActivity away) {
  const auto stored =
      co_await core::store_last_activity(worker->server().store().maps(), account, std::move(away));
  if (!stored) static_cast<void>(store_trouble(account, stored.error()));
}

void went_away(core::Worker& worker, const xmpp::Jid& account, const xmpp::Stanza& presence) {
  core::LocalAccount* live = worker.directory().find(account.full());
  if (live == nullptr) return;  // it was removed
  auto& away = live->slots.get<LastActivity>();
  away.since_us = wall_clock_us();
  const auto status = presence.element().child("status", xmpp::ns::kClient);
  away.status = status ? status->text() : std::string();
  if (away.status.size() > kMaxStatusBytes) away.status.clear();
  // In its turn: whoever has the account next, another node perhaps, finds it in the store.
  worker.turns().run(account.full(), [at = &worker, account, away]() -> Task<void> {
    return store(at, account, away);
  });
}

void setup(core::Host& host) {
  host.disco_feature(At::host, xmpp::ns::kLastActivity);
  host.disco_feature(At::account, xmpp::ns::kLastActivity);
  host.on_iq(At::host, StanzaType::get, "query", xmpp::ns::kLastActivity, host_get);
  host.on_iq(At::account, StanzaType::get, "query", xmpp::ns::kLastActivity, account_get);
  host.on_account_unavailable(went_away);
}

}  // namespace

extern const core::Module kLastActivity;
const core::Module kLastActivity{"last_activity", {12, "2.0"}, "Last activity", setup};

}  // namespace starling::modules
