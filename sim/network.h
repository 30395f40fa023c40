// Network: the bus between the nodes of a run, and its faults.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bus/bus.h"
#include "sim/loop.h"

namespace starling::sim {

class Network {
 public:
  using NodeId = bus::NodeId;

  explicit Network(Clockwork& clock) : clock_(clock) {}

  struct Faults {
    unsigned loss_percent = 0;
    unsigned twice_percent = 0;
    Duration least{std::chrono::microseconds(100)};
    Duration most{std::chrono::milliseconds(1)};  // frames overtake each other
  };
  Faults faults;
  // True if nothing passes from one machine to the other.
  std::function<bool(int from, int to)> cut = [](int, int) { return false; };

  std::unique_ptr<bus::Bus> attach(NodeId id, int machine, SimLoop& loop);
  // The machine's process is gone: nothing goes to it any more.
  void detach_machine(int machine) {
    std::erase_if(ends_, [machine](const auto& end) { return end.second.machine == machine; });
  }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  class End;
  struct Attached {
    int machine = 0;
    SimLoop* loop = nullptr;
    std::function<void(std::string_view)> handler;
  };
  void fly(NodeId from, NodeId to, const std::shared_ptr<const std::string>& bytes);

  Clockwork& clock_;
  std::map<NodeId, Attached> ends_;
  std::uint64_t sent_ = 0;
};

}  // namespace starling::sim
