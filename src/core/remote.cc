#include "core/remote.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
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

constexpr std::chrono::milliseconds kAnswerTime{2'000};
constexpr int kSeekTries = 5;
// While all nodes hear each other they do not differ for longer in what they take for homes.
constexpr std::chrono::seconds kNotedFor{60};
// More would mean that nodes send each other a stanza in circles.
constexpr std::uint8_t kMaxHops = 8;
// From a home that is none any more to the keeper, and once more if the keeper is another by now.
constexpr std::uint8_t kHopsToKeeper = 3;

// What is for now and of no use later.
bool is_fleeting(const Stanza& stanza) {
  return stanza.kind() == StanzaKind::presence &&
         (stanza.type() == StanzaType::available || stanza.type() == StanzaType::unavailable ||
          stanza.type() == StanzaType::probe);
}

class RemoteReceipt final : public xmpp::Receipt {
 public:
  RemoteReceipt(Server& server, NodeId node, std::uint64_t number)
      : server_(server), node_(node), number_(number) {}
  ~RemoteReceipt() override {
    if (server_.stopping()) return;
    server_.cluster()->send(node_, begin_parcel(ParcelKind::dealt, number_).take(), true);
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

// --- where an account is ---

NodeId Remote::place_of(std::string_view account) const {
  const cluster::Cluster& all = *cluster();
  const auto home = all.homes().find(account);
  if (home && all.is_member(home->node)) return home->node;
  return all.keeper(account);
}

bool Remote::is_here(std::string_view account) const {
  const cluster::Cluster* all = cluster();
  return all == nullptr || place_of(account) == all->self();
}

bool Remote::lapsed() const {
  const cluster::Cluster* all = cluster();
  return all != nullptr && !all->holds_lease();
}

Task<Result<NodeId>> Remote::find_home(Jid account) {
  cluster::Cluster& all = *cluster();
  std::vector<NodeId> silent;
  for (int tries = 0; tries < kSeekTries; ++tries) {
    if (!all.serving()) co_return fail(Errc::unavailable, "the node is not in its cluster");
    const auto home = all.homes().find(account.full());
    if (home && all.is_member(home->node)) {
      if (all.reachable(home->node)) co_return home->node;
      // Its user does not wait until it is found dead. Should it live, it gives way when they meet.
      claim(account.full());
      co_return all.self();
    }
    const NodeId keeper = all.keeper(account.full(), silent);
    if (keeper == all.self()) {
      claim(account.full());
      co_return all.self();
    }
    const auto found = co_await ask(keeper, account.str());
    if (!found) {
      // It is about to be found dead. The next one is good enough: should both sides of a split
      // have a home of the account, that is settled when they meet.
      silent.push_back(keeper);
      continue;
    }
    worker_.archive().saw(found->last_id);
    if (found->home == all.self()) {
      claim(account.full());
      co_return all.self();
    }
    if (all.is_member(found->home)) co_return found->home;
  }
  co_return fail(Errc::unavailable, "nobody knows where the account's sessions are");
}

void Remote::claim(std::string_view account) {
  cluster()->homes().claim(account, cluster()->clock_us(worker_.loop().now()));
}

void Remote::release(const Jid& account) {
  worker_.turns().run(account.full(), [this, account] { return release_in_turn(account); });
}

Task<void> Remote::release_in_turn(Jid account) {
  if (!co_await let_go(account)) co_return;  // it has sessions
  cluster::Homes& homes = cluster()->homes();
  if (!homes.is_claimed(account.full())) co_return;
  const auto counts = homes.find(account.full());
  homes.release(account.full());
  // Another home that was there all the time does not know of what was stored here. Whoever becomes
  // the home later finds it in the archive.
  if (counts && counts->node != cluster()->self()) {
    tell_kept(account, counts->node);
  }
}

Task<bool> Remote::let_go(Jid account) {
  for (;;) {
    const LocalAccount* there = worker_.directory().find(account.full());
    if (there == nullptr) co_return true;
    if (!there->sessions.empty()) co_return false;
    co_await worker_.archive().written(account);
    co_await worker_.offline().save_cursor(account);
    there = worker_.directory().find(account.full());
    // If something else was archived for it meanwhile, that has to be waited for as well.
    if (there != nullptr && there->sessions.empty() && there->appending == 0) {
      worker_.directory().remove_account(account.full());
    }
  }
}

void Remote::members_changed() {
  worker_.directory().for_each_account([this](const LocalAccount& account) {
    if (!account.sessions.empty() || is_here(account.bare.full())) return;
    // Somebody else keeps it now. What is here would be out of date, should it ever come back.
    worker_.loop().post([this, bare = account.bare] {
      worker_.turns().run(bare.full(), [this, bare]() -> Task<void> { return forget(bare); });
    });
  });
}

Task<void> Remote::forget(Jid account) {
  static_cast<void>(co_await let_go(account));
}

// --- stanzas ---

bool Remote::route(Stanza& stanza) {
  const std::string_view account = stanza.to().bare();
  const cluster::Cluster& all = *cluster();
  const auto home = all.homes().find(account);
  NodeId at = all.self();
  if (home && all.is_member(home->node)) {
    at = home->node;
  } else if (stanza.hops() < kHopsToKeeper) {
    at = all.keeper(account);
  }  // else the nodes do not agree on who that is, and we are as good
  if (at == all.self()) return false;
  if (stanza.hops() >= kMaxHops) {
    log::error("stanza_in_circles", {{"to", stanza.to().full()}});
    worker_.router().bounce(stanza, StanzaCondition::recipient_unavailable,
                            "the account is moving; try again");
    return true;
  }
  send_stanza(at, std::move(stanza));
  return true;
}

void Remote::send_stanza(NodeId to, Stanza stanza) {
  if (is_fleeting(stanza) && !stanza.has_receipt()) {
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
  const std::uint64_t number = is_fleeting(stanza) ? 0 : keep(to, stanza);
  Encoder parcel = begin_parcel(ParcelKind::stanza, stanza.to().bare());
  parcel.number(number).number(stanza.hops() + 1U).number(1).text(stanza.to().full());
  parcel.rest(stanza.to_xml());
  if (send(to, std::move(parcel), false) || number == 0) return;
  kept_.erase(number);
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

void Remote::kept_for_later(const Jid& account) {
  if (cluster() == nullptr) return;
  const TimePoint now = worker_.loop().now();
  if (now - kept_swept_ > kNotedFor && cluster()->all_reachable()) {
    kept_swept_ = now;
    std::erase_if(kept_for_later_,
                  [now](const auto& noted) { return now - noted.second > kNotedFor; });
  }
  kept_for_later_[account.str()] = now;
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

// --- questions ---

Task<Result<Remote::Found>> Remote::ask(NodeId node, std::string account) {
  const std::uint64_t number = next_number();
  Completion<Result<Found>> answer([&](auto resume) {
    const TimerId timer = worker_.loop().run_after(kAnswerTime, [this, number] {
      answered(number, fail(Errc::timeout, "no answer from the account's keeper"));
    });
    questions_.emplace(number, Question{node, timer, std::move(resume)});
    Encoder parcel = begin_parcel(ParcelKind::seek, account);
    parcel.number(number);
    if (send(node, std::move(parcel))) return;
    worker_.loop().post(
        [this, number] { answered(number, fail(Errc::unavailable, "the keeper is gone")); });
  });
  co_return co_await answer;
}

void Remote::answered(std::uint64_t number, Result<Found> found) {
  const auto question = questions_.find(number);
  if (question == questions_.end()) return;
  worker_.loop().cancel(question->second.timer);
  Asked resume = std::move(question->second.resume);
  questions_.erase(question);
  resume(std::move(found));
}

// --- what comes ---

void Remote::take(NodeId from, std::string_view bytes) {
  if (lapsed()) return;
  Decoder parcel(bytes);
  const auto head = read_parcel_head(parcel);
  if (!head) return;  // it was counted by whoever chose this worker
  // This node is about to leave and does nothing new: who sent a stanza keeps it, and sends it
  // elsewhere when we are gone.
  const bool stanza = head->kind == ParcelKind::stanza || head->kind == ParcelKind::submit;
  if (stanza && worker_.server().stopping()) return;
  switch (head->kind) {
    case ParcelKind::stanza:
      return take_stanza(from, parcel);
    case ParcelKind::dealt:
      kept_.erase(head->number);
      return;
    case ParcelKind::seek:
      return take_seek(from, head->account, parcel);
    case ParcelKind::found: {
      const NodeId home = parcel.number();
      const ArchiveId last_id = parcel.number();
      if (!parcel.bad()) answered(head->number, Found{home, last_id});
      return;
    }
    case ParcelKind::losing:
      return take_losing(from, head->account, parcel);
    case ParcelKind::losers:
      return take_losers(head->account, parcel);
    case ParcelKind::kept:
      return take_kept(head->account);
    case ParcelKind::bind:
    case ParcelKind::submit:
    case ParcelKind::nonza:
    case ParcelKind::active:
    case ParcelKind::confirmed:
    case ParcelKind::unbind:
    case ParcelKind::moved:
      return guests_.take(from, *head, parcel);
    case ParcelKind::bound:
    case ParcelKind::deliver:
    case ParcelKind::end:
      return visitors_.take(from, *head, parcel);
    case ParcelKind::call:
      return worker_.calls().take_call(from, parcel);
    case ParcelKind::answer:
      return worker_.calls().take_answer(head->number, parcel);
  }
}

void Remote::take_stanza(NodeId from, Decoder& parcel) {
  const std::uint64_t number = parcel.number();
  const auto hops = static_cast<std::uint8_t>(std::min<std::uint64_t>(parcel.number(), kMaxHops));
  const std::uint64_t count = parcel.number();
  std::vector<Jid> to;
  for (std::uint64_t i = 0; i < count && !parcel.bad(); ++i) {
    if (auto jid = Jid::parse(parcel.text())) to.push_back(std::move(*jid));
  }
  const xmpp::ReceiptPtr dealt = receipt(from, number);  // told, whatever becomes of it
  auto stanza = parcel.bad() ? std::nullopt : Stanza::parse(parcel.rest());
  if (!stanza) {
    log::error("stanza_from_node_damaged", {{"node", from}});
    return;
  }
  stanza->set_hops(hops);
  stanza->set_receipt(dealt);
  for (const Jid& addressee : to) {
    Stanza copy = *stanza;
    copy.set_to(addressee);
    worker_.router().route(std::move(copy));
  }
}

void Remote::take_seek(NodeId from, std::string_view account, Decoder& parcel) {
  const std::uint64_t number = parcel.number();
  auto jid = Jid::parse(account);
  if (parcel.bad() || !jid) return;
  worker_.turns().run(account, [this, from, number, jid = std::move(*jid)] {
    return answer_seek(from, jid, number);
  });
}

Task<void> Remote::answer_seek(NodeId asker, Jid account, std::uint64_t number) {
  cluster::Cluster& all = *cluster();
  NodeId at = 0;
  if (const auto home = all.homes().find(account.full()); home && all.is_member(home->node)) {
    at = home->node;
  }
  const LocalAccount* there = worker_.directory().find(account.full());
  if (there != nullptr && !there->sessions.empty()) at = all.self();
  if (at == 0 && !co_await let_go(account)) at = all.self();
  if (at == 0) {
    at = asker;
    all.homes().expect(account.full(), {asker, all.clock_us(worker_.loop().now())});
    // Should it have found another answer long ago: then it does not read the archive again.
    tell_kept(account, asker);
  }
  Encoder parcel = begin_parcel(ParcelKind::found, number);
  parcel.number(at).number(worker_.archive().last_id());
  send(asker, std::move(parcel));
}

void Remote::peer_gone(NodeId peer) {
  // First those who wait for what we are about to drop: their clients send it again elsewhere.
  visitors_.end_those_of(peer, xmpp::StreamCondition::system_shutdown,
                         "the node that had this account is gone; please connect again");
  guests_.peer_gone(peer);
  worker_.calls().peer_gone(peer);
  std::vector<std::uint64_t> unanswered;
  for (const auto& [number, question] : questions_) {
    if (question.node == peer) unanswered.push_back(number);
  }
  for (const std::uint64_t number : unanswered) {
    answered(number, fail(Errc::unavailable, "the keeper is gone"));
  }
  std::vector<std::pair<std::uint64_t, Kept>> kept;
  for (auto at = kept_.begin(); at != kept_.end();) {
    if (at->second.node != peer) {
      ++at;
      continue;
    }
    kept.emplace_back(at->first, std::move(at->second));
    at = kept_.erase(at);
  }
  std::ranges::sort(kept, {}, [](const auto& entry) { return entry.first; });  // as they were sent
  for (auto& [unused, entry] : kept) {
    if (entry.visitor != 0) continue;
    entry.stanza.set_hops(0);
    worker_.router().route(std::move(entry.stanza));
  }
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
    worker_.turns().run(account.full(), [this, account] { return forget(account); });
  }
  while (!questions_.empty()) {
    answered(questions_.begin()->first, fail(Errc::unavailable, "the node is not in its cluster"));
  }
  worker_.calls().peer_gone(0);
  // The senders that are here have been told that nothing more is acknowledged.
  kept_.clear();
  fan_outs_.clear();
}

// --- two homes ---

// After a split both sides may have sessions of one account. The later home stays; the other gives
// way, and tells those whose resource is there as well why.
void Remote::home_conflict(const Jid& account, cluster::Home mine, cluster::Home other) {
  if (other < mine) return;  // it gives way
  const LocalAccount* there = worker_.directory().find(account.full());
  if (there == nullptr || there->sessions.empty()) return release(account);
  log::info("home_given_up", {{"jid", account.full()}, {"node", other.node}});
  Encoder parcel = begin_parcel(ParcelKind::losing, account.full());
  parcel.number(there->sessions.size());
  for (const auto& session : there->sessions) parcel.text(session->jid.resource());
  send(other.node, std::move(parcel));
}

void Remote::take_losing(NodeId from, std::string_view account, Decoder& parcel) {
  const LocalAccount* here = worker_.directory().find(account);
  std::vector<std::string_view> both;
  const std::uint64_t count = parcel.number();
  for (std::uint64_t i = 0; i < count && !parcel.bad(); ++i) {
    const std::string_view resource = parcel.text();
    if (here != nullptr && here->find(resource) != nullptr) both.push_back(resource);
  }
  Encoder answer = begin_parcel(ParcelKind::losers, account);
  answer.number(both.size());
  for (const std::string_view resource : both) answer.text(resource);
  send(from, std::move(answer));
}

void Remote::take_losers(std::string_view account, Decoder& parcel) {
  LocalAccount* here = worker_.directory().find(account);
  if (here == nullptr) return;
  const std::uint64_t count = parcel.number();
  for (std::uint64_t i = 0; i < count && !parcel.bad(); ++i) {
    if (Session* session = here->find(parcel.text())) {
      worker_.end_session(*session, xmpp::StreamCondition::conflict,
                          "the resource was bound by a newer session");
    }
  }
  worker_.end_sessions(account, xmpp::StreamCondition::reset,
                       "the account's sessions are at another node; please connect again");
}

// --- what was kept beside the home ---

// Two nodes may see the members differently for a moment, and both keep what comes for an account.
void Remote::other_home(const Jid& account, NodeId home) {
  // One that is being loaded is about to keep something, too.
  const bool here = worker_.directory().find(account.full()) != nullptr;
  const bool kept = kept_for_later_.contains(account.str());
  if (!here && !kept && !worker_.turns().busy(account.full())) return;
  worker_.turns().run(account.full(), [this, account, home]() -> Task<void> {
    // If it has sessions here, too: see home_conflict.
    if (co_await let_go(account)) tell_kept(account, home);
  });
}

void Remote::tell_kept(const Jid& account, NodeId home) {
  if (kept_for_later_.erase(account.str()) == 0) return;
  send(home, begin_parcel(ParcelKind::kept, account.full()));
}

void Remote::take_kept(std::string_view account) {
  worker_.turns().run(account, [this, jid = Jid::parse(account)]() -> Task<void> {
    if (!jid) co_return;
    LocalAccount* here = worker_.directory().find(jid->full());
    // Without sessions: whoever is the home next reads the archive.
    if (here != nullptr && !here->sessions.empty()) worker_.offline().look_again(*here);
  });
}

}  // namespace starling::core
