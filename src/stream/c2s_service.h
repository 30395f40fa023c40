// C2sService: the client streams of one worker.
//
// One per worker, used on its thread only. Streams pass from one worker's service to another's when
// they go to their account's home.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/swappable.h"
#include "base/throttle.h"
#include "core/node_calls.h"
#include "core/worker.h"
#include "net/connection.h"
#include "stream/c2s_options.h"

namespace starling::stream {

class C2sStream;

// What streams have in memory.
struct StreamMemory {
  std::uint64_t streams = 0;
  std::uint64_t secure = 0;          // of these
  std::uint64_t queued = 0;          // bytes for clients that the kernel has not taken
  std::uint64_t unacknowledged = 0;  // bytes of what clients have been sent (XEP-0198)
  std::uint64_t in_hand = 0;         // bytes of what clients have sent
};

class C2sService {
 public:
  // `services` is the list of all workers' services, by worker index, complete before any stream.
  C2sService(core::Worker& worker, const std::vector<std::unique_ptr<C2sService>>& services);
  ~C2sService();
  C2sService(const C2sService&) = delete;
  C2sService& operator=(const C2sService&) = delete;

  // Begins the periodic search for dead streams. On the worker's thread.
  void start();

  // Takes a connection that has not begun to read. The caller starts it afterwards.
  void accept(std::shared_ptr<net::Connection> connection,
              std::shared_ptr<const C2sOptions> options);

  // Ends every stream with <system-shutdown/>; `done` runs when the last one is gone. Newcomers
  // are turned away in the same way.
  void shut_down(Callback done);

  [[nodiscard]] core::Worker& worker() { return worker_; }
  [[nodiscard]] C2sService& of_worker(std::size_t index) const { return *services_[index]; }
  [[nodiscard]] std::uint32_t now_s() const;
  // Unique on the node while it runs; for the log.
  [[nodiscard]] std::uint64_t new_stream_id() { return (++last_stream_ << 8) | worker_.index(); }

  // Whoever has not logged in can say much that is worth a line; not without end.
  [[nodiscard]] Throttle& strangers_log() { return strangers_log_; }

  // As of the last look at each stream, which is some seconds ago at most. Any thread.
  [[nodiscard]] StreamMemory held() const { return *held_.get(); }

  // What a session keeps in memory for its client: sent and not taken, or not acknowledged.
  struct Load {
    std::size_t bytes = 0;
    std::weak_ptr<C2sStream> stream;
  };
  // The `n` heaviest of those that keep more than a little, heaviest first.
  [[nodiscard]] std::vector<Load> heaviest(std::size_t n) const;
  // Ends such a session for want of memory; one that can be resumed loses its connection only, at
  // first. Nothing that was acknowledged is lost.
  void shed(const Load& load);

  // Streams that can be resumed (XEP-0198), by their ids. `h` of one that no longer can be is
  // remembered for a while.
  void resumable(const std::string& id, C2sStream& stream) { resumable_[id] = &stream; }
  // Unless another stream has taken it over.
  void not_resumable(const std::string& id, const C2sStream& stream, std::uint32_t h);
  void resumed_elsewhere(const std::string& id) { resumable_.erase(id); }
  [[nodiscard]] C2sStream* find_resumable(const std::string& id) const;
  [[nodiscard]] std::optional<std::uint32_t> find_expired(const std::string& id) const;

  // Ends when no session of that id is being parked here any more: then it is found in the store.
  Task<void> until_parked(std::string account, std::string id);

  // Lets go of a session that is resumed at another node: what that one needs to know; see
  // c2s_takeover.cc.
  Task<Result<std::string>> hand_over(std::string account, std::string id, bus::NodeId to,
                                      core::SessionId expected);
  // What other nodes call for that.
  static void add_procedures(core::Procedures& procedures,
                             const std::vector<std::unique_ptr<C2sService>>& services);

  void add(std::shared_ptr<C2sStream> stream);
  std::shared_ptr<C2sStream> remove(C2sStream& stream);
  [[nodiscard]] bool has(const C2sStream& stream) const;
  [[nodiscard]] bool shutting_down() const { return shutting_down_; }
  // True, and the stream is ended, if the service is shutting down.
  bool turn_away(C2sStream& stream);

 private:
  void sweep();

  core::Worker& worker_;
  const std::vector<std::unique_ptr<C2sService>>& services_;
  std::vector<std::shared_ptr<C2sStream>> streams_;
  std::unordered_map<std::string, C2sStream*> resumable_;
  std::unordered_map<std::string, std::uint32_t> expired_;
  std::deque<std::string> expired_order_;
  std::size_t sweep_at_ = 0;
  StreamMemory found_;  // in this sweep
  Swappable<StreamMemory> held_{StreamMemory()};
  std::uint64_t last_stream_ = 0;
  Throttle strangers_log_{std::chrono::seconds(1), 200};
  bool shutting_down_ = false;
  Callback when_empty_;
};

}  // namespace starling::stream
