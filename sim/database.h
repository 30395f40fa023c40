// Database: the store that the nodes of a run share, behind a network of its own: calls take time,
// and there are outages.
//
// The writes of one node keep their order, as with every engine; nothing else does. What a node has
// sent is done even if it crashes meanwhile.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/task.h"
#include "sim/loop.h"
#include "store/memory.h"
#include "store/store.h"

namespace starling::sim {

class Database {
 public:
  explicit Database(Clockwork& clock);

  Duration least{std::chrono::microseconds(200)};
  Duration most{std::chrono::milliseconds(3)};

  // refuses: calls fail, without effect; hangs: they wait for its end.
  enum class Outage : std::uint8_t { none, refuses, hangs };
  void begin_outage(Outage kind);
  void end_outage();

  // What a node has of it.
  std::unique_ptr<store::Store> open();

  // Directly, without faults. On loop().
  [[nodiscard]] store::Store& inner() { return *inner_; }
  [[nodiscard]] SimLoop& loop() { return loop_; }
  [[nodiscard]] Gate& gate() { return gate_; }

 private:
  friend class NodeStore;
  friend class NodeMembers;
  // The way of one node's writes.
  struct Line {
    TimePoint last_there{};
    TimePoint last_back{};
  };
  template <class T>
  Task<T> call(Line* line, std::move_only_function<Task<T>()> make);
  template <class T>
  struct Call;
  template <class T>
  void arrived(const std::shared_ptr<Call<T>>& call);
  template <class T>
  Task<void> execute(std::shared_ptr<Call<T>> call);
  void rows_changed();

  Clockwork& clock_;
  SimLoop loop_;
  store::MemoryDatabase memory_;
  std::unique_ptr<store::Store> inner_;
  Gate gate_;
  Outage outage_ = Outage::none;
  std::vector<Callback> waiting_;  // until it is over
  struct Watcher {
    EventLoop* loop;
    std::function<void()> changed;
  };
  std::map<std::uint64_t, Watcher> watchers_;
  std::uint64_t last_watcher_ = 0;
};

}  // namespace starling::sim
