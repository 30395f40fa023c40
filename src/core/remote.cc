#include "core/remote.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "core/messages_lost.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using cluster::Decoder;
using cluster::Encoder;
using cluster::NodeId;
using xmpp::Jid;
using xmpp::Stanza;
using xmpp::StanzaCondition;
using xmpp::StanzaKind;
using xmpp::StanzaType;

namespace {

// More would mean that nodes send each other a stanza in circles.
constexpr std::uint8_t kMaxHops = 8;
// From a home that is none any more to the keeper, and once more if the keeper is another by now.
constexpr std::uint8_t kHopsToKeeper = 3;

// A node that takes longer than this to deal with a stanza is in trouble, and order has to give
// way.
constexpr std::chrono::seconds kInOrderFor{10};

// Whom it must not overtake: what is for the same account and has come as far. What this node has
// passed on and gets back waits for none of these, or it would wait for itself.
std::size_t order_of(const Stanza& stanza) {
  constexpr std::size_t kSpread = 0x9e3779b97f4a7c15;
  return std::hash<std::string_view>{}(stanza.to().bare()) + stanza.hops() * kSpread;
}

// What is for now and of no use later.
bool is_fleeting(const Stanza& stanza) {
  return stanza.kind() == StanzaKind::presence &&
         (stanza.type() == StanzaType::available || stanza.type() == StanzaType::unavailable ||
          stanza.type() == StanzaType::probe);
}

class RemoteReceipt final : public xmpp::Receipt {
 public:
  RemoteReceipt(Server& server, NodeId node, std::uint64_t number)
      : server_(server), node_(node), number_(number) {
    ++server_.in_hand();
  }
  ~RemoteReceipt() override {
    if (!server_.stopping()) {
      server_.cluster()->send(node_, begin_parcel(ParcelKind::dealt, number_).take(), true);
    }
    --server_.in_hand();  // last: who waits for that goes on to stop
  }

 private:
  Server& server_;
  NodeId node_;
  std::uint64_t number_;
};

}  // namespace

cluster::Cluster* Remote::cluster() const {
  return worker_.server().cluster();
}

bool Remote::lapsed() const {
  const cluster::Cluster* all = cluster();
  return all != nullptr && !all->holds_lease();
}

// --- stanzas ---

NodeId Remote::place_of_addressee(const Stanza& stanza) const {
  const std::string_view account = stanza.to().bare();
  const cluster::Cluster& all = *cluster();
  const auto home = all.homes().find(account);
  const NodeId not_at = stanza.not_at();
  if (home && all.is_member(home->node) && home->node != not_at) return home->node;
  if (stanza.hops() < kHopsToKeeper) return all.keeper(account, {&not_at, 1});
  return all.self();  // the nodes do not agree on who is the keeper, and we are as good
}

bool Remote::route(Stanza& stanza) {
  const cluster::Cluster& all = *cluster();
  const NodeId at = place_of_addressee(stanza);
  if (wait_behind_what_is_underway(stanza, at)) return true;
  if (at == all.self()) return false;
  if (stanza.hops() >= kMaxHops) {
    if (stanza.kind() == StanzaKind::message) message_lost(Lost::in_circles);
    log::error("stanza_in_circles",
               {{"to", stanza.to().full()}, {"trace_id", stanza.trace_id().str()}});
    worker_.router().bounce(stanza, StanzaCondition::recipient_unavailable,
                            "the account is moving; try again");
    return true;
  }
  send_stanza(at, std::move(stanza));
  return true;
}

bool Remote::wait_behind_what_is_underway(Stanza& stanza, NodeId at) {
  if (underway_.empty()) return false;
  const std::size_t order = order_of(stanza);
  const auto found = underway_.find(order);
  if (found == underway_.end()) return false;
  Underway& underway = found->second;
  if (underway.behind.empty()) {
    // A node that is not reachable may take until it is found dead. Of one that is gone peer_gone()
    // is about to come, behind what it said last of what it has dealt with.
    const bool passes = cluster()->reachable(underway.node) || cluster()->is_gone(underway.node);
    if (underway.node == at || !passes) return false;
    underway.timer = worker_.loop().run_after(kInOrderFor, [this, order] { let_go(order); });
  }
  worker_.journal().note(Journal::Event::behind_others, stanza, underway.node);
  underway.behind.push_back(std::move(stanza));
  return true;
}

void Remote::dealt(std::uint64_t number) {
  const auto kept = kept_.find(number);
  if (kept == kept_.end()) return;
  const Kept entry = std::move(kept->second);
  kept_.erase(kept);
  if (entry.visitor != 0) return;
  const std::size_t order = order_of(entry.stanza);
  const auto underway = underway_.find(order);
  if (underway == underway_.end() || underway->second.node != entry.node) return;
  if (--underway->second.count == 0) let_go(order);
}

void Remote::let_go(std::size_t order) {
  const auto underway = underway_.find(order);
  if (underway == underway_.end()) return;
  std::vector<Stanza> behind = take_behind(underway->second);
  underway_.erase(underway);
  for (Stanza& stanza : behind) route_late(std::move(stanza));
}

