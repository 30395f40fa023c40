// Bus: carries frames between the nodes of a cluster.
//
// A frame is some bytes, at most kMaxFrame. It arrives whole or not at all; frames between two
// nodes mostly keep their order. Nothing is promised beyond that: frames get lost when a link
// breaks, when a node is too slow, when the bus restarts. cluster/ makes a reliable link of it.
//
// Used on one loop's thread: calls never block, and frames come in on that loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace starling::bus {

// A node on the bus: the epoch of its row (store/members.h).
using NodeId = std::uint64_t;

class Bus {
 public:
  static constexpr std::size_t kMaxFrame = 1'000'000;

  virtual ~Bus() = default;
  // To one node. A frame to a node that is not there is lost without a word.
  virtual void send(NodeId to, std::string_view frame) = 0;
  // To all nodes but this one.
  virtual void broadcast(std::string_view frame) = 0;
  // What is called for every frame that comes. Set once, before the first.
  virtual void on_frame(std::function<void(std::string_view frame)> handler) = 0;
  // True while frames can leave; for people and health checks.
  [[nodiscard]] virtual bool connected() const = 0;
  // Breaks and makes anew what connections there are: somebody cannot be reached who should be.
  virtual void redial() {}
};

}  // namespace starling::bus
