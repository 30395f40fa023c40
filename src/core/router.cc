#include "core/router.h"

#include <utility>

#include "base/log.h"
#include "core/iq.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using xmpp::Stanza;
using xmpp::StanzaKind;
using xmpp::StanzaType;

namespace {

void log_stanza(log::Event event, const Stanza& stanza, const xmpp::StanzaError& error) {
  if (!log::enabled(log::Level::debug, event.subsystem)) return;
  log::debug(event, {{"from", stanza.from().full()},
                     {"to", stanza.to().full()},
                     {"kind", xmpp::to_string(stanza.kind())},
                     {"id", stanza.id()},
                     {"condition", xmpp::to_string(error.condition)},
                     {"error", error.text},
                     {"trace_id", stanza.trace_id().str()}});
}

}  // namespace

Router::Submitted Router::submit(Session& session, Stanza stanza) {
  if (!stanza.from().empty() && stanza.from() != session.jid &&
      stanza.from().full() != session.jid.bare()) {
    return Submitted::invalid_from;
  }
  stanza.set_from(session.jid);
  Journal& journal = worker_.journal();
  journal.identify(stanza);
  if (const bus::NodeId guest_of = session.outbox->node(); guest_of != 0) {
    journal.note(Journal::Event::received_here, stanza, guest_of);
  } else if (journal.on() && stanza.kind() == StanzaKind::message) {
    journal.note(Journal::Event::received, stanza, session.id, session.outbox->remote());
  }
  if (worker_.remote().lapsed()) {
    // All sessions end; the stanza's receipt goes with it, but only then.
    worker_.loop().post([this, stanza = std::move(stanza)] { worker_.remote().fenced(); });
    return Submitted::accepted;
  }
  if (session.visiting) {
    worker_.remote().visitors().submit(session, std::move(stanza));
    return Submitted::accepted;
  }
  if (session.closing) {
    if (stanza.to().empty()) stanza.set_to(session.jid.to_bare());
    bounce(stanza, xmpp::StanzaCondition::not_allowed, "the account is being removed");
    return Submitted::accepted;
  }
  if (stanza.kind() == StanzaKind::presence) {
    worker_.presence().outbound(session, std::move(stanza));
    return Submitted::accepted;
  }
  // RFC 6120 section 10.3: without 'to', the server acts on behalf of the sender's own account.
  if (stanza.to().empty()) stanza.set_to(session.jid.to_bare());
  // An earlier stanza of this account waits for the store; this one must not overtake it. One to
  // the account itself waits where it is delivered, and only there: a second wait would lose its
  // place.
  if (stanza.to().bare() != session.jid.bare() && worker_.turns().busy(session.jid.bare())) {
    worker_.turns().run(session.jid.bare(), [this, stanza = std::move(stanza)]() mutable {
      send(std::move(stanza));
      return completed();
    });
    return Submitted::accepted;
  }
  send_for(session.account, std::move(stanza));
  return Submitted::accepted;
}

bool Router::refused(const Stanza& stanza) {
  return refused(worker_.directory().find(stanza.from().bare()), stanza);
}

bool Router::refused(const LocalAccount* account, const Stanza& stanza) {
  if (account == nullptr || stanza.to().bare() == stanza.from().bare()) return false;
  const Host* host = worker_.server().host(stanza.from().domain());
  if (host == nullptr) return true;  // gone, and the session is about to end
  const auto error = host->refuses_outbound(*account, stanza);
  if (!error) return false;
  worker_.journal().note(Journal::Event::refused, stanza, 0, xmpp::to_string(error->condition));
  log_stanza("stanza_refused", stanza, *error);
  // Not by way of Delivery: the error is in the name of one whose stanzas may be blocked.
  Session* session = worker_.directory().find_session(stanza.from());
  const bool answered = stanza.type() != StanzaType::error && stanza.type() != StanzaType::result;
  if (session != nullptr && answered) session->deliver(xmpp::make_error(stanza, *error));
  return true;
}

void Router::begin(Stanza& stanza) {
  if (!stanza.trace_id().empty()) return;
  worker_.journal().identify(stanza);
  worker_.journal().note(Journal::Event::made_here, stanza);
}

void Router::route_own(Stanza stanza) {
  begin(stanza);
  route(std::move(stanza));
}

// On behalf of the sender: whom it has blocked gets nothing, its messages are archived.
void Router::send(Stanza stanza) {
  begin(stanza);
  LocalAccount* account = worker_.directory().find(stanza.from().bare());
  send_for(account, std::move(stanza));
}

void Router::send_for(LocalAccount* account, Stanza stanza) {
  if (refused(account, stanza)) return;
  const Host* of_sender = worker_.server().host(stanza.from().domain());
  if (account != nullptr && of_sender != nullptr && stanza.kind() == StanzaKind::message) {
    const Host& host = *of_sender;
    const bool to_self = stanza.to().bare() == stanza.from().bare();
    remove_foreign_ids(stanza, account->bare);
    if (!to_self && keep_of(stanza) == Keep::archived && host.archives(*account, stanza.to())) {
      stanza.set_archive_id(worker_.archive().store_sent(*account, stanza));
      worker_.journal().note(Journal::Event::sent_archived, stanza, stanza.archive_id());
    }
    host.message_sent(worker_, *account, stanza);
    stanza.set_archive_id(0);  // of no use to the addressee
  }
  route(std::move(stanza));
}

void Router::route(Stanza stanza) {
  const xmpp::Jid& to = stanza.to();
  const Host* host = worker_.server().host(to.domain());
  if (host == nullptr) {
    // Federation comes with s2s; until then every other domain is out of reach.
    return bounce(stanza, xmpp::StanzaCondition::remote_server_not_found);
  }
  if (to.local().empty()) return to_host(*host, std::move(stanza));
  if (worker_.server().cluster() != nullptr && worker_.remote().route(stanza)) return;
  const std::size_t home = worker_.server().home_of(to.bare());
  if (home != worker_.index()) {
    worker_.journal().note(Journal::Event::to_worker, stanza, home);
    return worker_.send_to(home, std::move(stanza));
  }
  worker_.delivery().deliver(*host, std::move(stanza));
}

void Router::to_host(const Host& host, Stanza stanza) {
  if (stanza.kind() == StanzaKind::iq) return answer_iq(worker_, host, At::host, std::move(stanza));
  if (stanza.kind() == StanzaKind::message) {
    bounce(stanza, xmpp::StanzaCondition::service_unavailable);
  }
  // Presence to a server is of no consequence (RFC 6121 section 8.1 leaves it to the server).
}

void Router::bounce(const Stanza& offending, xmpp::StanzaCondition condition,
                    std::string_view text) {
  bounce(offending, {condition, std::string(text), {}});
}

void Router::bounce(const Stanza& offending, const xmpp::StanzaError& error) {
  if (offending.type() == StanzaType::error || offending.type() == StanzaType::result) return;
  if (offending.from().empty()) return;
  if (worker_.journal().on() && offending.kind() == StanzaKind::message) {
    std::string why(xmpp::to_string(error.condition));
    if (!error.text.empty()) why += ": " + error.text;
    worker_.journal().note(Journal::Event::bounced, offending, 0, why);
  }
  log_stanza("stanza_bounced", offending, error);
  Stanza answer = xmpp::make_error(offending, error);
  // Its sender is not to take it for delivered before the error is there.
  answer.share_receipt(offending);
  route(std::move(answer));
}

}  // namespace starling::core
