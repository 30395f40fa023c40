// Duty: what one node does for all, step after step: as long as it holds the lease for it or, when
// it is alone, always.
//
// Used on its worker's thread; must outlive the last turn of its loop.
#pragma once

#include <functional>
#include <optional>

#include "base/event_loop.h"
#include "base/task.h"
#include "cluster/leases.h"
#include "store/members.h"

namespace starling::core {

class Worker;

class Duty : public cluster::LeaseHolder {
 public:
  Duty(const Duty&) = delete;
  Duty& operator=(const Duty&) = delete;

  // Of a node that is alone, on the worker's thread.
  void start() { begin(std::nullopt); }
  void lease_held(const store::Lease& lease) final;
  void lease_ends(std::move_only_function<void()> done) final;

 protected:
  // The first step comes after `first`.
  Duty(Worker& worker, Duration first) : worker_(worker), first_(first) {}
  ~Duty() override = default;

  // It is this node's from now on; what is known from an earlier time may be out of date.
  virtual void begun() = 0;
  // One of them; how long it is until the next. Nothing is done any more if may_go_on() says so.
  virtual Task<Duration> step() = 0;

  [[nodiscard]] Worker& worker() { return worker_; }
  [[nodiscard]] bool may_go_on() const;
  // For what it writes: only while the duty is this node's. nullopt: it is alone.
  [[nodiscard]] std::optional<store::Fence> fence() const;

 private:
  void begin(std::optional<store::Lease> lease);
  void end(std::move_only_function<void()> done);
  void step_after(Duration delay);
  Task<void> run_step();

  Worker& worker_;
  const Duration first_;
  bool active_ = false;
  std::optional<store::Lease> lease_;
  TimerId timer_ = 0;
  bool in_step_ = false;
  std::move_only_function<void()> ended_;  // called at the end of the step
};

}  // namespace starling::core
