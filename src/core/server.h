// Server: the whole of one node above the sockets: its hosts, its workers, its store.
//
// Made once by starlingd (or a test) and then read by all workers; what changes while running
// belongs to one worker each. It must outlive the loops' last turn.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "base/thread_pool.h"
#include "config/options.h"
#include "core/authenticator.h"
#include "core/login_guard.h"
#include "core/memory_budget.h"
#include "core/module.h"
#include "core/worker.h"
#include "store/store.h"

namespace starling::core {

class Server {
 public:
  // `hosts` are prepared domains; `modules` are set up for each of them, in order.
  Server(store::Store& store, ThreadPool& pool, const std::vector<std::string>& hosts,
         std::span<const Module* const> modules, const std::vector<EventLoop*>& loops,
         config::HostOptions options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] store::Store& store() { return store_; }
  [[nodiscard]] Authenticator& authenticator() { return authenticator_; }
  [[nodiscard]] LoginGuard& login_guard() { return login_guard_; }
  [[nodiscard]] MemoryBudget& memory_budget() { return memory_budget_; }
  [[nodiscard]] const config::HostOptions& options() const { return options_; }

  // Reads, or makes on the first start, what the node must know before it serves: the secrets of
  // the authenticator and of archive ids, and where the archive's clock was. On a loop's thread,
  // once, before anything else.
  Task<Result<>> prepare();

  // The virtual host, or nullptr if it is not served here.
  [[nodiscard]] const Host* host(std::string_view domain) const;
  [[nodiscard]] const std::vector<std::string>& host_names() const { return host_names_; }

  [[nodiscard]] std::size_t worker_count() const { return workers_.size(); }
  [[nodiscard]] Worker& worker(std::size_t index) { return *workers_[index]; }
  // The worker that holds everything of this account.
  [[nodiscard]] std::size_t home_of(std::string_view bare) const {
    return std::hash<std::string_view>{}(bare) % workers_.size();
  }

  // Sessions bound now. Any thread.
  [[nodiscard]] std::int64_t session_count() const { return session_count_; }
  void count_session(int change) { session_count_ += change; }

  [[nodiscard]] std::int64_t started_at_us() const { return started_at_us_; }

 private:
  const config::HostOptions options_;
  store::Store& store_;
  Authenticator authenticator_;
  LoginGuard login_guard_;
  MemoryBudget memory_budget_;
  std::vector<std::string> host_names_;
  std::unordered_map<std::string_view, std::unique_ptr<Host>> hosts_;  // keys: the host's own name
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<std::int64_t> session_count_ = 0;
  std::int64_t started_at_us_;
};

}  // namespace starling::core
