#include "sim/chore.h"

#include <chrono>

#include "sim/node.h"
#include "sim/world.h"

namespace starling::sim {

namespace {
constexpr std::chrono::milliseconds kEvery{200};
// What it takes to come to an end at most: less than between Timing::fence and Timing::dead.
constexpr std::chrono::milliseconds kLast{1'500};
}  // namespace

void Chore::lease_held(const store::Lease& lease) {
  if (done_here()) world_.violated("a node is given the lease " + name_ + " which it holds");
  lease_ = lease;
  work();
}

void Chore::work() {
  if (node_.cluster().holds(lease_)) world_.chore_done(name_, lease_.term);
  next_ = node_.cluster_loop().run_after(kEvery, [this] { work(); });
}

void Chore::lease_ends(std::move_only_function<void()> done) {
  if (!done_here())
    world_.violated("a node is to give up the lease " + name_ + " it does not hold");
  const Duration last = world_.clock().random().between({}, kLast);
  node_.cluster_loop().run_after(last, [this, done = std::move(done)]() mutable {
    node_.cluster_loop().cancel(next_);
    lease_ = {};
    done();
  });
}

}  // namespace starling::sim
