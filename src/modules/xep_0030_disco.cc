// Service discovery (XEP-0030): what this host and its accounts are and can do.
#include <optional>
#include <utility>

#include "core/module.h"
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

std::string no_items(std::string_view node) {
  xml::Writer w;
  w.open("query", xmpp::ns::kDiscoItems).attribute_if("node", node).close();
  return std::move(w).take();
}

IqReply no_such_node() {
  return std::unexpected(StanzaError{StanzaCondition::item_not_found, "no such node", {}});
}

Task<IqReply> host_info(IqRequest request) {
  const std::string node(request.payload().attribute("node").value_or(""));
  if (node.empty() || request.host->is_disco_alias(node)) {
    co_return request.host->disco_info(At::host).to_xml(node);
  }
  for (const auto& source : request.host->disco_nodes()) {
    if (auto answer = source.info(request.stanza.from(), node)) co_return std::move(*answer);
  }
  co_return no_such_node();
}

Task<IqReply> host_items(IqRequest request) {
  const std::string node(request.payload().attribute("node").value_or(""));
  if (node.empty()) co_return no_items(node);
  for (const auto& source : request.host->disco_nodes()) {
    if (auto answer = source.items(request.stanza.from(), node)) co_return std::move(*answer);
  }
  co_return no_such_node();
}

// Section 8: an account says nothing to those who may not see its presence; to them it looks as
// if it did not exist.
Task<bool> may_ask(core::Worker& worker, xmpp::Jid account, xmpp::Jid asker) {
  if (account == asker) co_return true;
  const auto roster = co_await worker.peek_roster(account);
  if (!roster) co_return false;
  const auto* item = (*roster)->find(asker);
  co_return item != nullptr && item->subscription.from;
}

// What an account does not answer; nullopt if it answers.
Task<std::optional<StanzaError>> refusal(const IqRequest& request) {
  const xmpp::Jid account = request.stanza.to().to_bare();
  const xmpp::Jid asker = request.stanza.from().to_bare();
  if (!co_await may_ask(*request.worker, account, asker)) {
    co_return StanzaError{StanzaCondition::service_unavailable, {}, {}};
  }
  if (!request.payload().attribute("node").value_or("").empty()) co_return no_such_node().error();
  co_return std::nullopt;
}

Task<IqReply> account_info(IqRequest request) {
  if (auto error = co_await refusal(request)) co_return std::unexpected(std::move(*error));
  co_return request.host->disco_info(At::account).to_xml("");
}

Task<IqReply> account_items(IqRequest request) {
  if (auto error = co_await refusal(request)) co_return std::unexpected(std::move(*error));
  co_return no_items("");
}

void setup(core::Host& host) {
  host.disco_identity(At::host, {"server", "im", "en", "Starling"});
  host.disco_identity(At::account, {"account", "registered", "", ""});
  for (const At at : {At::host, At::account}) {
    host.disco_feature(at, xmpp::ns::kDiscoInfo);
    host.disco_feature(at, xmpp::ns::kDiscoItems);
  }
  host.on_iq(At::host, StanzaType::get, "query", xmpp::ns::kDiscoInfo, host_info);
  host.on_iq(At::host, StanzaType::get, "query", xmpp::ns::kDiscoItems, host_items);
  host.on_iq(At::account, StanzaType::get, "query", xmpp::ns::kDiscoInfo, account_info);
  host.on_iq(At::account, StanzaType::get, "query", xmpp::ns::kDiscoItems, account_items);
}

}  // namespace

extern const core::Module kDisco;
const core::Module kDisco{"disco", {30, "2.5.0"}, "Service discovery", setup};

}  // namespace starling::modules
