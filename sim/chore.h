// Chore: something that is to be done in one place of the cluster at a time; a node does it, every
// now and then, while it holds the lease.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/event_loop.h"
#include "cluster/leases.h"

namespace starling::sim {

class Node;
class World;

class Chore final : public cluster::LeaseHolder {
 public:
  // There are so many, of the same names on each node.
  static constexpr int kChores = 6;

  Chore(World& world, Node& node, std::string name)
      : world_(world), node_(node), name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  // By this node.
  [[nodiscard]] bool done_here() const { return lease_.term != 0; }

  void lease_held(const store::Lease& lease) override;
  void lease_ends(std::move_only_function<void()> done) override;

 private:
  void work();

  World& world_;
  Node& node_;
  const std::string name_;
  store::Lease lease_;  // its term is 0 if it does not hold it
  TimerId next_ = 0;
};

}  // namespace starling::sim
