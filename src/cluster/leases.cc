#include "cluster/leases.h"

#include <algorithm>
#include <utility>

#include "base/all_left.h"
#include "base/log.h"
#include "base/metrics.h"
#include "cluster/rendezvous.h"

namespace starling::cluster {

namespace {

void tell_held(const std::string& name, bool held) {
  metrics::gauge("starling_lease_held", "1 while this node holds the lease", {{"lease", name}})
      .set(held ? 1 : 0);
}

}  // namespace

std::map<std::string, NodeId, std::less<>> place(std::vector<std::string> names,
                                                 const std::vector<NodeId>& nodes) {
  std::map<std::string, NodeId, std::less<>> placed;
  if (nodes.empty()) return placed;
  std::ranges::sort(names);
  const std::size_t most = (names.size() * 5 + nodes.size() * 4 - 1) / (nodes.size() * 4);
  std::map<NodeId, std::size_t> held;
  for (std::string& name : names) {
    NodeId best = 0;
    std::uint64_t heaviest = 0;
    for (const NodeId node : nodes) {
      const std::uint64_t w = weight(name, node);
      if (held[node] >= most || (best != 0 && w <= heaviest)) continue;
      best = node;
      heaviest = w;
    }
    ++held[best];
    placed.emplace(std::move(name), best);
  }
  return placed;
}

void Leases::set(Wanted& wanted, State state) {
  wanted.state = state;
  wanted.changed = ++steps_;
}

void Leases::look(std::vector<NodeId> able) {
  able_ = std::move(able);
  again_ = true;
  if (!looking_ && !wanted_.empty()) gate_.spawn(look_until_seen());
}

Task<void> Leases::look_until_seen() {
  looking_ = true;
  while (std::exchange(again_, false) && !over_) {
    const NodeId self = self_;
    const std::uint64_t asked = ++steps_;
    auto leases = co_await members_.leases();
    // The membership says it if the store is away.
    if (!leases || self_ != self || self == 0 || over_) continue;
    known_ = std::move(*leases);
    std::vector<std::string> names;
    for (const auto& [name, wanted] : wanted_) names.push_back(name);
    const Place placed = place(std::move(names), able_);
    for (auto& [name, wanted] : wanted_) {
      if (wanted.changed > asked) continue;
      const auto row = std::ranges::find(known_, name, &store::Lease::name);
      const auto falls_to = placed.find(name);
      act(name, wanted, row == known_.end() ? nullptr : &*row,
          falls_to == placed.end() ? 0 : falls_to->second);
    }
  }
  looking_ = false;
}

void Leases::act(const std::string& name, Wanted& wanted, const store::Lease* lease,
                 NodeId falls_to) {
  const bool mine = lease != nullptr && lease->holder == self_;
  if (wanted.state == State::held && !(mine && lease->term == wanted.term)) {
    // Somebody has changed the table by hand, or gone back to a backup.
    log::error("lease_lost", {{"lease", name}, {"term", wanted.term}});
    gate_.spawn(end(name));
    return;
  }
  if (wanted.state != State::idle && wanted.state != State::held) return;
  if (lease == nullptr) {
    if (falls_to == self_) gate_.spawn(take(name));
  } else if (mine && falls_to != self_ && falls_to != 0) {
    gate_.spawn(pass_on(*lease, falls_to));
  } else if (mine && wanted.state == State::idle) {
    begin(wanted, *lease);
  }
}

Task<void> Leases::take(std::string name) {
  Wanted& wanted = wanted_.find(name)->second;
  const NodeId self = self_;
  set(wanted, State::taking);
  const auto lease = co_await members_.acquire(name, self);
  if (self_ != self) co_return;  // fenced() has seen to it
  set(wanted, State::idle);
  if (lease && lease->holder == self && !over_) begin(wanted, *lease);
}

void Leases::begin(Wanted& wanted, const store::Lease& lease) {
  set(wanted, State::held);
  wanted.term = lease.term;
  log::info("lease_held", {{"lease", lease.name}, {"term", lease.term}});
  tell_held(lease.name, true);
  wanted.holder->lease_held(lease);
}

Task<void> Leases::end(std::string name) {
  Wanted& wanted = wanted_.find(name)->second;
  set(wanted, State::ending);
  Completion<bool> ended([this, &wanted](auto resume) {
    wanted.holder->lease_ends([this, resume = std::move(resume)]() mutable {
      loop_.post([resume = std::move(resume)]() mutable { resume(true); });
    });
  });
  co_await ended;
  tell_held(name, false);
  set(wanted, State::idle);
}

Task<void> Leases::pass_on(store::Lease lease, NodeId to) {
  Wanted& wanted = wanted_.find(lease.name)->second;
  const NodeId self = self_;
  if (wanted.state == State::held) co_await end(lease.name);
  if (self_ != self || over_) co_return;
  set(wanted, State::passing);
  const auto given = co_await members_.hand_over(lease, to);
  if (self_ != self) co_return;
  set(wanted, State::idle);
  // Otherwise it is tried again: it still falls to another.
  if (given) log::info("lease_handed_over", {{"lease", lease.name}, {"to", to}});
}

void Leases::fenced() {
  self_ = 0;
  known_.clear();
  for (auto& [name, wanted] : wanted_) {
    if (wanted.state == State::held) {
      gate_.spawn(end(name));
    } else if (wanted.state != State::ending) {
      set(wanted, State::idle);
    }
  }
}

Task<void> Leases::end_all() {
  over_ = true;
  for (auto& [name, wanted] : wanted_) {
    if (wanted.state == State::held) gate_.spawn(end(name));
  }
  co_await all_left(gate_);
}

}  // namespace starling::cluster
