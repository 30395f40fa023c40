// In-band registration before authentication (XEP-0077 section 3.1), where the operator allows it.
// The rest of C2sStream is in c2s_stream.cc and c2s_negotiation.cc.
#include <utility>

#include "base/log.h"
#include "core/server.h"
#include "stream/c2s_service.h"
#include "stream/c2s_stream.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::stream {

namespace {

constexpr int kMaxAttempts = 5;  // on one stream; only one of them can succeed

xmpp::StanzaError why_not(const Error& error) {
  using xmpp::StanzaCondition;
  switch (error.code) {
    case Errc::exists:
      return {StanzaCondition::conflict, "that username is taken", {}};
    case Errc::invalid:
      return {StanzaCondition::not_acceptable, error.message, {}};
    default:
      return {StanzaCondition::resource_constraint, "accounts are unavailable at present", {}};
  }
}

}  // namespace

bool C2sStream::may_register() const {
  const core::Host* host = service_->worker().server().host(negotiation_->host);
  if (host == nullptr || !host->options().registration.enabled) return false;
  const config::HostOptions& options = host->options();
  return (connection_->is_secure() || !options_->starttls_required) &&
         options.access.allows(options.registration.ip_access, subject(nullptr));
}

void C2sStream::handle_registration(xml::DocumentPtr document) {
  const xml::Element iq = document->root();
  const auto query = iq.child("query", xmpp::ns::kRegister);
  const auto refuse = [&](xmpp::StanzaCondition condition, std::string_view text) {
    const auto answer = xmpp::make_error_for(iq, {condition, std::string(text), {}});
    if (answer) deliver(*answer);
  };
  const auto type = iq.attribute("type");
  if (!iq.attribute("id") || (type != "get" && type != "set")) {
    return refuse(xmpp::StanzaCondition::bad_request, "an iq needs an id, and get or set");
  }
  if (type == "get") {
    xml::Writer w;
    w.open("iq").attribute("type", "result").attribute("id", *iq.attribute("id"));
    w.attribute("from", negotiation_->host).open("query", xmpp::ns::kRegister);
    w.open("instructions").text("Choose a username and a password for this server.").close();
    w.open("username").close().open("password").close().close().close();
    connection_->send(w.view());
    return;
  }
  const auto username = query->child("username", xmpp::ns::kRegister);
  const auto password = query->child("password", xmpp::ns::kRegister);
  const auto account =
      username ? xmpp::Jid::make(username->text(), negotiation_->host) : std::nullopt;
  if (!password || !account || account->local().empty()) {
    return refuse(xmpp::StanzaCondition::not_acceptable, "a username and a password are needed");
  }
  if (const config::HostOptions& options = host_options();
      !options.access.allows(options.registration.access, subject(&*account))) {
    return refuse(xmpp::StanzaCondition::not_allowed, "that username is not for registration");
  }
  if (negotiation_->registered || ++negotiation_->registrations > kMaxAttempts) {
    return refuse(xmpp::StanzaCondition::not_acceptable, "too many accounts for one stream");
  }
  if (refuse_if_banned()) return;
  hold();
  // Counted before it is done: many streams may try at once.
  core::Worker& worker = service_->worker();
  const Duration delay =
      worker.server().login_guard().registered(attempt(*account), worker.loop().now());
  worker.gate().spawn(
      register_account(shared_from_this(), std::move(document), *account, password->text(), delay));
}

// The first parameter keeps the stream alive until the answer is there.
Task<void> C2sStream::register_account(std::shared_ptr<C2sStream> /*self*/,
                                       xml::DocumentPtr document, xmpp::Jid account,
                                       std::string password, Duration delay) {
  auto& authenticator = service_->worker().server().authenticator();
  const auto created = co_await authenticator.create_account(account, std::move(password));
  if (created) log_event(log::Level::info, "registered", {{"jid", account.full()}});
  if (phase_ == Phase::ended) co_return;
  answer_after(delay, [this, document, created] {
    const xml::Element iq = document->root();
    if (created) {
      negotiation_->registered = true;
      xml::Writer w;
      w.open("iq").attribute("type", "result").attribute("id", *iq.attribute("id"));
      w.attribute("from", negotiation_->host).close();
      connection_->send(w.view());
    } else {
      const auto answer = xmpp::make_error_for(iq, why_not(created.error()));
      if (answer) deliver(*answer);
    }
    if (!refuse_if_banned()) go_on();
  });
}

}  // namespace starling::stream