// Meanwhile its sender may have come back at another node, whose presence did not wait. What has
// just been said to be unavailable is then told once more what it is.
void Remote::route_late(Stanza stanza) {
  const bool gone = stanza.kind() == StanzaKind::presence &&
                    stanza.type() == StanzaType::unavailable && stanza.to().is_bare();
  const Jid sender = stanza.from().to_bare();
  const Jid contact = stanza.to().to_bare();
  worker_.router().route(std::move(stanza));
  if (!gone) return;
  const auto home = cluster()->homes().find(sender.full());
  if (!home || home->node == cluster()->self()) return;
  worker_.router().route(xmpp::make_presence(StanzaType::probe, contact, sender));
}

std::vector<Stanza> Remote::take_behind(Underway& underway) {
  worker_.loop().cancel(std::exchange(underway.timer, 0));
  return std::exchange(underway.behind, {});
}

void Remote::send_stanza(NodeId to, Stanza stanza) {
  if (is_fleeting(stanza) && stanza.receipt() == nullptr) {
    const auto [fan_out, added] = fan_outs_.try_emplace(to, FanOut{stanza, {}});
    if (added && fan_outs_.size() == 1) worker_.loop().at_turn_end([this] { flush_fan_outs(); });
    if (!fan_out->second.stanza.same_but_for_addressee(stanza)) {
      flush_fan_outs();
      worker_.loop().at_turn_end([this] { flush_fan_outs(); });
      fan_outs_.emplace(to, FanOut{stanza, {}});
    }
    fan_outs_.at(to).to.push_back(stanza.to().str());
    return;
  }
  flush_fan_outs();  // nothing overtakes anything
  worker_.journal().note(Journal::Event::to_node, stanza, to);
  const std::uint64_t number = is_fleeting(stanza) ? 0 : keep(to, stanza);
  Encoder parcel = begin_parcel(ParcelKind::stanza, stanza.to().bare(), carried(stanza));
  parcel.number(number).number(stanza.hops() + 1U).number(1).text(stanza.to().full());
  parcel.rest(stanza.to_xml());
  if (send(to, std::move(parcel), false) || number == 0) return;
  dealt(number);
  worker_.router().bounce(stanza, StanzaCondition::resource_constraint,
                          "too much waits for the account's node");
}

void Remote::flush_fan_outs() {
  for (const auto& [node, fan_out] : std::exchange(fan_outs_, {})) {
    const Stanza& stanza = fan_out.stanza;
    Encoder parcel = begin_parcel(ParcelKind::stanza, stanza.to().bare());
    parcel.number(0).number(stanza.hops() + 1U).number(fan_out.to.size());
    for (const std::string& to : fan_out.to) parcel.text(to);
    parcel.rest(stanza.to_xml());
    send(node, std::move(parcel), false);
  }
}

std::uint64_t Remote::keep(NodeId node, const Stanza& stanza) {
  Underway& underway = underway_[order_of(stanza)];
  if (underway.node != node) {
    underway.node = node;
    underway.count = 0;
  }
  ++underway.count;
  return keep(node, stanza, 0);
}

std::uint64_t Remote::keep(NodeId node, const Stanza& stanza, SessionId visitor) {
  const std::uint64_t number = next_number();
  kept_.emplace(number, Kept{node, stanza, visitor});
  return number;
}

void Remote::forget_those_of(SessionId visitor) {
  std::erase_if(kept_, [visitor](const auto& entry) { return entry.second.visitor == visitor; });
}

xmpp::TraceId Remote::carried(const Stanza& stanza) const {
  return cluster()->all_read_trace_ids() ? stanza.trace_id() : xmpp::TraceId();
}

std::uint64_t Remote::next_number() {
  return (++last_number_ << 8U) | worker_.index();
}

xmpp::ReceiptPtr Remote::receipt(NodeId node, std::uint64_t number) const {
  if (number == 0) return nullptr;
  return {new RemoteReceipt(worker_.server(), node, number)};
}

bool Remote::send(NodeId to, Encoder parcel, bool must) {
  return cluster()->send(to, std::move(parcel).take(), must);
}

// --- what comes ---

void Remote::take(NodeId from, std::string_view bytes) {
  if (lapsed()) return;
  Decoder parcel(bytes);
  const auto head = read_parcel_head(parcel);
  if (!head) return;  // it was counted by whoever chose this worker
  switch (head->kind) {
    case ParcelKind::stanza:
      return take_stanza(from, *head, parcel);
    case ParcelKind::dealt:
      return dealt(head->number);
    case ParcelKind::stored:
      return homes_.take_stored(from, head->account, parcel);
    case ParcelKind::seek:
      return homes_.take_seek(from, head->account, parcel);
    case ParcelKind::found:
      return homes_.take_found(head->number, parcel);
    case ParcelKind::losing:
      return homes_.take_losing(from, head->account, parcel);
    case ParcelKind::losers:
      return homes_.take_losers(head->account, parcel);
    case ParcelKind::parked:
      return homes_.take_parked(from, head->account, parcel);
    case ParcelKind::kept:
      return homes_.take_kept(head->account);
    case ParcelKind::bind:
    case ParcelKind::submit:
    case ParcelKind::nonza:
    case ParcelKind::active:
    case ParcelKind::confirmed:
    case ParcelKind::unbind:
    case ParcelKind::park:
    case ParcelKind::moved:
      return guests_.take(from, *head, parcel);
    case ParcelKind::bound:
    case ParcelKind::deliver:
    case ParcelKind::end:
    case ParcelKind::leave:
      return visitors_.take(from, *head, parcel);
    case ParcelKind::call:
      return worker_.calls().take_call(from, parcel);
    case ParcelKind::answer:
      return worker_.calls().take_answer(head->number, parcel);
  }
}

