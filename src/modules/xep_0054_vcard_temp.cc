// vcard-temp (XEP-0054): a user's business card, which anyone may read and only the user may write.
// Avatars in it (XEP-0153) are announced by the clients themselves, in their presence.
#include <utility>

#include "base/log.h"
#include "core/module.h"
#include "core/server.h"
#include "core/worker.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::IqReply;
using core::IqRequest;
using xmpp::StanzaCondition;
using xmpp::StanzaError;
using xmpp::StanzaType;

constexpr std::string_view kMap = "vcard";
constexpr std::string_view kKey = "vcard-temp";

IqReply store_trouble(const xmpp::Jid& account, const Error& error) {
  log::error("vcard_unavailable", {{"jid", account.full()}, {"error", error.message}});
  return std::unexpected(
      StanzaError{StanzaCondition::resource_constraint, "the vCard is unavailable at present", {}});
}

Task<IqReply> get(IqRequest request) {
  const xmpp::Jid account = request.stanza.to().to_bare();
  auto& maps = request.worker->server().store().maps();
  const auto stored = co_await maps.get(account.str(), std::string(kMap), std::string(kKey));
  if (!stored) co_return store_trouble(account, stored.error());
  if (*stored) co_return **stored;
  if (request.stanza.from().bare() == account.full()) co_return "<vCard xmlns='vcard-temp'/>";
  // Section 3.3: the same as for a user who does not exist.
  co_return std::unexpected(StanzaError{StanzaCondition::service_unavailable, {}, {}});
}

Task<IqReply> set(IqRequest request) {
  const xmpp::Jid account = request.stanza.to().to_bare();
  if (request.stanza.from().bare() != account.full()) {  // section 3.2
    co_return std::unexpected(StanzaError{StanzaCondition::forbidden, {}, {}});
  }
  std::vector<store::Change> changes{
      {std::string(kMap), std::string(kKey), request.payload().canonical(xmpp::ns::kClient)}};
  auto& maps = request.worker->server().store().maps();
  const auto done = co_await maps.apply(account.str(), std::move(changes));
  if (!done) co_return store_trouble(account, done.error());
  co_return std::string();
}

void setup(core::Host& host) {
  host.disco_feature(core::At::host, xmpp::ns::kVcardTemp);
  host.disco_feature(core::At::account, xmpp::ns::kVcardTemp);
  host.on_iq(core::At::account, StanzaType::get, "vCard", xmpp::ns::kVcardTemp, get);
  host.on_iq(core::At::account, StanzaType::set, "vCard", xmpp::ns::kVcardTemp, set);
}

}  // namespace

extern const core::Module kVcardTemp;
const core::Module kVcardTemp{"vcard", {54, "1.2"}, "vcard-temp", setup};

}  // namespace starling::modules
