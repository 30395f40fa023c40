#include "core/roster.h"

#include <atomic>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "xml/document.h"
#include "xml/writer.h"
#include "xmpp/ns.h"
#include "xmpp/stanza.h"

namespace starling::core {

namespace {

constexpr std::string_view kVersionKey;  // "", which is no contact's

// Their sum, of all workers: rosters are read and changed seldom enough to share it.
std::atomic<std::uint64_t>& all_bytes() {
  static std::atomic<std::uint64_t> bytes = 0;
  return bytes;
}

std::uint64_t elsewhere(const std::string& text) {
  return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
}

// With its place in the map.
std::uint64_t size_of(const RosterItem& item) {
  constexpr std::size_t kNode = 4 * sizeof(void*) + sizeof(std::pair<const xmpp::Jid, RosterItem>);
  constexpr std::size_t kJid = 16;  // what is counted with its text
  std::uint64_t bytes = kNode + kJid + item.jid.full().size() + elsewhere(item.name) +
                        elsewhere(item.request) + item.groups.capacity() * sizeof(std::string);
  for (const std::string& group : item.groups) bytes += elsewhere(group);
  return bytes;
}

}  // namespace

std::uint64_t bytes_of_rosters() {
  return all_bytes();
}

Roster::Bytes::Bytes() : bytes_(sizeof(Roster)) {
  all_bytes() += bytes_;
}

Roster::Bytes::~Bytes() {
  all_bytes() -= bytes_;
}

void Roster::Bytes::add(const RosterItem& item) {
  const std::uint64_t size = size_of(item);
  bytes_ += size;
  all_bytes() += size;
}

void Roster::Bytes::remove(const RosterItem& item) {
  const std::uint64_t size = size_of(item);
  bytes_ -= size;
  all_bytes() -= size;
}

bool RosterItem::listed() const {
  return kept || subscription.to || subscription.from || subscription.pending_out ||
         subscription.approved;
}

bool RosterItem::vacant() const {
  return !listed() && !subscription.pending_in;
}

std::string RosterItem::to_xml() const {
  xml::Writer w;
  w.open("item").attribute("jid", jid.full()).attribute_if("name", name);
  w.attribute("subscription", subscription_name(subscription));
  if (subscription.pending_out) w.attribute("ask", "subscribe");
  if (subscription.approved) w.attribute("approved", "true");
  for (const auto& group : groups) w.open("group").text(group).close();
  w.close();
  return std::move(w).take();
}

std::string RosterItem::removed_xml(const xmpp::Jid& jid) {
  xml::Writer w;
  w.open("item").attribute("jid", jid.full()).attribute("subscription", "remove").close();
  return std::move(w).take();
}

// The stored form is the <item/> of the protocol with two attributes and one child of our own: an
// operator can read it, and what RFC 6121 calls things is what they are called.
std::string RosterItem::encode() const {
  xml::Writer w;
  w.open("item").attribute_if("name", name);
  w.attribute("subscription", subscription_name(subscription));
  if (kept) w.attribute("kept", "true");
  if (subscription.pending_out) w.attribute("ask", "subscribe");
  if (subscription.pending_in) w.attribute("asked", "subscribe");
  if (subscription.approved) w.attribute("approved", "true");
  for (const auto& group : groups) w.open("group").text(group).close();
  if (!request.empty()) w.open("request").text(request).close();
  w.close();
  return std::move(w).take();
}

std::optional<RosterItem> RosterItem::decode(const store::Entry& entry) {
  auto jid = xmpp::Jid::parse(entry.key);
  const auto document = xml::Document::parse(entry.value);
  if (!jid || !document) return std::nullopt;
  const xml::Element root = document->root();
  const auto has = [&](std::string_view name) { return root.attribute(name).has_value(); };
  RosterItem item;
  item.jid = std::move(*jid);
  item.name = root.attribute("name").value_or("");
  item.kept = has("kept");
  const auto subscription = root.attribute("subscription").value_or("none");
  item.subscription.to = subscription == "to" || subscription == "both";
  item.subscription.from = subscription == "from" || subscription == "both";
  item.subscription.pending_out = has("ask");
  item.subscription.pending_in = has("asked");
  item.subscription.approved = has("approved");
  for (const xml::Element child : root.children()) {
    if (child.name() == "group") item.groups.push_back(child.text());
    if (child.name() == "request") item.request = child.text();
  }
  if (!item.request.empty()) {
    auto request = xml::Document::parse(item.request, xmpp::ns::kClient);
    if (!request || !xmpp::Stanza::from_document(std::move(request), xmpp::ns::kClient)) {
      return std::nullopt;
    }
  }
  return item;
}

const RosterItem* Roster::find(const xmpp::Jid& bare) const {
  const auto found = items_.find(bare);
  return found == items_.end() ? nullptr : &found->second;
}

RosterItem Roster::get_or_new(const xmpp::Jid& bare) const {
  if (const RosterItem* item = find(bare)) return *item;
  RosterItem item;
  item.jid = bare;
  return item;
}

void Roster::put(RosterItem item) {
  if (item.vacant()) return erase(item.jid);
  const auto [place, is_new] = items_.try_emplace(item.jid);
  if (!is_new) bytes_.remove(place->second);
  place->second = std::move(item);
  bytes_.add(place->second);
}

void Roster::erase(const xmpp::Jid& bare) {
  const auto found = items_.find(bare);
  if (found == items_.end()) return;
  bytes_.remove(found->second);
  items_.erase(found);
}

std::string Roster::new_version() {
  constexpr std::size_t kCharacters = 16;
  return random_token(kCharacters);
}

Task<Result<Roster>> load_roster(store::Maps& maps, xmpp::Jid owner) {
  auto entries = co_await maps.scan(owner.str(), std::string(kRosterMap));
  if (!entries) co_return std::unexpected(entries.error());
  Roster roster;
  for (auto& entry : *entries) {
    if (entry.key == kVersionKey) {
      roster.set_version(std::move(entry.value));
      continue;
    }
    auto item = RosterItem::decode(entry);
    if (item) {
      roster.put(std::move(*item));
    } else {
      log::error("roster_entry_damaged", {{"jid", owner.full()}, {"contact", entry.key}});
    }
  }
  co_return roster;
}

Task<Result<>> store_roster_item(store::Maps& maps, xmpp::Jid owner, RosterItem item,
                                 std::string version) {
  std::vector<store::Change> changes(1);
  changes[0].map = kRosterMap;
  changes[0].key = item.jid.str();
  if (!item.vacant()) changes[0].value = item.encode();
  if (!version.empty()) {
    changes.push_back({std::string(kRosterMap), std::string(kVersionKey), std::move(version)});
  }
  co_return co_await maps.apply(owner.str(), std::move(changes));
}

}  // namespace starling::core
