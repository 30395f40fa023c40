// NatsBus: a Bus on the core of NATS, by way of libnats.
//
// A node listens on two subjects: PREFIX.n.ID, its own, and PREFIX.all. Calls of libnats block, for
// some hundred milliseconds when the server hangs, so they have a thread of their own; what is to
// be sent waits for it in a queue that is bounded in bytes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "bus/bus.h"

namespace starling::bus {

struct NatsBusOptions {
  std::vector<std::string> urls;  // "nats://127.0.0.1:4222"; the first that serves is taken
  std::string user;               // "": none
  std::string password;
  std::string prefix = "starling";
  std::size_t max_queued_bytes = std::size_t{16} << 20;
  // What redial() does instead of connecting anew, called on the loop: with a server of one's own
  // it is the server whose links to the others are to be made anew.
  std::function<void()> redial;
};

class NatsBus final : public Bus {
 public:
  // `loop` outlives it; constructed and destroyed on its thread.
  NatsBus(EventLoop& loop, NodeId self, NatsBusOptions options);
  // Blocks for as long as one call of libnats may: half a second, if the server hangs.
  ~NatsBus() override;
  NatsBus(const NatsBus&) = delete;
  NatsBus& operator=(const NatsBus&) = delete;

  void send(NodeId to, std::string_view frame) override;
  void broadcast(std::string_view frame) override;
  void on_frame(std::function<void(std::string_view frame)> handler) override;
  [[nodiscard]] bool connected() const override;
  void redial() override;

  // Connects to others than before. Thread-safe.
  void move_to(std::vector<std::string> urls);

 private:
  class Sender;

  const std::function<void()> redial_;
  std::shared_ptr<class FrameInbox> inbox_;
  std::unique_ptr<Sender> sender_;
};

}  // namespace starling::bus
