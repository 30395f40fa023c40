// Lifecycle: what a node and whoever started its machine have to tell each other.
//
// The provider says what the node is to do: wait, serve, drain, end. The node says how far it has
// come. Each provider is a file of its own; `none` says "serve" for ever, and the machine's SIGTERM
// is all that the node ever hears.
//
// Whatever a provider has to ask over a network it asks on the loop that it is given, whose thread
// it may block; nothing that goes wrong there is more than a line in the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"

namespace starling::cloud {

using Environment = std::map<std::string, std::string>;

enum class Provider : std::uint8_t { none, aws, kubernetes };

struct Options {
  Provider provider = Provider::none;
  std::string launch_hook = "starling-launch";
  std::string terminate_hook = "starling-terminate";
  std::chrono::seconds metrics_interval{10};
  std::string metrics_namespace = "Starling";
  std::string folder;  // where what has to outlive the process is kept
};

// Who this machine is, as far as its provider tells; "": it does not.
struct Identity {
  std::string name;
  std::string address;  // an IP address
};

// What the node is to do.
struct Order {
  enum class What : std::uint8_t {
    unknown,  // the provider was not heard yet
    wait,     // the machine is a spare one: take no part in the cluster
    serve,
    drain,  // let all sessions go and leave; then say left()
    end,    // nothing is left to do: the process may end
  };
  What what = What::unknown;
  std::string reason{};                    // of drain, for the log
  std::optional<std::int64_t> until_us{};  // of drain: the machine is gone soon after that, in
                                           // microseconds since 1970
  bool operator==(const Order&) const = default;
};

// One node of the cluster, as the others see it.
struct NodeLoad {
  std::string name;
  std::uint64_t sessions = 0;
  bool is_leaving = false;
};

// The node that serves. Called on the lifecycle's loop; may block for a moment.
class NodeView {
 public:
  virtual ~NodeView() = default;
  // Per cent. nullopt: it has nothing to say about it, as it does not serve.
  [[nodiscard]] virtual std::optional<std::uint64_t> utilisation() = 0;
  // All nodes that serve or leave, if it is this one that says which goes first; else nullopt.
  [[nodiscard]] virtual std::optional<std::vector<NodeLoad>> to_choose_from() = 0;
};

class Lifecycle {
 public:
  virtual ~Lifecycle() = default;

  // Begins and ends; on any thread. When stop() is back, no call of anything else is started.
  virtual void start() = 0;
  virtual void stop() = 0;

  // --- what the provider tells the node; any thread ---
  [[nodiscard]] virtual Identity identity() const = 0;
  [[nodiscard]] virtual Order order() const = 0;

  // --- what the node tells its provider; any thread, but one at a time ---
  // It takes clients from now on. `node` may be asked until leaving() is back.
  virtual void serving(NodeView& node) = 0;
  virtual void leaving() = 0;
  // It has no session, and is no member of its cluster any more.
  virtual void left() = 0;
};

// `news` is called, on any thread, when order() is another. `loop` is only used by a provider that
// has somebody to ask (asks_somebody), and outlives it.
[[nodiscard]] std::unique_ptr<Lifecycle> make_lifecycle(const Options& options,
                                                        const Environment& environment,
                                                        EventLoop* loop,
                                                        std::function<void()> news);
[[nodiscard]] bool asks_somebody(Provider provider);

}  // namespace starling::cloud
