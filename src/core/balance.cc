#include "core/balance.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "base/clock.h"
#include "base/log.h"
#include "core/remote.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

namespace {

constexpr std::chrono::seconds kRound{2};
// Eager: so many times the rate.
constexpr std::uint32_t kEager = 20;
// A session that was moved stays where it is for so long.
constexpr std::int64_t kStaysUs = 3'600'000'000;
// Of its share: more than this begins, less than that ends; and it takes a node with less than the
// third. In per cent.
constexpr std::uint64_t kBegins = 120;
constexpr std::uint64_t kEnds = 105;
constexpr std::uint64_t kEmptier = 90;
// A node with less than this has just come, say: of many that are full alike none has much more
// than its share then, and all give it a little.
constexpr std::uint64_t kEmpty = 67;
constexpr std::uint64_t kFew = 10;  // so many sessions are not worth it

std::uint64_t share_of(std::uint64_t own, const std::vector<std::uint64_t>& others) {
  return std::accumulate(others.begin(), others.end(), own) / (others.size() + 1);
}

std::vector<std::uint64_t> sessions_elsewhere(const cluster::Cluster& cluster) {
  std::vector<std::uint64_t> others;
  for (const cluster::Load& load : cluster.loads_elsewhere()) others.push_back(load.sessions);
  return others;
}

bool may_go(const Session& session, std::int64_t now_us) {
  const bool rested = session.moved_at_us == 0 || now_us - session.moved_at_us > kStaysUs;
  return rested && session.outbox->node() == 0 && session.outbox->resumable();
}

}  // namespace

std::uint64_t Balance::surplus(std::uint64_t own, const std::vector<std::uint64_t>& others,
                               bool active) {
  if (others.empty()) return 0;
  const std::uint64_t share = share_of(own, others);
  const std::uint64_t least = *std::ranges::min_element(others);
  const bool empty = least * 100 < share * (active ? kEmptier : kEmpty);
  const std::uint64_t bound = empty ? share : share * (active ? kEnds : kBegins) / 100;
  if (own <= bound || least * 100 > share * kEmptier) return 0;
  const std::uint64_t even = share * kEnds / 100;
  const std::uint64_t more = own - (own > even ? even : share);
  return active || more >= kFew ? more : 0;
}

void Balance::set_options(const config::BalanceOptions& options) {
  mode_ = options.mode;
  rate_ = options.mode == config::BalanceMode::eager ? options.rate * kEager : options.rate;
  readiness_ = options.readiness;
}

void Balance::start() {
  server_.worker(0).loop().run_after(kRound, [this] {
    round();
    start();
  });
}

std::uint64_t Balance::surplus_now(bool active) const {
  const cluster::Cluster* cluster = server_.cluster();
  if (cluster == nullptr || !cluster->serving() || server_.drain().begun()) return 0;
  const auto own = static_cast<std::uint64_t>(server_.session_count());
  return surplus(own, sessions_elsewhere(*cluster), active);
}

std::uint64_t Balance::begin_now() {
  asked_ = surplus_now(true);
  return asked_;
}

void Balance::round() {
  const std::uint64_t more = surplus_now(active_ || asked_ > 0);
  // Not if it only gives a little of what it has: all would say so at once.
  const auto own = static_cast<std::uint64_t>(server_.session_count());
  refuses_ = readiness_ && more > 0 &&
             own * 100 > share_of(own, sessions_elsewhere(*server_.cluster())) * kEnds;
  if (more == 0 || (mode_ == config::BalanceMode::off && asked_ == 0)) {
    active_ = false;
    asked_ = 0;
    return;
  }
  if (!std::exchange(active_, true)) {
    log::info("balancing", {{"sessions", server_.session_count()}, {"surplus", more}});
  }
  const std::uint64_t now = std::min<std::uint64_t>(more, std::uint64_t{rate_} * kRound.count());
  asked_ -= std::min(asked_, now);
  const std::size_t each = (now + server_.worker_count() - 1) / server_.worker_count();
  for (std::size_t i = 0; i < server_.worker_count(); ++i) {
    server_.worker(i).loop().post([&worker = server_.worker(i), each] { let_go(worker, each); });
  }
}

void Balance::let_go(Worker& worker, std::size_t most) {
  const std::int64_t now_us = wall_clock_us();
  std::vector<Outbox*> going;
  worker.directory().for_each_while([&](const Session& session) {
    if (may_go(session, now_us)) going.push_back(session.outbox);
    return going.size() < most;
  });
  for (Outbox* outbox : going) outbox->leave(Leaving::connection);
  if (going.size() < most) worker.remote().visitors().leave_some(most - going.size(), may_go);
}

}  // namespace starling::core
