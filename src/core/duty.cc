#include "core/duty.h"

#include <utility>

#include "cluster/cluster.h"
#include "core/server.h"
#include "core/worker.h"

namespace starling::core {

void Duty::lease_held(const store::Lease& lease) {
  worker_.loop().post([this, lease] { begin(lease); });
}

void Duty::lease_ends(std::move_only_function<void()> done) {
  worker_.loop().post([this, done = std::move(done)]() mutable { end(std::move(done)); });
}

void Duty::begin(std::optional<store::Lease> lease) {
  active_ = true;
  lease_ = std::move(lease);
  begun();
  step_after(first_);
}

void Duty::end(std::move_only_function<void()> done) {
  active_ = false;
  worker_.loop().cancel(timer_);
  if (!in_step_) return done();
  ended_ = std::move(done);
}

bool Duty::may_go_on() const {
  return active_ && !worker_.gate().closed() &&
         (!lease_ || worker_.server().cluster()->holds(*lease_));
}

std::optional<store::Fence> Duty::fence() const {
  if (!lease_) return std::nullopt;
  return store::Fence{lease_->name, lease_->term};
}

void Duty::step_after(Duration delay) {
  timer_ = worker_.loop().run_after(delay, [this] { worker_.gate().spawn(run_step()); });
}

Task<void> Duty::run_step() {
  in_step_ = true;
  const Duration next = co_await step();
  in_step_ = false;
  if (ended_) std::exchange(ended_, nullptr)();
  if (active_) step_after(next);
}

}  // namespace starling::core
