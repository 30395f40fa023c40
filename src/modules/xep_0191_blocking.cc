// Blocking command (XEP-0191): to whom an account has blocked it looks offline, and it hears
// nothing of them.
//
// The list is one entry of a map per address, and a slot of the account while that is in memory.
// Never blocked are the account's own resources (note in section 5) and the server itself, which
// has to answer.
#include <algorithm>
#include <expected>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "core/module.h"
#include "core/server.h"
#include "core/worker.h"
#include "xml/writer.h"
#include "xmpp/ns.h"

namespace starling::modules {

namespace {

using core::IqReply;
using core::IqRequest;
using core::LocalAccount;
using core::Worker;
using xmpp::Jid;
using xmpp::Stanza;
using xmpp::StanzaCondition;
using xmpp::StanzaError;
using xmpp::StanzaType;

constexpr std::string_view kMap = "blocklist";
constexpr std::size_t kMaxBlocked = 5'000;

// Of an account that has blocked somebody.
struct Blocklist {
  std::set<std::string, std::less<>> jids;

  // Section 6.
  [[nodiscard]] bool blocks(const Jid& owner, const Jid& peer) const {
    if (peer.bare() == owner.full() || peer.full() == owner.domain()) return false;
    return jids.contains(peer.full()) || jids.contains(peer.bare()) || jids.contains(peer.domain());
  }
};

// Of a session that has asked for the list: it is told of changes.
struct Informed {};

std::unexpected<StanzaError> refuse(StanzaCondition condition, std::string_view text) {
  return std::unexpected(StanzaError{condition, std::string(text), {}});
}

std::unexpected<StanzaError> store_trouble(const Jid& account, const Error& error) {
  log::error("blocklist_unavailable", {{"jid", account.full()}, {"error", error.message}});
  return refuse(StanzaCondition::resource_constraint, "the block list is unavailable at present");
}

bool blocks(const LocalAccount& account, const Jid& peer) {
  const auto* list = account.slots.find<Blocklist>();
  return list != nullptr && list->blocks(account.bare, peer);
}

bool blocks_inbound(const LocalAccount& account, const Stanza& stanza) {
  return blocks(account, stanza.from());
}

// Section 3.3.
std::optional<StanzaError> refuses_outbound(const LocalAccount& account, const Stanza& stanza) {
  if (!blocks(account, stanza.to())) return std::nullopt;
  xml::Writer w;
  w.open("blocked", xmpp::ns::kBlockingErrors).close();
  return StanzaError{StanzaCondition::not_acceptable, {}, std::move(w).take()};
}

Task<Result<>> load(Worker& worker, LocalAccount& account) {
  const auto stored =
      co_await worker.server().store().maps().scan(account.bare.str(), std::string(kMap));
  if (!stored) co_return std::unexpected(stored.error());
  for (const auto& entry : *stored) account.slots.get<Blocklist>().jids.insert(entry.key);
  co_return Result<>{};
}

// In the account's turn.
Task<std::expected<Blocklist, StanzaError>> blocklist_of(Worker& worker, Jid jid) {
  const auto account = co_await worker.load(jid);
  if (!account) co_return store_trouble(jid, account.error());
  if (*account == nullptr) co_return refuse(StanzaCondition::item_not_found, "no such account");
  const auto* list = (*account)->slots.find<Blocklist>();
  co_return list != nullptr ? *list : Blocklist();
}

// <item/>s
std::string items_xml(const auto& jids) {
  xml::Writer w;
  for (const std::string& jid : jids) w.open("item").attribute("jid", jid).close();
  return std::move(w).take();
}

std::expected<std::vector<std::string>, StanzaError> items_of(const xml::Element& command) {
  std::vector<std::string> jids;
  for (const xml::Element item : command.children()) {
    const auto address = item.attribute("jid");
    // What is not understood must not turn a command into "unblock all".
    if (!item.is("item", xmpp::ns::kBlocking) || !address) {
      return refuse(StanzaCondition::bad_request, "expected items, each with a jid");
    }
    const auto jid = Jid::parse(*address);
    if (!jid) return refuse(StanzaCondition::jid_malformed, "the jid of an item is not a JID");
    jids.push_back(jid->str());
  }
  return jids;
}

// What becomes of an account's list, and for whom that makes a difference.
struct Change {
  Jid owner;
  Blocklist before;
  Blocklist after;

