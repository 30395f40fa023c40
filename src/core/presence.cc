#include "core/presence.h"

#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"
#include "core/server.h"
#include "core/worker.h"
#include "xmpp/ns.h"

namespace starling::core {

using xmpp::Jid;
using xmpp::Stanza;
using xmpp::StanzaCondition;
using xmpp::StanzaType;

namespace {

bool is_availability(const Stanza& presence) {
  return presence.type() == StanzaType::available || presence.type() == StanzaType::unavailable;
}

// Of sessions that may be resumed any moment: to others they are as they were.
std::vector<Stanza> parked_presence(const LocalAccount& account) {
  std::vector<Stanza> presences;
  if (!account.parked) return presences;
  for (const ParkedSession& parked : *account.parked) {
    if (auto presence = Stanza::parse(parked.presence)) presences.push_back(std::move(*presence));
  }
  return presences;
}

Stanza addressed(Stanza stanza, const Jid& to) {
  stanza.set_to(to);
  return stanza;
}

}  // namespace

// -128 to 127; absent is 0.
std::optional<std::int8_t> Presence::priority_of(const Stanza& presence) {
  const auto element = presence.element().child("priority", xmpp::ns::kClient);
  if (!element) return std::int8_t{0};
  const std::string text = element->text();
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < -128 || value > 127) {
    return std::nullopt;
  }
  return static_cast<std::int8_t>(value);
}

void Presence::outbound(Session& session, Stanza stanza) {
  switch (stanza.type()) {
    case StanzaType::subscribe:
    case StanzaType::subscribed:
    case StanzaType::unsubscribe:
    case StanzaType::unsubscribed:
      return worker_.subscriptions().outbound(session, std::move(stanza));
    default:
      break;
  }
  const std::string_view account = session.jid.bare();
  const SessionRef ref{session.jid, session.id};
  if (stanza.to().empty()) {
    // A probe is the server's business, an error nobody's.
    if (!is_availability(stanza)) return;
    worker_.turns().run(account, [this, ref, stanza = std::move(stanza)]() mutable {
      return broadcast(std::move(ref), std::move(stanza));
    });
    return;
  }
  // One to the own account waits there, with what else comes for it.
  if (stanza.to().bare() == account || !worker_.turns().busy(account)) {
    return directed(session, std::move(stanza));
  }
  worker_.turns().run(account, [this, ref, stanza = std::move(stanza)]() mutable {
    if (Session* sender = worker_.directory().find(ref)) directed(*sender, std::move(stanza));
    return completed();
  });
}

Task<void> Presence::broadcast(SessionRef ref, Stanza stanza) {
  const Jid account = ref.jid.to_bare();
  stanza.drop_receipt();  // presence is for now: nothing of it is kept
  auto roster = co_await worker_.roster(account);
  Session* session = worker_.directory().find(ref);
  if (session == nullptr) co_return;
  if (!roster) {
    log::error("presence_not_sent", {{"jid", ref.jid.full()}, {"error", roster.error().message}});
    worker_.router().bounce(addressed(stanza, account), StanzaCondition::resource_constraint,
                            "the roster cannot be read at the moment");
    co_return;
  }
  if (stanza.type() == StanzaType::unavailable) {
    // Directed presence ends as well (section 4.6.3): the session is unavailable to all.
    announce(*session, **roster, stanza);
    session->presence.reset();
    session->directed.reset();
    session->priority = 0;
    worker_.shown().ended(ref.jid);
    went_away(account, stanza);
    co_return;
  }
  const auto priority = priority_of(stanza);
  if (!priority) {
    worker_.router().bounce(addressed(stanza, account), StanzaCondition::bad_request,
                            "priority is a number from -128 to 127");
    co_return;
  }
  const bool first = !session->available();
  const bool took_messages = session->available() && session->priority >= 0;
  session->priority = *priority;
  session->presence = std::make_unique<const Stanza>(stanza);
  announce(*session, **roster, stanza);
  if (first) worker_.shown().began(ref.jid);
  if (first) initial(*session, **roster);
  if (*priority >= 0 && !took_messages) co_await worker_.offline().hand_out(ref);
}

// The last available session is available no more.
void Presence::went_away(const Jid& account_jid, const Stanza& stanza) {
  const LocalAccount* account = worker_.directory().find(account_jid.full());
  if (account != nullptr && account->available()) return;
  const Host* host = worker_.server().host(account_jid.domain());
  if (host != nullptr) host->account_unavailable(worker_, account_jid, stanza);
}

// What the account has blocked is left out without a word.
bool Presence::may_send(const Jid& account_jid, const Stanza& stanza) const {
  const LocalAccount* account = worker_.directory().find(account_jid.bare());
  const Host* host = worker_.server().host(account_jid.domain());
  return account == nullptr || host == nullptr || !host->refuses_outbound(*account, stanza);
}

// Section 4.2.2, 4.4.2, 4.5.2: subscribers, the user's own resources, and whoever was addressed.
// A session that is not available has only the last to tell of its end.
void Presence::announce(const Session& session, const Roster& roster, const Stanza& stanza) {
  LocalAccount* account = worker_.directory().find(session.jid.bare());
  if (session.available() && account != nullptr) {
    const Stanza to_self = addressed(stanza, account->bare);
    for (const auto& other : account->sessions) {
      if (other->available()) other->deliver(to_self);
    }
    worker_.parking().presence_came(*account, to_self);
  }
  for (const auto& [jid, item] : roster.items()) {
    if (!session.available()) break;
    if (!item.subscription.from) continue;
    Stanza to_contact = addressed(stanza, jid);
    if (may_send(session.jid, to_contact)) worker_.router().route(std::move(to_contact));
  }
  if (stanza.type() != StanzaType::unavailable || !session.directed) return;
  for (const Jid& jid : *session.directed) {
    const RosterItem* item = roster.find(jid.to_bare());
    const bool told = session.available() && item != nullptr && item->subscription.from;
    if (!told) worker_.router().route(addressed(stanza, jid));
  }
}

