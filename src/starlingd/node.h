// Node: one running starlingd, put together from its parts. The composition root: the only place
// that names the concrete store, sockets and modules.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "admin/admin.h"
#include "admin/ctl_socket.h"
#include "admin/monitor.h"
#include "api/housekeeping.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "cloud/lifecycle.h"
#include "config/config.h"
#include "config/show.h"
#include "core/load_history.h"
#include "core/peers.h"
#include "core/retention.h"
#include "core/server.h"
#include "http/http_service.h"
#include "net/io_loop.h"
#include "net/tls.h"
#include "starlingd/cloud_view.h"
#include "starlingd/cluster_node.h"
#include "starlingd/door.h"
#include "starlingd/load_meter.h"
#include "starlingd/memory_metrics.h"
#include "starlingd/memory_watch.h"
#include "starlingd/node_metrics.h"
#include "starlingd/porch.h"
#include "starlingd/watchdog.h"
#include "store/store.h"
#include "stream/c2s_service.h"

namespace starling::starlingd {

class Node {
 public:
  // Reads the configuration again, for a reload. On a thread that may block.
  using Load = std::function<Result<config::Config>()>;

  // `stop` is called, on any thread, when a command asks the process to end. `machine`: what its
  // provider says of it.
  Node(config::Config config, std::function<void()> stop, Load load = {},
       cloud::Identity machine = {});
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Opens everything and begins to serve. Errors say what to do about it.
  Result<> start();

  // Calls `tell` at most once in `interval`, on worker 0, for as long as every worker turns. After
  // start().
  void watch(Duration interval, std::function<void()> tell);

  // Runs a Task on worker 0 and waits for it: for the first steps of a new node.
  void run_on_first_worker(std::function<Task<void>(core::Server&)> work);

  // Reads the configuration and the certificate files again and goes by them from now on; what is
  // connected stays. All of it or, if anything in it is wrong, nothing. Tells in lines what is
  // different now, and what waits for a restart. On worker 0.
  Task<Result<std::vector<std::string>>> reload();

  // Lets all sessions go, in the time that the option `drain` gives, or the order of the machine's
  // provider if that is why; then ends what is left, finishes what is under way, and stops the
  // workers; within half a minute more.
  // False if something hangs (a disk that does not answer): its threads still run then, and the
  // caller must end the process without destroying the Node.
  [[nodiscard]] bool stop(const cloud::Order& order = {});
  // While it waits for sessions: it has so long for that from now on. On any thread.
  void press(std::chrono::seconds within);
  // stop() is not to wait for sessions any longer. On any thread.
  void hurry();
  // For the machine's provider. After start(), until stop().
  [[nodiscard]] cloud::NodeView& view() { return *view_; }

  [[nodiscard]] std::uint16_t port_of_first_listener() const;

 private:
  // One entry of `listen`, and what it became.
  struct Listening {
    config::ListenOptions options;
    std::unique_ptr<Door> sockets;
  };
  struct Loaded {
    config::Config config;                // as far as it can be applied
    std::vector<config::Change> changes;  // the others, too
    net::TlsContext::Table certificates;
  };

  Result<> open_store();
  Result<> open_porch();
  [[nodiscard]] Result<std::unique_ptr<Door>> open_door(
      const std::shared_ptr<const config::Config>& config, const config::ListenOptions& options);
  [[nodiscard]] Result<Listening> listen(const std::shared_ptr<const config::Config>& config,
                                         const config::ListenOptions& options);
  // The one of our own that keeps it from being opened; nullptr if there is none.
  [[nodiscard]] const Listening* own_in_the_way(const config::ListenOptions& options) const;
  Result<> start_listeners();
  void open_to_clients(bool open);
  void drain(const cloud::Order& order);
  void log_what_hangs();
  Task<Result<std::string>> leave_cluster();
  void start_threads();
  admin::Hooks hooks();
  [[nodiscard]] std::vector<admin::doctor::ListenerFacts> doors() const;
  Task<admin::doctor::Facts> facts();
  Task<std::vector<admin::doctor::CertificateFile>> certificates();
  // In reload.cc.
  [[nodiscard]] Result<Loaded> load() const;
  Result<std::vector<std::string>> apply(Loaded loaded);
  Result<std::vector<Listening>> renew_listeners(
      const std::shared_ptr<const config::Config>& config);

  std::shared_ptr<const config::Config> config_;  // in force
  Load load_;
  bool reloading_ = false;
  std::function<void()> stop_requested_;
  const cloud::Identity machine_;
  std::shared_ptr<net::TlsContext> tls_;
  std::shared_ptr<net::TlsContext> tls_of_http_;  // the same certificates for another protocol
  std::unique_ptr<Porch> porch_;                  // nullptr: the node has started, or is alone
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Watchdog> watchdog_;
  std::vector<std::unique_ptr<net::IoLoop>> loops_;
  std::unique_ptr<ClusterNode> cluster_;  // nullptr: this node is alone
  std::unique_ptr<core::Server> server_;
  std::unique_ptr<LoadMeter> load_meter_;
  std::unique_ptr<admin::Monitor> monitor_;
  std::unique_ptr<CloudView> view_;
  std::unique_ptr<core::Peers> peers_;
  std::unique_ptr<NodeMetrics> metrics_;
  std::unique_ptr<core::Retention> retention_;
  std::unique_ptr<core::LoadHistory> load_history_;
  std::unique_ptr<api::Housekeeping> housekeeping_;
  std::unique_ptr<MemoryWatch> memory_watch_;
  std::unique_ptr<admin::Admin> admin_;
  std::vector<std::unique_ptr<stream::C2sService>> services_;
  std::unique_ptr<MemoryMetrics> memory_metrics_;
  std::vector<std::unique_ptr<http::HttpService>> http_services_;
  std::unique_ptr<admin::CtlSocket> ctl_;
  std::vector<Listening> listeners_;
  std::vector<std::thread> threads_;
};

}  // namespace starling::starlingd