  [[nodiscard]] bool begins_to_block(const Jid& peer) const {
    return after.blocks(owner, peer) && !before.blocks(owner, peer);
  }
  [[nodiscard]] bool ceases_to_block(const Jid& peer) const {
    return before.blocks(owner, peer) && !after.blocks(owner, peer);
  }
};

std::vector<store::Change> writes_of(const Change& change) {
  std::vector<store::Change> writes;
  for (const auto& jid : change.after.jids) {
    if (!change.before.jids.contains(jid)) writes.push_back({std::string(kMap), jid, ""});
  }
  for (const auto& jid : change.before.jids) {
    if (!change.after.jids.contains(jid)) writes.push_back({std::string(kMap), jid, std::nullopt});
  }
  return writes;
}

// The contacts that may see the account's presence and meet a condition; of those that do not, the
// single resources in `jids` that do.
std::set<Jid> subscribers(const core::Roster& roster,
                          const std::set<std::string, std::less<>>& jids, const auto& meets) {
  std::set<Jid> found;
  for (const auto& [jid, item] : roster.items()) {
    if (item.subscription.from && meets(jid)) found.insert(jid);
  }
  for (const auto& text : jids) {
    const auto jid = Jid::parse(text);
    if (!jid || jid->is_bare() || found.contains(jid->to_bare())) continue;
    const auto* item = roster.find(jid->to_bare());
    if (item != nullptr && item->subscription.from && meets(*jid)) found.insert(*jid);
  }
  return found;
}

// Section 3.3: whoever could see the account sees it go.
void hide(Worker& worker, LocalAccount& account, const core::Roster& roster, const Change& change) {
  const auto blocked = [&](const Jid& jid) { return change.begins_to_block(jid); };
  const std::set<Jid> contacts = subscribers(roster, change.after.jids, blocked);
  for (const Jid& jid : contacts) worker.presence().hide_sessions(account, jid);
  for (const auto& session : account.sessions) {
    if (!session->directed) continue;
    for (const Jid& jid : *session->directed) {
      if (!blocked(jid) || (session->available() && contacts.contains(jid.to_bare()))) continue;
      worker.router().route(xmpp::make_presence(StanzaType::unavailable, session->jid, jid));
    }
    std::erase_if(*session->directed, blocked);
  }
}

// Section 3.4: whoever may see the account sees it again; and the account sees them.
void show(Worker& worker, const LocalAccount& account, const core::Roster& roster,
          const Change& change) {
  const auto unblocked = [&](const Jid& jid) { return change.ceases_to_block(jid); };
  for (const Jid& jid : subscribers(roster, change.before.jids, unblocked)) {
    worker.presence().show_sessions(account, jid);
  }
  for (const auto& [jid, item] : roster.items()) {
    if (!item.subscription.to || !unblocked(jid)) continue;
    for (const auto& session : account.sessions) {
      if (!session->available()) continue;
      worker.router().route(xmpp::make_presence(StanzaType::probe, session->jid, jid));
    }
  }
}

void push(const LocalAccount& account, std::string_view command, std::string_view items) {
  for (const auto& session : account.sessions) {
    if (session->slots.find<Informed>() == nullptr) continue;
    xml::Writer w;
    w.open("iq").attribute("type", "set").attribute("id", "push" + random_token(8));
    w.open(command, xmpp::ns::kBlocking).raw(items).close().close();
    Stanza stanza = Stanza::from_text(std::move(w).take());
    stanza.set_to(session->jid);
    session->deliver(stanza);
  }
}

// Stores the change, and lets everybody know. `items`: of the command, for the clients.
Task<IqReply> carry_out(IqRequest request, Change change, std::string items) {
  Worker& worker = *request.worker;
  const auto roster = co_await worker.roster(change.owner);
  if (!roster) co_return store_trouble(change.owner, roster.error());
  auto writes = writes_of(change);
  if (!writes.empty()) {
    const auto stored =
        co_await worker.server().store().maps().apply(change.owner.str(), std::move(writes));
    if (!stored) co_return store_trouble(change.owner, stored.error());
  }
  LocalAccount* account = worker.directory().find(change.owner.full());
  if (account == nullptr) co_return std::string();
  hide(worker, *account, **roster, change);
  if (change.after.jids.empty()) {
    account->slots.erase<Blocklist>();
  } else {
    account->slots.get<Blocklist>() = change.after;
  }
  show(worker, *account, **roster, change);
  push(*account, request.payload().name(), items);
  co_return std::string();
}

// Section 3.2.
Task<IqReply> get(IqRequest request) {
  const auto list = co_await blocklist_of(*request.worker, request.stanza.to().to_bare());
  if (!list) co_return std::unexpected(list.error());
  if (auto* session = request.worker->directory().find(request.session)) {
    session->slots.get<Informed>();
  }
  xml::Writer w;
  w.open("blocklist", xmpp::ns::kBlocking).raw(items_xml(list->jids)).close();
  co_return std::move(w).take();
}

// Section 3.3.
Task<IqReply> block(IqRequest request) {
  const auto items = items_of(request.payload());
  if (!items) co_return std::unexpected(items.error());
  if (items->empty()) co_return refuse(StanzaCondition::bad_request, "nobody is named");
  const Jid owner = request.stanza.to().to_bare();
  const auto before = co_await blocklist_of(*request.worker, owner);
  if (!before) co_return std::unexpected(before.error());
  Change change{owner, *before, *before};
  change.after.jids.insert(items->begin(), items->end());
  if (change.after.jids.size() > kMaxBlocked) {
    co_return refuse(StanzaCondition::policy_violation, "the block list is full");
  }
  std::string xml = items_xml(*items);
  co_return co_await carry_out(std::move(request), std::move(change), std::move(xml));
}

// Sections 3.4 and 3.5: without items, everybody.
Task<IqReply> unblock(IqRequest request) {
  const auto items = items_of(request.payload());
  if (!items) co_return std::unexpected(items.error());
  const Jid owner = request.stanza.to().to_bare();
  const auto before = co_await blocklist_of(*request.worker, owner);
  if (!before) co_return std::unexpected(before.error());
  Change change{owner, *before, *before};
  for (const auto& jid : *items) change.after.jids.erase(jid);
  if (items->empty()) change.after.jids.clear();
  std::string xml = items_xml(*items);
  co_return co_await carry_out(std::move(request), std::move(change), std::move(xml));
}

void setup(core::Host& host) {
  host.session_mark<Informed>("blocklist");
  host.disco_feature(core::At::host, xmpp::ns::kBlocking);
  host.on_load_account(load);
  host.block_inbound(blocks_inbound);
  host.refuse_outbound(refuses_outbound);
  host.on_own_iq(StanzaType::get, "blocklist", xmpp::ns::kBlocking, get);
  host.on_own_iq(StanzaType::set, "block", xmpp::ns::kBlocking, block);
  host.on_own_iq(StanzaType::set, "unblock", xmpp::ns::kBlocking, unblock);
}

}  // namespace

extern const core::Module kBlocking;
const core::Module kBlocking{"blocking", {191, "1.3"}, "Blocking command", setup};

}  // namespace starling::modules
