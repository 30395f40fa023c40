// Node: a server with all its modules and one worker, whose clients are in memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/manual_loop.h"
#include "base/thread_pool.h"
#include "core/server.h"
#include "net/memory_connection.h"
#include "stream/c2s_options.h"
#include "stream/c2s_service.h"

namespace starling::bench {

class Node final : public net::MemoryPeer {
 public:
  Node();
  ~Node() override;

  // Users u0, u1 ... log in, one after the other, until there are so many sessions.
  void log_in(std::size_t sessions);
  [[nodiscard]] std::size_t sessions() const { return connections_.size(); }
  // Of those, how many the server has presence of.
  [[nodiscard]] std::size_t available();
  static std::string full_jid(std::size_t user);

  // The client of this session sends; everything that follows is done on return.
  void say(std::size_t session, std::string_view xml);
  // Lets time pass, in which a node tidies up.
  void pass(std::chrono::seconds time);
  // Bytes that clients have received so far.
  [[nodiscard]] std::size_t received() const { return received_; }

 private:
  void on_bytes(std::string_view bytes) override;
  void on_end(bool dropped) override;
  std::string answer(std::string_view xml);
  void settle();

  ThreadPool pool_{1, "bench"};
  ManualLoop loop_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<core::Server> server_;
  std::vector<std::unique_ptr<stream::C2sService>> services_;
  std::shared_ptr<stream::C2sOptions> options_ = std::make_shared<stream::C2sOptions>();
  std::vector<std::shared_ptr<net::MemoryConnection>> connections_;
  std::size_t received_ = 0;
  bool keeps_ = false;  // what is received is in last_
  std::string last_;
};

}  // namespace starling::bench
