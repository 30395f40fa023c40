#include "core/subscriptions.h"

#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "core/limits_hit.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::core {

using xmpp::Jid;
using xmpp::Stanza;
using xmpp::StanzaCondition;
using xmpp::StanzaError;
using xmpp::StanzaType;

namespace {

constexpr std::size_t kMaxRequestBytes = 4'096;

StanzaError store_trouble(const Jid& account, const Error& error) {
  log::error("roster_unavailable", {{"jid", account.full()}, {"error", error.message}});
  return {StanzaCondition::resource_constraint, "the roster is unavailable at the moment", {}};
}

// What is kept of a request until it is answered: all of it, unless that is out of all proportion.
std::string kept_request(const Stanza& stanza) {
  std::string text = stanza.to_xml();
  if (text.size() <= kMaxRequestBytes) return text;
  return xmpp::make_presence(StanzaType::subscribe, stanza.from(), stanza.to()).to_xml();
}

bool same_to_clients(const RosterItem& a, const RosterItem& b) {
  return a.listed() == b.listed() && a.to_xml() == b.to_xml();
}

}  // namespace

void Subscriptions::outbound(Session& session, Stanza stanza) {
  if (stanza.to().empty()) {
    stanza.set_to(session.jid.to_bare());
    return worker_.router().bounce(stanza, StanzaCondition::bad_request,
                                   "a subscription needs the contact's address");
  }
  worker_.turns().run(session.jid.bare(), [this, stanza = std::move(stanza)]() mutable {
    return apply_outbound(std::move(stanza));
  });
}

Task<void> Subscriptions::apply_outbound(Stanza stanza) {
  const Jid sender = stanza.from();
  const Jid account_jid = sender.to_bare();
  const Jid contact = stanza.to().to_bare();
  if (contact == account_jid) co_return;  // one's own resources see each other anyway
  if (worker_.router().refused(stanza)) co_return;
  auto roster = co_await worker_.roster(account_jid);
  if (!roster) {
    worker_.router().route(xmpp::make_error(stanza, store_trouble(account_jid, roster.error())));
    co_return;
  }
  RosterItem item = (*roster)->get_or_new(contact);
  const RosterItem before = item;
  const OutboundStep step = outbound_step(item.subscription, stanza.type());
  item.subscription = step.next;
  if (!item.subscription.pending_in) item.request.clear();
  const bool visible = !same_to_clients(before, item);
  if (!(item.subscription == before.subscription)) {
    if (auto error = co_await save(account_jid, *roster, item, visible)) {
      worker_.router().route(xmpp::make_error(stanza, *error));
      co_return;
    }
  }
  if (visible) push(account_jid, **roster, item.to_xml());
  if (!step.route) co_return;
  // Section 3: these stanzas are between bare JIDs.
  stanza.set_from(account_jid);
  stanza.set_to(contact);
  const StanzaType type = stanza.type();
  const LocalAccount* account = worker_.directory().find(account_jid.full());
  if (account != nullptr && type == StanzaType::unsubscribed && before.subscription.from) {
    worker_.presence().hide_sessions(*account, contact);
  }
  worker_.router().route(std::move(stanza));
  if (account != nullptr && type == StanzaType::subscribed) {
    worker_.presence().show_sessions(*account, contact);
  }
}

Task<void> Subscriptions::inbound(Stanza stanza) {
  const Jid account_jid = stanza.to().to_bare();
  const Jid contact = stanza.from().to_bare();
  stanza.set_from(contact);
  stanza.set_to(account_jid);
  const auto roster = co_await worker_.roster(account_jid);
  if (!roster) {
    worker_.router().route(xmpp::make_error(stanza, store_trouble(account_jid, roster.error())));
    co_return;
  }
  RosterItem item = (*roster)->get_or_new(contact);
  const RosterItem before = item;
  const InboundStep step = inbound_step(item.subscription, stanza.type());
  item.subscription = step.next;
  if (stanza.type() == StanzaType::subscribe && step.deliver) item.request = kept_request(stanza);
  if (!item.subscription.pending_in) item.request.clear();
  const bool visible = !same_to_clients(before, item);
  if (!(item.subscription == before.subscription)) {
    if (auto error = co_await save(account_jid, *roster, item, visible)) {
      worker_.router().route(xmpp::make_error(stanza, *error));
      co_return;
    }
  }
  const LocalAccount* account = worker_.directory().find(account_jid.full());
  if (account != nullptr && step.deliver) {
    for (const auto& session : account->sessions) {
      // Requests to all available resources (3.1.3), the rest to those interested in the roster.
      const bool request = stanza.type() == StanzaType::subscribe;
      if (request ? session->available() : session->interested) session->deliver(stanza);
    }
  }
  if (visible) push(account_jid, **roster, item.to_xml());
  if (step.reply_subscribed) {
    worker_.router().route(xmpp::make_presence(StanzaType::subscribed, account_jid, contact));
  }
  if (account == nullptr) co_return;
  if (step.reply_subscribed) {
    worker_.presence().show_sessions(*account, contact);
  } else if (before.subscription.from && !item.subscription.from) {
    worker_.presence().hide_sessions(*account, contact);
  }
}

