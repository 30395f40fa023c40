#include "sim/network.h"

namespace starling::sim {

class Network::End final : public bus::Bus {
 public:
  End(Network& network, NodeId self) : network_(network), self_(self) {}
  ~End() override { network_.ends_.erase(self_); }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void send(NodeId to, std::string_view frame) override {
    network_.fly(self_, to, std::make_shared<const std::string>(frame));
  }
  void broadcast(std::string_view frame) override {
    const auto shared = std::make_shared<const std::string>(frame);
    for (const auto& [to, unused] : network_.ends_) {
      if (to != self_) network_.fly(self_, to, shared);
    }
  }
  void on_frame(std::function<void(std::string_view)> handler) override {
    network_.ends_[self_].handler = std::move(handler);
  }
  [[nodiscard]] bool connected() const override { return true; }

 private:
  Network& network_;
  NodeId self_;
};

std::unique_ptr<bus::Bus> Network::attach(NodeId id, int machine, SimLoop& loop) {
  ends_[id] = {machine, &loop, {}};
  return std::make_unique<End>(*this, id);
}

void Network::fly(NodeId from, NodeId to, const std::shared_ptr<const std::string>& bytes) {
  ++sent_;
  const auto source = ends_.find(from);
  const auto target = ends_.find(to);
  if (source == ends_.end() || target == ends_.end()) return;
  Random& random = clock_.random();
  clock_.trace(from * 1'000'003 + to);
  clock_.trace(*bytes);
  if (bytes->size() > bus::Bus::kMaxFrame) return;
  if (cut(source->second.machine, target->second.machine)) return;
  if (random.chance(faults.loss_percent)) return;
  for (int copies = random.chance(faults.twice_percent) ? 2 : 1; copies > 0; --copies) {
    clock_.after(random.between(faults.least, faults.most), [this, to, bytes] {
      const auto at = ends_.find(to);
      if (at == ends_.end()) return;
      at->second.loop->post([this, to, bytes] {
        const auto end = ends_.find(to);
        if (end != ends_.end() && end->second.handler) end->second.handler(*bytes);
      });
    });
  }
}

}  // namespace starling::sim
