#include "core/module.h"

#include <algorithm>
#include <cassert>

namespace starling::core {

void Host::disco_feature(At at, std::string_view feature) {
  auto& features = disco(at).features;
  const auto place = std::ranges::lower_bound(features, feature);
  if (place == features.end() || *place != feature) features.emplace(place, feature);
}

void Host::disco_identity(At at, xmpp::Identity identity) {
  disco(at).identities.push_back(std::move(identity));
}

void Host::disco_form(At at, xmpp::DataForm form) {
  disco(at).forms.push_back(std::move(form));
}

bool Host::is_disco_alias(std::string_view node) const {
  return std::ranges::any_of(disco_aliases_, [&](const auto& is_alias) { return is_alias(node); });
}

void Host::on_iq(At at, xmpp::StanzaType type, std::string_view element,
                 std::string_view element_ns, IqHandler handler) {
  Key key{at, type, std::string(element_ns), std::string(element)};
  [[maybe_unused]] const bool fresh =
      handlers_.try_emplace(std::move(key), Entry{std::move(handler), false, false}).second;
  assert(fresh && "two modules answer the same iq");
}

void Host::on_own_iq(xmpp::StanzaType type, std::string_view element, std::string_view element_ns,
                     IqHandler handler, Turn turn) {
  Key key{At::account, type, std::string(element_ns), std::string(element)};
  [[maybe_unused]] const bool fresh =
      handlers_.try_emplace(std::move(key), Entry{std::move(handler), true, turn == Turn::free})
          .second;
  assert(fresh && "two modules answer the same iq");
}

Host::FoundHandler Host::find_handler(At at, const xmpp::Stanza& iq) const {
  const auto payload = iq.payload();
  if (!payload) return {};
  const auto found =
      handlers_.find(std::tuple<At, xmpp::StanzaType, std::string_view, std::string_view>{
          at, iq.type(), payload->ns(), payload->name()});
  if (found == handlers_.end()) return {};
  const Entry& entry = found->second;
  return {&entry.handler, entry.own_only, entry.without_turn};
}

void Host::on_command(Command command) {
  assert(find_command(command.node) == nullptr && "two commands with one node");
  commands_.push_back(std::move(command));
}

const Command* Host::find_command(std::string_view node) const {
  const auto found = std::ranges::find(commands_, node, &Command::node);
  return found == commands_.end() ? nullptr : &*found;
}

void Host::on_nonza(std::string_view element, std::string_view element_ns, NonzaHandler handler) {
  nonzas_.emplace(std::tuple(std::string(element_ns), std::string(element)), std::move(handler));
}

const Host::NonzaHandler* Host::find_nonza(const xml::Element& element) const {
  const auto found = nonzas_.find(std::tuple(element.ns(), element.name()));
  return found == nonzas_.end() ? nullptr : &found->second;
}

Task<Result<>> Host::load_account(Worker& worker, LocalAccount& account) const {
  for (const auto& load : load_account_) {
    if (auto loaded = co_await load(worker, account); !loaded) co_return loaded;
  }
  co_return Result<>{};
}

bool Host::blocks_inbound(const LocalAccount& account, const xmpp::Stanza& stanza) const {
  return std::ranges::any_of(blocks_inbound_,
                             [&](const auto& blocks) { return blocks(account, stanza); });
}

std::optional<xmpp::StanzaError> Host::refuses_outbound(const LocalAccount& account,
                                                        const xmpp::Stanza& stanza) const {
  for (const auto& refuses : refuses_outbound_) {
    if (auto error = refuses(account, stanza)) return error;
  }
  return std::nullopt;
}

}  // namespace starling::core
