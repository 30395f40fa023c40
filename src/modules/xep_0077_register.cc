// In-band registration (XEP-0077), for those who have an account: a new password, or the end of the
// account. How one is made before there is a session is in stream/c2s_registration.cc.
#include <utility>

#include "base/log.h"
#include "core/account_removal.h"
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
using xmpp::StanzaCondition;
using xmpp::StanzaError;
using xmpp::StanzaType;

IqReply refuse(StanzaCondition condition, std::string_view text) {
  return std::unexpected(StanzaError{condition, std::string(text), {}});
}

IqReply refuse(const xmpp::Jid& account, const Error& error) {
  switch (error.code) {
    case Errc::not_found:
      return refuse(StanzaCondition::registration_required, "there is no such account");
    case Errc::exists:
      return refuse(StanzaCondition::conflict, error.message);
    case Errc::invalid:
      return refuse(StanzaCondition::not_acceptable, error.message);
    default:
      log::error("account_unavailable", {{"jid", account.full()}, {"error", error.message}});
      return refuse(StanzaCondition::resource_constraint, "accounts are unavailable at present");
  }
}

// Whoever asks, of an account here; the accounts of other servers are none of ours.
bool is_local(const IqRequest& request) {
  const xmpp::Jid& from = request.stanza.from();
  return !from.local().empty() && from.domain() == request.host->name();
}

// Section 3.1: what is registered. Passwords are not kept, so none is shown.
Task<IqReply> get(IqRequest request) {
  if (!is_local(request)) co_return refuse(StanzaCondition::registration_required, "");
  xml::Writer w;
  w.open("query", xmpp::ns::kRegister).open("registered").close();
  w.open("username").text(request.stanza.from().local()).close();
  w.open("password").close().close();
  co_return std::move(w).take();
}

// Section 3.2.
Task<IqReply> remove(IqRequest request) {
  std::size_t children = 0;
  const xml::Element query = request.payload();
  for ([[maybe_unused]] const xml::Element child : query.children()) ++children;
  if (children != 1) co_return refuse(StanzaCondition::bad_request, "<remove/> stands alone");
  const xmpp::Jid account = request.stanza.from().to_bare();
  const auto removed = co_await core::remove_account(request.worker->server(), account);
  if (!removed) co_return refuse(account, removed.error());
  co_return std::string();
}

// Section 3.3.
Task<IqReply> change_password(IqRequest request) {
  const xml::Element query = request.payload();
  const auto username = query.child("username", xmpp::ns::kRegister);
  const auto password = query.child("password", xmpp::ns::kRegister);
  if (!username || !password) {
    co_return refuse(StanzaCondition::bad_request, "username and password are needed");
  }
  const xmpp::Jid account = request.stanza.from().to_bare();
  if (xmpp::prepare_local(username->text()) != account.local()) {
    co_return refuse(StanzaCondition::not_allowed, "only one's own password can be changed");
  }
  auto& authenticator = request.worker->server().authenticator();
  const auto changed = co_await authenticator.change_password(account, password->text());
  if (!changed) co_return refuse(account, changed.error());
  log::info("password_changed", {{"jid", account.full()}});
  co_return std::string();
}

Task<IqReply> set(IqRequest request) {
  if (!is_local(request)) co_return refuse(StanzaCondition::registration_required, "");
  if (request.payload().child("remove", xmpp::ns::kRegister)) {
    co_return co_await remove(std::move(request));
  }
  co_return co_await change_password(std::move(request));
}

void setup(core::Host& host) {
  host.disco_feature(At::host, xmpp::ns::kRegister);
  host.on_iq(At::host, StanzaType::get, "query", xmpp::ns::kRegister, get);
  host.on_iq(At::host, StanzaType::set, "query", xmpp::ns::kRegister, set);
  // Without 'to' it comes to the account itself. Its removal waits for the account's turn, so this
  // must not have it.
  host.on_own_iq(StanzaType::get, "query", xmpp::ns::kRegister, get, core::Turn::free);
  host.on_own_iq(StanzaType::set, "query", xmpp::ns::kRegister, set, core::Turn::free);
}

}  // namespace

extern const core::Module kRegister;
const core::Module kRegister{"register", {77, "2.4"}, "In-band registration", setup};

}  // namespace starling::modules
