// Server: the whole of one node above the sockets: its hosts, its workers, its store.
//
// Made once by starlingd (or a test) and then read by all workers; what changes while running
// belongs to one worker each, but for the hosts, which a reload replaces as a whole. It must
// outlive the loops' last turn.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/thread_pool.h"
#include "config/options.h"
#include "core/authenticator.h"
#include "core/balance.h"
#include "core/change_record.h"
#include "core/drain.h"
#include "core/hosts.h"
#include "core/login_guard.h"
#include "core/memory_budget.h"
#include "core/module.h"
#include "core/node_calls.h"
#include "core/worker.h"
#include "store/store.h"

namespace starling::cluster {
class Cluster;
}

namespace starling::core {

class Server {
 public:
  // `modules` are set up for each of the hosts, in order.
  Server(store::Store& store, ThreadPool& pool, HostOptionsByName hosts,
         std::span<const Module* const> modules, const std::vector<EventLoop*>& loops);
  // Hosts that all have the same options.
  Server(store::Store& store, ThreadPool& pool, const std::vector<std::string>& hosts,
         std::span<const Module* const> modules, const std::vector<EventLoop*>& loops,
         const config::HostOptions& options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] store::Store& store() { return store_; }
  [[nodiscard]] Authenticator& authenticator() { return authenticator_; }
  [[nodiscard]] LoginGuard& login_guard() { return login_guard_; }
  [[nodiscard]] MemoryBudget& memory_budget() { return memory_budget_; }
  [[nodiscard]] const MemoryBudget& memory_budget() const { return memory_budget_; }
  [[nodiscard]] Balance& balance() { return balance_; }
  [[nodiscard]] const Balance& balance() const { return balance_; }
  [[nodiscard]] Drain& drain() { return drain_; }
  [[nodiscard]] const Drain& drain() const { return drain_; }

  // Reads, or makes on the first start, what the node must know before it serves: the secrets of
  // the authenticator and of archive ids, and where the archive's clock was. On a loop's thread,
  // once, before anything else.
  Task<Result<>> prepare();

  // The virtual host, or nullptr if it is not served here (any more). It is good until the end of
  // this turn of the loop, and for a Task as long as it runs. A reload may come at any time: who
  // asks twice may be told otherwise.
  [[nodiscard]] const Host* host(std::string_view domain) const { return hosts()->find(domain); }
  [[nodiscard]] const std::vector<std::string>& host_names() const { return hosts()->names(); }

  // Serves these hosts from now on, with these options. Sessions of a host that is gone end with
  // <host-gone/>, those of all others notice nothing. The caller has no other call under way.
  void replace_hosts(HostOptionsByName hosts);

  [[nodiscard]] std::size_t worker_count() const { return workers_.size(); }
  [[nodiscard]] Worker& worker(std::size_t index) { return *workers_[index]; }
  // The worker that holds everything of this account.
  [[nodiscard]] std::size_t home_of(std::string_view bare) const {
    return std::hash<std::string_view>{}(bare) % workers_.size();
  }

  // Sessions bound now, of all hosts or of one. Any thread.
  [[nodiscard]] std::int64_t session_count() const { return session_count_; }
  [[nodiscard]] std::int64_t session_count(std::string_view host) const;
  // One more of this host, unless it has `most` already (0: no limit); one less.
  [[nodiscard]] bool add_session(std::string_view host, std::uint32_t most);
  void remove_session(std::string_view host);

  // How many entries the journals (journal.h) of all workers have together. Before the loops run.
  void set_journal_size(std::uint32_t entries);
  // Whether a trace (trace.h) may show what people write. Any thread.
  void set_trace_bodies(bool allowed) { trace_bodies_ = allowed; }
  [[nodiscard]] bool trace_bodies() const { return trace_bodies_; }

  [[nodiscard]] std::int64_t started_at_us() const { return started_at_us_; }

  // The other nodes; nullptr if there can be none. Set before the loops run, and it outlives them.
  void set_cluster(cluster::Cluster* cluster) { cluster_ = cluster; }
  [[nodiscard]] cluster::Cluster* cluster() { return cluster_; }
  [[nodiscard]] const cluster::Cluster* cluster() const { return cluster_; }
  // What other nodes may ask this one to do. Complete before the cluster starts.
  [[nodiscard]] Procedures& procedures() { return procedures_; }
  // Who keeps the record of what administrators change. Set before the loops run; else nobody does.
  void set_recorder(Recorder recorder) { recorder_ = std::move(recorder); }
  [[nodiscard]] const Recorder& recorder() const { return recorder_; }
  // Set as the first of its workers stops. From then on steps are refused, and what they held is
  // destroyed: that must not be taken for having been dealt with.
  void set_stopping() { stopping_ = true; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  // How many stanzas of other nodes have not been dealt with here. Any thread.
  [[nodiscard]] std::atomic<std::size_t>& in_hand() { return in_hand_; }
  // So many sessions that are no session of this node yet are about to be bound or resumed here.
  [[nodiscard]] std::atomic<std::size_t>& arriving() { return arriving_; }
  // What this node's archive ids end with; 0 without a cluster.
  void set_slot(std::uint16_t slot) { slot_ = slot; }
  [[nodiscard]] std::uint16_t slot() const { return slot_; }
  // The time in microseconds since 1970; in a cluster by the database's clock, and whatever becomes
  // of this machine's.
  [[nodiscard]] std::int64_t clock_us(TimePoint now) const;

 private:
  [[nodiscard]] const Hosts* hosts() const { return hosts_.load(std::memory_order_acquire); }

  store::Store& store_;
  Authenticator authenticator_;
  LoginGuard login_guard_;
  MemoryBudget memory_budget_;
  Drain drain_{*this};
  Balance balance_{*this};
  const std::vector<const Module*> modules_;
  std::shared_ptr<const Hosts> current_hosts_;
  std::atomic<const Hosts*> hosts_;  // current_hosts_, for all threads
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<bool> trace_bodies_ = false;
  std::atomic<std::int64_t> session_count_ = 0;
  mutable std::mutex counts_mutex_;
  std::map<std::string, std::int64_t, std::less<>> counts_by_host_;  // guarded by counts_mutex_
  std::int64_t started_at_us_;
  cluster::Cluster* cluster_ = nullptr;
  std::atomic<std::uint16_t> slot_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> in_hand_ = 0;
  std::atomic<std::size_t> arriving_ = 0;
  Procedures procedures_;
  Recorder recorder_;
};

// Counted in Server::arriving() as long as it lives.
class Arriving {
 public:
  explicit Arriving(Server& server) : server_(server) { ++server_.arriving(); }
  ~Arriving() { --server_.arriving(); }
  Arriving(const Arriving&) = delete;
  Arriving& operator=(const Arriving&) = delete;

 private:
  Server& server_;
};

}  // namespace starling::core