Task<std::optional<StanzaError>> Subscriptions::update_contact(Jid account, Jid contact,
                                                               std::string name,
                                                               std::vector<std::string> groups) {
  const auto roster = co_await worker_.roster(account);
  if (!roster) co_return store_trouble(account, roster.error());
  RosterItem item = (*roster)->get_or_new(contact);
  item.kept = true;
  item.name = std::move(name);
  item.groups = std::move(groups);
  if (auto error = co_await save(account, *roster, item, true)) co_return error;
  push(account, **roster, item.to_xml());
  co_return std::nullopt;
}

Task<std::optional<StanzaError>> Subscriptions::remove_contact(Jid account, Jid contact) {
  const auto roster = co_await worker_.roster(account);
  if (!roster) co_return store_trouble(account, roster.error());
  const RosterItem before = (*roster)->get_or_new(contact);
  if (!before.listed()) {
    co_return StanzaError{StanzaCondition::item_not_found, "no such contact", {}};
  }
  RosterItem removed;
  removed.jid = contact;
  if (auto error = co_await save(account, *roster, removed, true)) co_return error;
  push(account, **roster, RosterItem::removed_xml(contact));
  end_both(account, before);
  co_return std::nullopt;
}

Task<std::optional<StanzaError>> Subscriptions::set_contact(Jid account, Jid contact,
                                                            std::string name,
                                                            std::vector<std::string> groups,
                                                            bool subscribed_to,
                                                            bool subscribed_from) {
  const auto roster = co_await worker_.roster(account);
  if (!roster) co_return store_trouble(account, roster.error());
  RosterItem item = (*roster)->get_or_new(contact);
  const bool was_seen = item.subscription.from;
  item.kept = true;
  item.name = std::move(name);
  item.groups = std::move(groups);
  item.subscription = {};
  item.subscription.to = subscribed_to;
  item.subscription.from = subscribed_from;
  item.request.clear();
  if (auto error = co_await save(account, *roster, item, true)) co_return error;
  push(account, **roster, item.to_xml());
  const LocalAccount* live = worker_.directory().find(account.full());
  if (live == nullptr || was_seen == subscribed_from) co_return std::nullopt;
  if (subscribed_from) {
    worker_.presence().show_sessions(*live, contact);
  } else {
    worker_.presence().hide_sessions(*live, contact);
  }
  co_return std::nullopt;
}

void Subscriptions::end_both(const Jid& account, const RosterItem& item) {
  const Subscription& was = item.subscription;
  auto& router = worker_.router();
  if (was.to || was.pending_out) {
    router.route(xmpp::make_presence(StanzaType::unsubscribe, account, item.jid));
  }
  if (was.from || was.pending_in) {
    const LocalAccount* live = worker_.directory().find(account.full());
    if (was.from && live != nullptr) worker_.presence().hide_sessions(*live, item.jid);
    router.route(xmpp::make_presence(StanzaType::unsubscribed, account, item.jid));
  }
}

bool Subscriptions::is_full(const Jid& account, Roster& roster) {
  const Host* host = worker_.server().host(account.domain());
  if (host == nullptr) return false;  // a reload took it away meanwhile
  const std::uint32_t max = host->options().roster.max_items;
  if (max == 0 || roster.items().size() < max) return false;
  limit_hit(Limit::roster_items);
  if (roster.first_refusal()) {
    log::warning("roster_full", {{"jid", account.full()}, {"items", roster.items().size()}});
  }
  return true;
}

Task<std::optional<StanzaError>> Subscriptions::save(Jid account, std::shared_ptr<Roster> roster,
                                                     RosterItem item, bool visible) {
  if (roster->find(item.jid) == nullptr && is_full(account, *roster)) {
    co_return StanzaError{StanzaCondition::policy_violation, "the roster is full", {}};
  }
  item.kept = item.listed();  // appendix A ends no item: only the user removes it
  // Section 2.6: another version for what is pushed, and for nothing else.
  const std::string version = visible ? Roster::new_version() : std::string();
  const auto stored =
      co_await store_roster_item(worker_.server().store().maps(), account, item, version);
  if (!stored) co_return store_trouble(account, stored.error());
  roster->put(std::move(item));
  if (!version.empty()) roster->set_version(version);
  co_return std::nullopt;
}

// Section 2.1.6: every interested resource, the one that asked for the change included.
void Subscriptions::push(const Jid& account, const Roster& roster, const std::string& item_xml) {
  const LocalAccount* live = worker_.directory().find(account.full());
  if (live == nullptr) return;
  for (const auto& session : live->sessions) {
    if (!session->interested) continue;
    xml::Writer w;
    w.open("iq").attribute("type", "set").attribute("id", "push" + random_token(8));
    w.open("query", xmpp::ns::kRoster).attribute("ver", roster.version());
    w.raw(item_xml).close().close();
    Stanza stanza = Stanza::from_text(std::move(w).take());
    stanza.set_to(session->jid);
    session->deliver(stanza);
  }
}

}  // namespace starling::core
