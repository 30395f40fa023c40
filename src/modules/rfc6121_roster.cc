// Roster management (RFC 6121 section 2): a client reads and edits its contact list.
#include <algorithm>
#include <utility>

#include "core/module.h"
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

// The stream feature of section 3.4.1.
constexpr std::string_view kPreApproval = "urn:xmpp:features:pre-approval";

// The stream feature of section 2.6.1.
constexpr std::string_view kVersioning = "urn:xmpp:features:rosterver";

constexpr std::size_t kMaxNameBytes = 1'023;
constexpr std::size_t kMaxGroups = 64;

std::unexpected<StanzaError> refuse(StanzaCondition condition, std::string_view text) {
  return std::unexpected(StanzaError{condition, std::string(text), {}});
}

// Sections 2.1.3, 2.2 and 2.6.
Task<IqReply> get(IqRequest request) {
  const xmpp::Jid account = request.stanza.to().to_bare();
  const auto roster = co_await request.worker->roster(account);
  if (!roster) {
    co_return refuse(StanzaCondition::resource_constraint,
                     "the roster is unavailable at the moment");
  }
  // From now on it gets roster pushes.
  if (auto* session = request.worker->directory().find(request.session)) {
    session->interested = true;
  }
  // Section 2.6.3: nothing at all tells the client that it has the whole roster already.
  const xml::Element query = request.payload();
  const auto known = query.attribute("ver");
  const std::string& version = (*roster)->version();
  if (known == version) co_return std::string();
  xml::Writer w;
  w.open("query", xmpp::ns::kRoster);
  if (known) w.attribute("ver", version);
  for (const auto& [jid, item] : (*roster)->items()) {
    if (item.listed()) w.raw(item.to_xml());
  }
  w.close();
  co_return std::move(w).take();
}

// Sections 2.3 to 2.5, with the errors of 2.3.3.
Task<IqReply> set(IqRequest request) {
  const xmpp::Jid account = request.stanza.to().to_bare();
  const xml::Element query = request.payload();
  const auto item = query.child("item", xmpp::ns::kRoster);
  std::size_t items = 0;
  for ([[maybe_unused]] const xml::Element child : query.children()) ++items;
  if (!item || items != 1) {
    co_return refuse(StanzaCondition::bad_request, "a roster set holds exactly one item");
  }
  const auto address = item->attribute("jid");
  if (!address) co_return refuse(StanzaCondition::bad_request, "an item needs a jid");
  const auto jid = xmpp::Jid::parse(*address);
  if (!jid) co_return refuse(StanzaCondition::jid_malformed, "the item's jid is not a JID");
  const xmpp::Jid contact = jid->to_bare();
  if (contact == account) {
    co_return refuse(StanzaCondition::not_allowed, "nobody is a contact of oneself");
  }

  auto& subscriptions = request.worker->subscriptions();
  std::optional<StanzaError> error;
  if (item->attribute("subscription") == "remove") {
    error = co_await subscriptions.remove_contact(account, contact);
  } else {
    std::string name(item->attribute("name").value_or(""));
    if (name.size() > kMaxNameBytes) {
      co_return refuse(StanzaCondition::not_acceptable, "the name is too long");
    }
    std::vector<std::string> groups;
    for (const xml::Element child : item->children()) {
      if (!child.is("group", xmpp::ns::kRoster)) continue;
      std::string group = child.text();
      if (group.empty() || group.size() > kMaxNameBytes || groups.size() == kMaxGroups) {
        co_return refuse(StanzaCondition::not_acceptable, "a group is empty, too long or too many");
      }
      if (std::ranges::find(groups, group) != groups.end()) {
        co_return refuse(StanzaCondition::bad_request, "a group is named twice");
      }
      groups.push_back(std::move(group));
    }
    error =
        co_await subscriptions.update_contact(account, contact, std::move(name), std::move(groups));
  }
  if (error) co_return std::unexpected(*error);
  co_return std::string();
}

void setup(core::Host& host) {
  host.stream_feature([](xml::Writer& w) {
    w.open("sub", kPreApproval).close();
    w.open("ver", kVersioning).close();
  });
  host.on_own_iq(StanzaType::get, "query", xmpp::ns::kRoster, get);
  host.on_own_iq(StanzaType::set, "query", xmpp::ns::kRoster, set);
}

}  // namespace

extern const core::Module kRoster;
const core::Module kRoster{"roster", {0, ""}, "Contact lists (RFC 6121 section 2)", setup};

}  // namespace starling::modules
