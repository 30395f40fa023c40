#include "core/account_homes.h"

#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

using cluster::Decoder;
using cluster::Encoder;
using cluster::NodeId;
using xmpp::Jid;

namespace {

constexpr std::chrono::milliseconds kAnswerTime{2'000};
constexpr int kSeekTries = 5;
constexpr std::size_t kAdoptedAtOnce = 100;
constexpr std::chrono::milliseconds kAdoptPause{50};
// While all nodes hear each other they do not differ for longer in what they take for homes.
constexpr std::chrono::seconds kNotedFor{60};

}  // namespace

cluster::Cluster* AccountHomes::cluster() const {
  return worker_.server().cluster();
}

NodeId AccountHomes::place_of(std::string_view account) const {
  const cluster::Cluster& all = *cluster();
  const auto home = all.homes().find(account);
  if (home && all.is_member(home->node)) return home->node;
  return all.keeper(account);
}

bool AccountHomes::is_here(std::string_view account) const {
  const cluster::Cluster* all = cluster();
  return all == nullptr || place_of(account) == all->self();
}

Task<Result<NodeId>> AccountHomes::find_home(Jid account) {
  cluster::Cluster& all = *cluster();
  std::vector<NodeId> silent;
  bool former_asked = false;
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
      if (!std::exchange(former_asked, true)) {
        co_await wait_for_former_keeper(account);
        continue;  // somebody else may be its home by now
      }
      claim(account.full());
      co_return all.self();
    }
    const auto found = co_await ask(keeper, ParcelKind::seek, account.str());
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

// What came before the members changed is to be in the archive before anybody reads that, or it
// would be found behind what comes now.
Task<void> AccountHomes::wait_for_former_keeper(Jid account) {
  const NodeId former = cluster()->former_keeper(account.full(), worker_.loop().now());
  if (former == 0 || !cluster()->all_tell_time()) co_return;
  const auto stored = co_await ask(former, ParcelKind::stored, account.str());
  if (stored) worker_.archive().saw(stored->last_id);
}

void AccountHomes::claim(std::string_view account) {
  cluster()->homes().claim(account, cluster()->clock_us(worker_.loop().now()));
}

void AccountHomes::release(const Jid& account) {
  worker_.turns().run(account.full(), [this, account] { return release_in_turn(account); });
}

Task<void> AccountHomes::release_in_turn(Jid account) {
  const LocalAccount* there = worker_.directory().find(account.full());
  if (there != nullptr && !there->sessions.empty()) co_return;
  const bool parked = there != nullptr && there->parked;
  const NodeId keeper = cluster()->keeper(account.full());
  if (!parked || keeper != cluster()->self()) {
    // The keeper has parked sessions before we forget them, so that one of us sees any presence
    // that comes. If it does not answer, whoever keeps the account next finds them in the store.
    if (parked) static_cast<void>(co_await ask(keeper, ParcelKind::parked, account.str()));
    if (!co_await let_go(account)) {
      if (parked) tell_keeper(account, keeper, StillHome::yes);
      co_return;
    }
  }
  if (cluster()->homes().is_claimed(account.full())) give_up_claim(account);
  // The members may have changed since: whoever was asked then may have forgotten it again, as this
  // node was still the home, or another be the keeper.
  if (!parked) co_return;
  const NodeId now = cluster()->keeper(account.full());
  if (now != cluster()->self()) {
    tell_keeper(account, now, StillHome::no);
  } else if (now != keeper) {
    static_cast<void>(co_await worker_.parking().adopt(account));
  }
}

void AccountHomes::tell_keeper(const Jid& account, NodeId keeper, StillHome still_home) {
  Encoder parcel = begin_parcel(ParcelKind::parked, account.full());
  parcel.number(0).number(still_home == StillHome::yes ? 1 : 0);
  worker_.remote().send(keeper, std::move(parcel));
}

void AccountHomes::give_up_claim(const Jid& account) {
  cluster::Homes& homes = cluster()->homes();
  const auto counts = homes.find(account.full());
  homes.release(account.full());
  // Another home that was there all the time does not know of what was stored here. Whoever becomes
  // the home later finds it in the archive.
  if (counts && counts->node != cluster()->self()) tell_kept(account, counts->node);
}

Task<bool> AccountHomes::let_go(Jid account) {
  for (;;) {
    const LocalAccount* there = worker_.directory().find(account.full());
    if (there == nullptr) co_return true;
    if (!there->sessions.empty()) co_return false;
    co_await worker_.archive().written(account);
    co_await worker_.offline().save_cursor(account);
    co_await worker_.parking().save_missed(account);
    there = worker_.directory().find(account.full());
    // If something else was archived for it meanwhile, that has to be waited for as well.
    const bool stored = there != nullptr && there->appending == 0 && !Parking::has_unsaved(*there);
    if (stored && there->sessions.empty()) {
      worker_.directory().remove_account(account.full());
    }
  }
}

// Until all see the members alike, some ask one node for an account that has just come, and others
// another: whoever logs in then may miss presence, and ask for it in the wrong place. So he asks
// again.
void AccountHomes::ask_for_presence_later() {
  if (asks_later_) {
    asks_once_more_ = true;
    return;
  }
  asks_later_ = true;
  constexpr auto kSeenAlike = cluster::Cluster::kSeenAlike;
  const std::int64_t since = wall_clock_us() - std::chrono::microseconds(kSeenAlike).count();
  worker_.loop().run_after(kSeenAlike, [this, since] {
    asks_later_ = false;
    worker_.directory().for_each([this, since](const Session& session) {
      if (session.available() && session.bound_at_us >= since) {
        worker_.presence().probe_contacts({session.jid, session.id});
      }
    });
    if (std::exchange(asks_once_more_, false)) ask_for_presence_later();
  });
}

void AccountHomes::members_changed() {
  worker_.parking().watch_all();
  ask_for_presence_later();
  worker_.directory().for_each_account([this](const LocalAccount& account) {
    if (!account.sessions.empty() || is_here(account.bare.full())) return;
    // Somebody else keeps it now. What is here would be out of date, should it ever come back.
    worker_.loop().post([this, bare = account.bare] {
      worker_.turns().run(bare.full(), [this, bare]() -> Task<void> { return forget(bare); });
    });
  });
}

void AccountHomes::adopt(std::vector<std::string> accounts) {
  if (accounts.empty()) return;
  adopt_some(std::make_shared<std::vector<std::string>>(std::move(accounts)));
}

void AccountHomes::adopt_some(std::shared_ptr<std::vector<std::string>> accounts) {
  for (std::size_t n = 0; n < kAdoptedAtOnce && !accounts->empty(); accounts->pop_back()) {
    auto jid = Jid::parse(accounts->back());
    if (!jid || !is_here(jid->full())) continue;
    ++n;
    worker_.turns().run(jid->full(), [this, account = *jid]() -> Task<void> {
      static_cast<void>(co_await worker_.parking().adopt(account));
    });
  }
  if (accounts->empty()) return;
  worker_.loop().run_after(kAdoptPause, [this, accounts] { adopt_some(accounts); });
}

Task<void> AccountHomes::forget(Jid account) {
  static_cast<void>(co_await let_go(account));
}

// --- questions ---

Task<Result<AccountHomes::Found>> AccountHomes::ask(NodeId node, ParcelKind kind,
                                                    std::string account) {
  const std::uint64_t number = worker_.remote().next_number();
  Completion<Result<Found>> answer([&](auto resume) {
    const TimerId timer = worker_.loop().run_after(kAnswerTime, [this, number] {
      answered(number, fail(Errc::timeout, "no answer from the account's keeper"));
    });
    questions_.emplace(number, Question{node, timer, std::move(resume)});
    Encoder parcel = begin_parcel(kind, account);
    parcel.number(number);
    if (worker_.remote().send(node, std::move(parcel))) return;
    worker_.loop().post(
        [this, number] { answered(number, fail(Errc::unavailable, "the keeper is gone")); });
  });
  co_return co_await answer;
}

void AccountHomes::answered(std::uint64_t number, Result<Found> found) {
  const auto question = questions_.find(number);
  if (question == questions_.end()) return;
  worker_.loop().cancel(question->second.timer);
  Asked resume = std::move(question->second.resume);
  questions_.erase(question);
  resume(std::move(found));
}

void AccountHomes::take_seek(NodeId from, std::string_view account, Decoder& parcel) {
  const std::uint64_t number = parcel.number();
  auto jid = Jid::parse(account);
  if (parcel.bad() || !jid) return;
  worker_.turns().run(account, [this, from, number, jid = std::move(*jid)] {
    return answer_seek(from, jid, number);
  });
}

Task<void> AccountHomes::answer_seek(NodeId asker, Jid account, std::uint64_t number) {
  cluster::Cluster& all = *cluster();
  NodeId at = 0;
  // If that is the asker it has let the account go, and we have not heard of it yet.
  const auto home = all.homes().find(account.full());
  if (home && home->node != asker && all.is_member(home->node)) at = home->node;
  const LocalAccount* there = worker_.directory().find(account.full());
  if (there != nullptr && !there->sessions.empty()) at = all.self();
  if (at == 0) {
    co_await wait_for_former_keeper(account);
    if (!co_await let_go(account)) at = all.self();
  }
  if (at == 0) {
    at = asker;
    all.homes().expect(account.full(), {asker, all.clock_us(worker_.loop().now())});
    // Should it have found another answer long ago: then it does not read the archive again.
    tell_kept(account, asker);
  }
  answer(asker, number, at);
}

void AccountHomes::take_stored(NodeId from, std::string_view account, Decoder& parcel) {
  const std::uint64_t number = parcel.number();
  auto jid = Jid::parse(account);
  if (parcel.bad() || !jid) return;
  worker_.gate().spawn(answer_when_stored(from, std::move(*jid), number));
}

// Not in the account's turn, which may be waiting for the asker itself.
Task<void> AccountHomes::answer_when_stored(NodeId asker, Jid account, std::uint64_t number) {
  cluster::Cluster& all = *cluster();
  const auto home = all.homes().find(account.full());
  const LocalAccount* there = worker_.directory().find(account.full());
  const bool is_home = there != nullptr && !there->sessions.empty();
  // From now on what comes goes there, whoever this node takes for the keeper.
  if (!is_home && (!home || !all.is_member(home->node))) {
    all.homes().expect(account.full(), {asker, all.clock_us(worker_.loop().now())});
  }
  co_await worker_.archive().written(account);
  answer(asker, number, asker);
}

void AccountHomes::answer(NodeId asker, std::uint64_t number, NodeId home) {
  Encoder parcel = begin_parcel(ParcelKind::found, number);
  parcel.number(home).number(worker_.archive().last_id());
  worker_.remote().send(asker, std::move(parcel));
}

void AccountHomes::take_parked(NodeId from, std::string_view account, Decoder& parcel) {
  const std::uint64_t number = parcel.number();
  auto jid = Jid::parse(account);
  if (parcel.bad() || !jid) return;
  if (number == 0) {
    const bool still_home = parcel.number() != 0;
    worker_.turns().run(account, [this, from, still_home, jid = std::move(*jid)] {
      return still_home ? forget(jid) : take_over(jid, from);
    });
    return;
  }
  worker_.turns().run(account, [this, from, number, jid = std::move(*jid)]() -> Task<void> {
    static_cast<void>(co_await worker_.parking().read_again(jid));
    answer(from, number, cluster()->self());
  });
}

// Its home has let it go, whether or not this node knows of that yet.
Task<void> AccountHomes::take_over(Jid account, NodeId from) {
  const auto home = cluster()->homes().find(account.full());
  if (home && home->node != from && cluster()->is_member(home->node)) co_return;
  const LocalAccount* here = worker_.directory().find(account.full());
  if (here != nullptr && (here->parked || !here->sessions.empty())) co_return;
  static_cast<void>(co_await worker_.parking().read_again(account));
}

void AccountHomes::take_found(std::uint64_t number, Decoder& parcel) {
  const NodeId home = parcel.number();
  const ArchiveId last_id = parcel.number();
  if (!parcel.bad()) answered(number, Found{home, last_id});
}

void AccountHomes::peer_gone(NodeId peer) {
  std::vector<std::uint64_t> unanswered;
  for (const auto& [number, question] : questions_) {
    if (peer == 0 || question.node == peer) unanswered.push_back(number);
  }
  for (const std::uint64_t number : unanswered) {
    answered(number, fail(Errc::unavailable, "the keeper is gone"));
  }
}

// --- two homes ---

// After a split both sides may have sessions of one account. The later home stays; the other gives
// way, and tells those whose resource is there as well why.
void AccountHomes::home_conflict(const Jid& account, cluster::Home mine, cluster::Home other) {
  if (other < mine) return;  // it gives way
  const LocalAccount* there = worker_.directory().find(account.full());
  if (there == nullptr || there->sessions.empty()) return release(account);
  log::info("home_given_up", {{"jid", account.full()}, {"node", other.node}});
  Encoder parcel = begin_parcel(ParcelKind::losing, account.full());
  parcel.number(there->sessions.size());
  for (const auto& session : there->sessions) parcel.text(session->jid.resource());
  worker_.remote().send(other.node, std::move(parcel));
}

void AccountHomes::take_losing(NodeId from, std::string_view account, Decoder& parcel) {
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
  worker_.remote().send(from, std::move(answer));
}

void AccountHomes::take_losers(std::string_view account, Decoder& parcel) {
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

void AccountHomes::kept_for_later(const Jid& account) {
  if (cluster() == nullptr) return;
  const TimePoint now = worker_.loop().now();
  if (now - kept_swept_ > kNotedFor && cluster()->all_reachable()) {
    kept_swept_ = now;
    std::erase_if(kept_for_later_,
                  [now](const auto& noted) { return now - noted.second > kNotedFor; });
  }
  kept_for_later_[account.str()] = now;
}

// Two nodes may see the members differently for a moment, and both keep what comes for an account.
void AccountHomes::other_home(const Jid& account, NodeId home) {
  // One that is being loaded is about to keep something, too.
  const bool here = worker_.directory().find(account.full()) != nullptr;
  const bool kept = kept_for_later_.contains(account.str());
  if (!here && !kept && !worker_.turns().busy(account.full())) return;
  worker_.turns().run(account.full(), [this, account, home]() -> Task<void> {
    // If it has sessions here, too: see home_conflict.
    if (co_await let_go(account)) tell_kept(account, home);
  });
}

void AccountHomes::tell_kept(const Jid& account, NodeId home) {
  if (kept_for_later_.erase(account.str()) == 0) return;
  worker_.remote().send(home, begin_parcel(ParcelKind::kept, account.full()));
}

void AccountHomes::take_kept(std::string_view account) {
  worker_.turns().run(account, [this, jid = Jid::parse(account)]() -> Task<void> {
    if (!jid) co_return;
    LocalAccount* here = worker_.directory().find(jid->full());
    // Without sessions: whoever is the home next reads the archive.
    if (here != nullptr && !here->sessions.empty()) worker_.offline().look_again(*here);
  });
}

}  // namespace starling::core