// Section 4.2.2 and 3.1.3: what a session learns when it becomes available.
void Presence::initial(Session& session, const Roster& roster) {
  const LocalAccount* account = worker_.directory().find(session.jid.bare());
  const Host* host = worker_.server().host(session.jid.domain());
  for (const auto& other : account->sessions) {
    if (other.get() == &session || !other->available()) continue;
    session.deliver(addressed(*other->presence, session.jid));
  }
  for (const Stanza& presence : parked_presence(*account)) {
    session.deliver(addressed(presence, session.jid));
  }
  probe_all(session, roster);
  for (const auto& [jid, item] : roster.items()) {
    if (item.request.empty()) continue;
    const Stanza request = Stanza::from_text(item.request);
    if (host != nullptr && !host->blocks_inbound(*account, request)) session.deliver(request);
  }
}

void Presence::probe_all(const Session& session, const Roster& roster) {
  for (const auto& [jid, item] : roster.items()) {
    if (!item.subscription.to) continue;
    Stanza probe = xmpp::make_presence(StanzaType::probe, session.jid, jid);
    if (may_send(session.jid, probe)) worker_.router().route(std::move(probe));
  }
}

// Section 4.6. The recipient is remembered, so that it is told of the end. (Probes and errors,
// which also are for one recipient, just go their way.)
void Presence::directed(Session& session, Stanza stanza) {
  constexpr std::size_t kMaxDirected = 10'000;
  if (worker_.router().refused(stanza)) return;
  if (stanza.type() == StanzaType::unavailable) {
    if (session.directed) session.directed->erase(stanza.to());
  } else if (stanza.type() == StanzaType::available) {
    if (!session.directed) session.directed = std::make_unique<std::set<Jid>>();
    if (session.directed->size() >= kMaxDirected && !session.directed->contains(stanza.to())) {
      return worker_.router().bounce(stanza, StanzaCondition::policy_violation,
                                     "directed presence to too many addresses");
    }
    session.directed->insert(stanza.to());
  }
  worker_.router().route(std::move(stanza));
}

Task<void> Presence::probed(Stanza probe) {
  const Jid account_jid = probe.to().to_bare();
  const LocalAccount* account = worker_.directory().find(account_jid.full());
  if (account == nullptr || (account->sessions.empty() && !account->parked)) {
    if (!worker_.parking().is_looking()) co_return;  // nobody to show
    const auto later = std::make_shared<Stanza>(std::move(probe));
    worker_.parking().when_known([this, later, account_jid] {
      worker_.turns().run(account_jid.full(), [this, later] { return probed(std::move(*later)); });
    });
    co_return;
  }
  const auto roster = co_await worker_.roster(account_jid);
  account = worker_.directory().find(account_jid.full());
  if (!roster || account == nullptr) co_return;
  const Jid asker = probe.from().to_bare();
  if (asker != account_jid) {
    const RosterItem* item = (*roster)->find(asker);
    if (item == nullptr || !item->subscription.from) {
      // The asker believes in a subscription that does not exist: put that right.
      worker_.router().route(xmpp::make_presence(StanzaType::unsubscribed, account_jid, asker));
      co_return;
    }
  }
  for (const auto& session : account->sessions) {
    if (session->available() && session->jid != probe.from()) {
      worker_.router().route(addressed(*session->presence, probe.from()));
    }
  }
  for (const Stanza& presence : parked_presence(*account)) {
    worker_.router().route(addressed(presence, probe.from()));
  }
}

void Presence::probe_contacts(SessionRef ref) {
  worker_.turns().run(ref.jid.bare(), [this, ref]() -> Task<void> {
    const auto roster = co_await worker_.roster(ref.jid.to_bare());
    const Session* session = worker_.directory().find(ref);
    if (roster && session != nullptr && session->available()) probe_all(*session, **roster);
  });
}

void Presence::session_ended(const Session& session, std::shared_ptr<const Roster> roster) {
  if (!session.available() && !session.directed) return;
  // If it was available, its roster was read for its first presence.
  static const Roster kEmpty;
  const Stanza unavailable = xmpp::make_presence(StanzaType::unavailable, session.jid, Jid());
  announce(session, roster ? *roster : kEmpty, unavailable);
  if (!session.available()) return;
  worker_.shown().ended(session.jid);
  went_away(session.jid.to_bare(), unavailable);
}

void Presence::show_sessions(const LocalAccount& account, const Jid& contact) {
  for (const auto& session : account.sessions) {
    if (session->available()) worker_.router().route(addressed(*session->presence, contact));
  }
  for (const Stanza& presence : parked_presence(account)) {
    worker_.router().route(addressed(presence, contact));
  }
}

void Presence::hide_sessions(const LocalAccount& account, const Jid& contact) {
  for (const auto& session : account.sessions) {
    if (!session->available()) continue;
    worker_.router().route(xmpp::make_presence(StanzaType::unavailable, session->jid, contact));
  }
  for (const Stanza& presence : parked_presence(account)) {
    worker_.router().route(xmpp::make_presence(StanzaType::unavailable, presence.from(), contact));
  }
}

}  // namespace starling::core
