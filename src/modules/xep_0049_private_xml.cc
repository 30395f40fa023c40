// Private XML storage (XEP-0049): a client keeps XML of its own on the server, one element for each
// name and namespace. Old clients keep their bookmarks there.
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "core/module.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::IqReply;
using core::IqRequest;
using xmpp::StanzaCondition;
using xmpp::StanzaError;
using xmpp::StanzaType;

constexpr std::string_view kMap = "private";
// Of one account.
constexpr std::size_t kMaxElements = 256;
constexpr std::size_t kMaxBytes = 1'048'576;

std::string key_of(const xml::Element& element) {
  return "{" + std::string(element.ns()) + "}" + std::string(element.name());
}

IqReply refuse(StanzaCondition condition, std::string_view text) {
  return std::unexpected(StanzaError{condition, std::string(text), {}});
}

IqReply store_trouble(const xmpp::Jid& account, const Error& error) {
  log::error("private_xml_unavailable", {{"jid", account.full()}, {"error", error.message}});
  return refuse(StanzaCondition::resource_constraint, "private storage is unavailable at present");
}

std::string query(std::string_view content) {
  xml::Writer w;
  w.open("query", xmpp::ns::kPrivate).raw(content).close();
  return std::move(w).take();
}

// Section 2.2: exactly one element is asked for; one that was never set is answered empty.
Task<IqReply> get(IqRequest request) {
  const xml::Element payload = request.payload();
  const auto wanted = payload.first_child();
  if (!wanted) co_return refuse(StanzaCondition::not_acceptable, "ask for one element");
  const xmpp::Jid account = request.stanza.to().to_bare();
  auto& maps = request.worker->server().store().maps();
  const auto stored = co_await maps.get(account.str(), std::string(kMap), key_of(*wanted));
  if (!stored) co_return store_trouble(account, stored.error());
  co_return query(*stored ? **stored : wanted->canonical(xmpp::ns::kPrivate));
}

// What the account would have stored after the changes; false if that is too much.
bool fits(const std::vector<store::Entry>& stored, const std::vector<store::Change>& changes) {
  std::map<std::string_view, std::size_t> sizes;
  for (const auto& entry : stored) sizes[entry.key] = entry.value.size();
  for (const auto& change : changes) sizes[change.key] = change.value->size();
  std::size_t bytes = 0;
  for (const auto& [key, size] : sizes) bytes += key.size() + size;
  return sizes.size() <= kMaxElements && bytes <= kMaxBytes;
}

// Section 2.1.
Task<IqReply> set(IqRequest request) {
  const xml::Element payload = request.payload();
  const xmpp::Jid account = request.stanza.to().to_bare();
  std::vector<store::Change> changes;
  for (const xml::Element element : payload.children()) {
    // Without a namespace of its own it would be ours, and nobody could ask for it.
    if (element.ns() == xmpp::ns::kPrivate || element.ns().empty()) {
      co_return refuse(StanzaCondition::not_acceptable, "an element needs a namespace of its own");
    }
    changes.push_back({std::string(kMap), key_of(element), element.canonical(xmpp::ns::kPrivate)});
  }
  if (changes.empty()) co_return refuse(StanzaCondition::not_acceptable, "nothing to store");
  auto& maps = request.worker->server().store().maps();
  const auto stored = co_await maps.scan(account.str(), std::string(kMap));
  if (!stored) co_return store_trouble(account, stored.error());
  if (!fits(*stored, changes)) {
    co_return refuse(StanzaCondition::policy_violation, "private storage is full");
  }
  const auto done = co_await maps.apply(account.str(), std::move(changes));
  if (!done) co_return store_trouble(account, done.error());
  co_return std::string();
}

void setup(core::Host& host) {
  host.disco_feature(core::At::host, xmpp::ns::kPrivate);
  host.on_own_iq(StanzaType::get, "query", xmpp::ns::kPrivate, get);
  host.on_own_iq(StanzaType::set, "query", xmpp::ns::kPrivate, set);
}

}  // namespace

extern const core::Module kPrivateXml;
const core::Module kPrivateXml{"private", {49, "1.2"}, "Private XML storage", setup};

}  // namespace starling::modules
