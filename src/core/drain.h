// Drain: how a node lets go of its sessions before it stops.
//
// A session that can be resumed is parked (parking.h), any other is sent all that it is owed and
// ends. That happens at a pace which the nodes that take them can bear. Whoever connects meanwhile,
// because a load balancer has not noticed yet, is served, and moved with the last batch; who comes
// behind that is turned away, or a client that knows no other node would come back for ever.
//
// begin, then run on each worker; the rest may be asked on any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/event_loop.h"
#include "base/task.h"
#include "config/config.h"

namespace starling::core {

class Server;
class Worker;

// The options of a drain that nobody hurries: the deadline counts from when the last of so many
// sessions was told to go.
[[nodiscard]] config::DrainOptions unhurried(config::DrainOptions options, std::int64_t sessions);
// Of one that has to be over in so long: as fast as it takes to be through after half of the time.
[[nodiscard]] config::DrainOptions hurried(config::DrainOptions options, std::int64_t sessions,
                                           std::chrono::seconds within);

class Drain {
 public:
  explicit Drain(Server& server) : server_(server) {}

  struct Status {
    bool begun = false;
    std::int64_t sessions_then = 0;  // when it began
    std::int64_t sessions_now = 0;
    std::chrono::seconds since{0};
  };
  [[nodiscard]] Status status() const;
  [[nodiscard]] bool begun() const { return begun_; }
  // The last batch has been told to go: nobody is bound or resumed here any more.
  [[nodiscard]] bool turns_away() const { return turns_away_; }

  // Once, on any thread.
  void begin(const config::DrainOptions& options);
  // This worker's share. Comes back when it has no session left and this node nothing of others in
  // hand, or at the deadline: then what is left has to be ended.
  Task<void> run(Worker& worker);
  // It has to be over in so long, whatever was said before: faster from now on, and newcomers are
  // not waited for. On an event loop.
  void press(std::chrono::seconds within);
  // The deadline is now.
  void hurry() { hurried_ = true; }

 private:
  [[nodiscard]] std::pair<std::size_t, Duration> pace() const;

  Server& server_;
  config::DrainOptions options_;
  std::int64_t began_at_us_ = 0;  // since 1970
  std::int64_t sessions_then_ = 0;
  std::atomic<bool> begun_ = false;  // guards the three above
  std::atomic<bool> turns_away_ = false;
  std::atomic<bool> hurried_ = false;
  std::atomic<std::uint32_t> rate_ = 0;  // sessions a second
  std::atomic<bool> pressed_ = false;
  std::atomic<TimePoint> pressed_until_{TimePoint()};
};

}  // namespace starling::core
