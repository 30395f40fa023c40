// TestNetwork: a bus in memory for tests and the simulator, whose faults a test decides.
//
// Frames travel in simulated time: deliver() hands out what is due. A node that was detached, or
// cut off, gets nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "bus/bus.h"

namespace starling::cluster {

class TestNetwork {
 public:
  using NodeId = bus::NodeId;

  explicit TestNetwork(std::uint64_t seed = 1) : random_(seed) {}

  // What a fault does to the frames between two machines.
  struct Faults {
    unsigned loss_percent = 0;
    unsigned twice_percent = 0;
    Duration delay{};   // at least
    Duration jitter{};  // at most so much more: frames overtake each other
  };
  Faults faults;
  // True if nothing passes between these machines.
  std::function<bool(int from, int to)> cut = [](int, int) { return false; };

  // `machine` is the place in a test's list: it stays when a node's id changes.
  std::unique_ptr<bus::Bus> attach(NodeId id, int machine, EventLoop& loop) {
    nodes_[id] = {machine, &loop, {}};
    return std::make_unique<End>(*this, id);
  }

  // Hands out what is due. True if there was something.
  bool deliver(TimePoint now) {
    now_ = now;
    bool any = false;
    while (!flying_.empty() && flying_.begin()->first.first <= now) {
      auto frame = std::move(flying_.begin()->second);
      flying_.erase(flying_.begin());
      const auto node = nodes_.find(frame.to);
      if (node == nodes_.end()) continue;
      any = true;
      node->second.loop->post([this, frame = std::move(frame)] {
        const auto at = nodes_.find(frame.to);
        if (at != nodes_.end() && at->second.handler) at->second.handler(frame.bytes);
      });
    }
    return any;
  }
  [[nodiscard]] std::size_t sent() const { return sent_; }
  [[nodiscard]] std::size_t sent_bytes() const { return sent_bytes_; }

 private:
  struct Node {
    int machine;
    EventLoop* loop;
    std::function<void(std::string_view)> handler;
  };
  struct Frame {
    NodeId to;
    std::string bytes;
  };
  class End final : public bus::Bus {
   public:
    End(TestNetwork& network, NodeId self) : network_(network), self_(self) {}
    ~End() override { network_.nodes_.erase(self_); }
    void send(NodeId to, std::string_view frame) override { network_.fly(self_, to, frame); }
    void broadcast(std::string_view frame) override {
      std::vector<NodeId> all;
      for (const auto& [node, unused] : network_.nodes_) all.push_back(node);
      for (const NodeId to : all) {
        if (to != self_) network_.fly(self_, to, frame);
      }
    }
    void on_frame(std::function<void(std::string_view)> handler) override {
      network_.nodes_[self_].handler = std::move(handler);
    }
    [[nodiscard]] bool connected() const override { return true; }

   private:
    TestNetwork& network_;
    NodeId self_;
  };

  [[nodiscard]] bool chance(unsigned percent) { return percent > 0 && random_() % 100 < percent; }
  void fly(NodeId from, NodeId to, std::string_view bytes) {
    ++sent_;
    sent_bytes_ += bytes.size();
    const auto target = nodes_.find(to);
    if (target == nodes_.end() || bytes.size() > bus::Bus::kMaxFrame) return;
    if (cut(nodes_[from].machine, target->second.machine) || chance(faults.loss_percent)) return;
    for (int copies = chance(faults.twice_percent) ? 2 : 1; copies > 0; --copies) {
      Duration delay = faults.delay;
      if (faults.jitter > Duration()) {
        delay += Duration(static_cast<std::int64_t>(
            random_() % static_cast<std::uint64_t>(faults.jitter.count())));
      }
      flying_.emplace(std::pair{now_ + delay, ++order_}, Frame{to, std::string(bytes)});
    }
  }

  std::mt19937_64 random_;
  TimePoint now_{};
  std::map<NodeId, Node> nodes_;
  std::map<std::pair<TimePoint, std::uint64_t>, Frame> flying_;
  std::uint64_t order_ = 0;
  std::size_t sent_ = 0;
  std::size_t sent_bytes_ = 0;
};

}  // namespace starling::cluster