void Remote::take_stanza(NodeId from, const ParcelHead& head, Decoder& parcel) {
  const std::uint64_t number = parcel.number();
  const auto hops = static_cast<std::uint8_t>(std::min<std::uint64_t>(parcel.number(), kMaxHops));
  const std::uint64_t count = parcel.number();
  std::vector<Jid> to;
  for (std::uint64_t i = 0; i < count && !parcel.bad(); ++i) {
    if (auto jid = Jid::parse(parcel.text())) to.push_back(std::move(*jid));
  }
  // Nobody keeps presence: parked sessions are to hear of it.
  if (number != 0 && (takes_no_more_ || worker_.server().stopping())) return;
  const xmpp::ReceiptPtr dealt = receipt(from, number);  // told, whatever becomes of it
  auto stanza = parcel.bad() ? std::nullopt : Stanza::parse(parcel.rest());
  if (!stanza) {
    message_lost(Lost::damaged);
    log::error("stanza_from_node_damaged", {{"node", from}});
    return;
  }
  stanza->set_hops(hops);
  stanza->set_receipt(dealt);
  stanza->set_trace_id(head.trace_id);
  for (const Jid& addressee : to) {
    Stanza copy = *stanza;
    copy.set_to(addressee);
    worker_.journal().note(Journal::Event::from_node, copy, from);
    // A node that passes it on is neither the home nor the keeper, though we may not have heard of
    // that yet: it would come back, and a node that is about to leave takes nothing any more.
    if (hops > 1) copy.set_not_at(from);
    worker_.router().route(std::move(copy));
  }
}

void Remote::peer_gone(NodeId peer) {
  // First those who wait for what we are about to drop: their clients send it again elsewhere.
  visitors_.end_those_of(peer, xmpp::StreamCondition::system_shutdown,
                         "the node that had this account is gone; please connect again");
  guests_.peer_gone(peer);
  worker_.calls().peer_gone(peer);
  homes_.peer_gone(peer);
  route_again_what_is_kept_for_no_member();
  std::erase_if(kept_, [peer](const auto& entry) { return entry.second.node == peer; });
}

void Remote::route_again_what_is_kept_for_no_member() {
  const cluster::Cluster& all = *cluster();
  std::vector<std::pair<std::uint64_t, Kept>> kept;
  for (auto at = kept_.begin(); at != kept_.end();) {
    // A visitor's go with it, when peer_gone() ends it: its client sends them again.
    if (at->second.visitor != 0 || !all.is_gone(at->second.node)) {
      ++at;
      continue;
    }
    kept.emplace_back(at->first, std::move(at->second));
    at = kept_.erase(at);
  }
  std::ranges::sort(kept, {}, [](const auto& entry) { return entry.first; });  // as they were sent
  std::vector<Stanza> behind;
  for (auto at = underway_.begin(); at != underway_.end();) {
    if (!all.is_gone(at->second.node)) {
      ++at;
      continue;
    }
    std::ranges::move(take_behind(at->second), std::back_inserter(behind));
    at = underway_.erase(at);
  }
  for (auto& [unused, entry] : kept) {
    entry.stanza.set_hops(0);
    entry.stanza.set_not_at(0);
    worker_.journal().note(Journal::Event::node_gone, entry.stanza, entry.node);
    worker_.router().route(std::move(entry.stanza));
  }
  for (Stanza& stanza : behind) route_late(std::move(stanza));
}

void Remote::fenced() {
  visitors_.end_those_of(0, xmpp::StreamCondition::system_shutdown,
                         "this node has lost its cluster; please connect again");
  worker_.end_all_sessions(xmpp::StreamCondition::system_shutdown,
                           "this node has lost its cluster; please connect again");
  std::vector<Jid> accounts;
  worker_.directory().for_each_account(
      [&](const LocalAccount& account) { accounts.push_back(account.bare); });
  for (const Jid& account : accounts) {
    worker_.turns().run(account.full(), [this, account] { return homes_.forget(account); });
  }
  homes_.peer_gone(0);
  worker_.calls().peer_gone(0);
  // The senders that are here have been told that nothing more is acknowledged.
  kept_.clear();
  for (auto& [unused, underway] : underway_) static_cast<void>(take_behind(underway));
  underway_.clear();
  fan_outs_.clear();
}

}  // namespace starling::core
