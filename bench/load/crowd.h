// Crowd: the clients of a workload, and the loop they live in.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "client.h"
#include "loop.h"
#include "options.h"
#include "result.h"

namespace load {

class Crowd {
 public:
  // Every `group_size` clients in turn hear each other at the relay.
  Crowd(const Options& options, Audience& audience, unsigned group_size);

  // Until so many are ready, Options::in_flight at a time.
  void log_in(unsigned count);
  void log_out();

  // `tick`, if there is one, is called every millisecond or so.
  void run_for(double seconds, const std::function<void()>& tick = {});
  // Until `done()`; dies when `progress()` has not changed for half a minute.
  void run_until(const std::function<bool()>& done, const std::function<std::uint64_t()>& progress);

  // Options::seconds long, after the warm-up: adds what each of so many of `what` took, and their
  // latencies, and returns how many there were. `count` goes up meanwhile, or it dies.
  std::uint64_t measure(Result& result, std::string_view what, const std::uint64_t& count,
                        Latencies& latencies);

  Client& operator[](unsigned number) { return *clients_[number]; }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(clients_.size()); }

 private:
  const Options& options_;
  Audience& audience_;
  unsigned group_size_;
  Loop loop_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace load
