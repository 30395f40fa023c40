#include "starlingd/node.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "admin/audit.h"
#include "admin/doctor/gather.h"
#include "admin/doctor/gather_parts.h"
#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/processors.h"
#include "config/check.h"
#include "config/show.h"
#include "modules/registry.h"
#include "starlingd/c2s_listener.h"
#include "starlingd/certificates.h"
#include "starlingd/health.h"
#include "starlingd/http_listener.h"
#include "starlingd/pages.h"
#include "store/postgres.h"
#include "store/sqlite.h"
#include "stream/stanza_counters.h"
#include "web/web.h"

namespace starling::starlingd {

namespace {

constexpr std::chrono::seconds kDrainGrace{2};
constexpr std::chrono::seconds kStreamsDeadline{10};
constexpr std::chrono::seconds kTasksDeadline{20};
constexpr std::chrono::seconds kLastWords{1};

// Counts down on many threads; one waits. For start and stop only.
class Latch {
 public:
  explicit Latch(std::size_t count) : count_(count) {}
  void count_down() {
    std::lock_guard lock(mutex_);
    if (--count_ == 0) zero_.notify_all();
  }
  bool wait_for(std::chrono::seconds bound) {
    std::unique_lock lock(mutex_);
    return zero_.wait_for(lock, bound, [this] { return count_ == 0; });
  }
  void wait() {
    std::unique_lock lock(mutex_);
    zero_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable zero_;
  std::size_t count_;
};

// What to do about a listener that cannot be opened, as far as the system's words tell.
std::string advice_on(const std::string& message) {
  const auto ends_with = [&](std::errc code) {
    return message.ends_with(std::make_error_code(code).message());
  };
  if (ends_with(std::errc::address_in_use)) {
    return " (another program listens there: `ss -ltnp` names it)";
  }
  if (ends_with(std::errc::permission_denied)) {
    return " (ports below 1024 need the capability CAP_NET_BIND_SERVICE)";
  }
  if (ends_with(std::errc::address_not_available)) {
    return " (this machine has no such address: `ip address` lists them)";
  }
  return "";
}

// A folder of the node's own, with a clear word if it cannot be written.
Result<> make_data_dir(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && ::access(path.c_str(), W_OK | X_OK) != 0) {
    error = std::error_code(errno, std::generic_category());
  }
  if (!error) return {};
  return fail(Errc::unavailable, "data_dir: " + path + " cannot be made or written by user id " +
                                     std::to_string(::geteuid()) + ": " + error.message() +
                                     " (give it to that user, or set data_dir to another folder)");
}

// What bind() would call "no such file" or "in use", in clearer words.
Result<> check_socket_path(const std::string& name) {
  const std::filesystem::path path(name);
  std::error_code ignored;
  if (!std::filesystem::is_directory(path.parent_path(), ignored)) {
    return fail(Errc::unavailable, "ctl_socket: there is no folder " + path.parent_path().string() +
                                       ": make it, or set ctl_socket to another path");
  }
  const auto status = std::filesystem::symlink_status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_socket(status)) {
    return fail(Errc::invalid, "ctl_socket: " + name +
                                   " is there already and is no socket: set "
                                   "ctl_socket to another path");
  }
  return {};
}

}  // namespace

Node::Node(config::Config config, std::function<void()> stop, Load load, cloud::Identity machine)
    : config_(std::make_shared<const config::Config>(std::move(config))),
      load_(std::move(load)),
      stop_requested_(std::move(stop)),
      machine_(std::move(machine)) {}

Node::~Node() = default;

Result<> Node::start() {
  if (auto made = make_data_dir(config_->data_dir); !made) return made;
  const bool shares_database = !config_->database.empty();
  if (!shares_database) {
    // First of all: it finds out if another node uses this folder.
    if (auto opened = open_store(); !opened) return opened;
  }
  auto certificates = load_certificates(*config_);
  if (!certificates) return std::unexpected(certificates.error());
  using Protocols = std::vector<std::string>;
  tls_of_http_ = std::make_shared<net::TlsContext>(*certificates, Protocols{"http/1.1"});
  tls_ = std::make_shared<net::TlsContext>(std::move(*certificates), Protocols{"xmpp-client"});
  if (shares_database) {
    // What may take long comes behind it.
    if (auto opened = open_porch(); !opened) return opened;
    if (auto opened = open_store(); !opened) return opened;
  }

  const std::size_t cores = allowed_processors();
  const std::size_t workers = config_->workers != 0 ? config_->workers : cores;
  pool_ = std::make_unique<ThreadPool>(std::max<std::size_t>(1, cores / 2), "starling-crypto");
  std::vector<EventLoop*> loops;
  for (std::size_t i = 0; i < workers; ++i) {
    loops_.push_back(std::make_unique<net::IoLoop>());
    loops.push_back(loops_.back().get());
  }
  if (shares_database) {
    cluster_ = std::make_unique<ClusterNode>(
        *config_, *store_, machine_,
        ClusterNode::Hooks{
            .load = [this] { return load_meter_->load(); },
            .serving =
                [this](bool serving) {
                  loops_[0]->post([this, serving] { open_to_clients(serving); });
                },
        });
    if (auto prepared = cluster_->prepare(); !prepared) return prepared;
  }
  server_ =
      std::make_unique<core::Server>(*store_, *pool_, config_->host_options, modules::all(), loops);
  load_meter_ = std::make_unique<LoadMeter>(*server_);
  monitor_ = std::make_unique<admin::Monitor>(
      *server_, admin::Monitor::Parts{.load = [this] { return load_meter_->load(); },
                                      .messages = stream::messages_received,
                                      .facts = [this] { return facts(); }});
  admin::Admin::add_procedures(server_->procedures(), monitor_.get());
  view_ = std::make_unique<CloudView>(*server_, *load_meter_, cluster_.get());
  admin_ = std::make_unique<admin::Admin>(*server_, hooks());
  admin::record_changes_of_clients(*server_);
  const auto api_options = [this] { return config_->api; };
  auto routes = std::make_shared<http::Routes>();
  add_health(*routes, *server_, *load_meter_);
  web::add_routes(*routes, *server_, services_);
  add_pages(*routes);
  api::add_routes(*routes, {*server_, *admin_, api_options});
  for (std::size_t i = 0; i < workers; ++i) {
    services_.push_back(std::make_unique<stream::C2sService>(server_->worker(i), services_));
    http_services_.push_back(std::make_unique<http::HttpService>(*loops_[i], routes));
  }
  if (cluster_) {
    server_->set_cluster(&cluster_->cluster());
    peers_ = std::make_unique<core::Peers>(*server_);
    stream::C2sService::add_procedures(server_->procedures(), services_);
    server_->procedures()["leave_cluster"] = [this](core::Server&, std::string) {
      return leave_cluster();
    };
  }
  server_->login_guard().set_options(config_->fail2ban);
  metrics_ = std::make_unique<NodeMetrics>(*server_, loops_);
  metrics_->set_hosts(config_->hosts, tls_);
  memory_metrics_ = std::make_unique<MemoryMetrics>(*server_, services_);
  server_->set_journal_size(config_->journal.size);
  server_->set_trace_bodies(config_->trace_bodies);
  start_threads();

  Result<> prepared;
  run_on_first_worker(
      [&prepared](core::Server& server) -> Task<void> { prepared = co_await server.prepare(); });
  if (!prepared) return prepared;
  retention_ = std::make_unique<core::Retention>(server_->worker(0));
  load_history_ = std::make_unique<core::LoadHistory>(
      server_->worker(0), [this] { return load_meter_->load(); },
      [this] { return server_->clock_us(loops_[0]->now()); });
  housekeeping_ = std::make_unique<api::Housekeeping>(server_->worker(0), api_options);
  if (cluster_) {
    cluster::Leases& leases = cluster_->cluster().leases();
    leases.add(std::string(core::Retention::kLease), *retention_);
    leases.add(std::string(core::LoadHistory::kLease), *load_history_);
    leases.add(std::string(api::Housekeeping::kLease), *housekeeping_);
    if (config_->cloud.provider == config::CloudProvider::aws) {
      leases.add(std::string(CloudView::kLease), *view_);
    }
    if (auto joined = cluster_->start(*peers_); !joined) return joined;
  } else {
    loops_[0]->post([this] {
      retention_->start();
      load_history_->start();
      housekeeping_->start();
    });
  }
  load_meter_->set_capacity(config_->capacity);
  loops_[0]->post([this] {
    load_meter_->start();
    monitor_->start();
  });
  server_->balance().set_options(config_->balance);
  loops_[0]->post([this] { server_->balance().start(); });
  memory_watch_ = std::make_unique<MemoryWatch>(*server_, *pool_, services_);
  memory_watch_->set_max(config_->max_memory);
  loops_[0]->post([this] { memory_watch_->start(); });

  if (auto good = check_socket_path(config_->ctl_socket); !good) return good;
  porch_.reset();  // its ports are needed
  if (auto listening = start_listeners(); !listening) return listening;
  // Last of all: what it can ask for is there.
  auto ctl = admin::CtlSocket::open(*loops_[0], config_->ctl_socket, *admin_);
  if (!ctl) return fail(ctl.error().code, "ctl_socket: " + ctl.error().message);
  ctl_ = std::move(*ctl);
  return {};
}

Result<> Node::open_store() {
  const std::string& url = config_->database;
  auto opened = url.empty() ? store::open_sqlite(config_->data_dir + "/starling.db")
                            : store::open_postgres(url);
  if (!opened) {
    return fail(opened.error().code, (url.empty() ? "" : "database: ") + opened.error().message);
  }
  store_ = std::move(*opened);
  return {};
}

Result<> Node::open_porch() {
  auto opened = Porch::open(config_, tls_of_http_);
  if (!opened) {
    const std::string& message = opened.error().message;
    return fail(opened.error().code, message + advice_on(message));
  }
  porch_ = std::move(*opened);
  return {};
}

void Node::start_threads() {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->post([service = services_[i].get()] { service->start(); });
    threads_.emplace_back([loop = loops_[i].get()] { loop->run(); });
    pthread_setname_np(threads_.back().native_handle(), ("worker-" + std::to_string(i)).c_str());
  }
}

Result<std::unique_ptr<Door>> Node::open_door(const std::shared_ptr<const config::Config>& config,
                                              const config::ListenOptions& options) {
  std::vector<net::IoLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  if (options.module == "http") {
    return HttpListener::open(loops, http_services_, config, options, tls_of_http_);
  }
  return C2sListener::open(loops, services_, config, options, tls_);
}

Result<Node::Listening> Node::listen(const std::shared_ptr<const config::Config>& config,
                                     const config::ListenOptions& options) {
  auto sockets = open_door(config, options);
  if (!sockets) {
    const std::string& message = sockets.error().message;
    const Listening* own = own_in_the_way(options);
    return fail(sockets.error().code,
                message + (own == nullptr ? advice_on(message)
                                          : " (this node's own listener on " + own->options.ip +
                                                " is in the way: this change needs a restart)"));
  }
  log::info("listening", {{"module", options.module},
                          {"tls", options.tls               ? "direct"
                                  : options.module == "c2s" ? "starttls"
                                                            : "none"},
                          {"address", options.ip},
                          {"port", (*sockets)->port()}});
  return Listening{options, std::move(*sockets)};
}

const Node::Listening* Node::own_in_the_way(const config::ListenOptions& options) const {
  const auto found = std::ranges::find_if(listeners_, [&](const Listening& own) {
    config::ListenOptions bound = own.options;
    bound.port = own.sockets->port();
    return config::in_the_way(bound, options);
  });
  return found == listeners_.end() ? nullptr : &*found;
}

Result<> Node::start_listeners() {
  for (const auto& options : config_->listen) {
    auto opened = listen(config_, options);
    if (!opened) return std::unexpected(opened.error());
    listeners_.push_back(std::move(*opened));
  }
  return {};
}

// A load balancer sees at once that this node is not for now: nobody listens. On worker 0.
void Node::open_to_clients(bool open) {
  for (Listening& listener : listeners_) {
    if (listener.options.module != "c2s") continue;
    if (!open) {
      listener.sockets->close();
      continue;
    }
    config::ListenOptions options = listener.options;
    options.port = listener.sockets->port();  // the same, if it was any
    auto again = listen(config_, options);
    if (again) {
      listener.sockets = std::move(again->sockets);
    } else {
      log::error("not_listening", {{"error", again.error().message}});
    }
  }
}

// What commands can ask of the process as a whole. All on worker 0.
admin::Hooks Node::hooks() {
  return {.stop = stop_requested_,
          .reload_config = [this] { return reload(); },
          .dump_config = [this] { return config::dump(*config_); },
          .facts = [this] { return facts(); },
          .monitor = monitor_.get(),
          .certificates = [this] { return certificates(); },
          .options = [this] { return config::describe(*config_); },
          .capacity = [this] { return config_->capacity; },
          .is_admin =
              [this](const xmpp::Jid& account) {
                return config_->options.access.matches("admin", {&account, std::nullopt});
              }};
}

Task<std::vector<admin::doctor::CertificateFile>> Node::certificates() {
  ThreadPool pool(1, "starling-files");
  auto ask = [config = config_] { return admin::doctor::ask_certificates(*config); };
  co_return co_await pool.run(std::move(ask));
}

Task<admin::doctor::Facts> Node::facts() {
  auto facts =
      co_await admin::doctor::gather(*config_, doors(), server_->memory_budget().max(), *store_);
  if (cluster_) facts.cluster = co_await cluster_->facts();
  co_return facts;
}

// The listeners for clients, with the ports that they have.
std::vector<admin::doctor::ListenerFacts> Node::doors() const {
  std::vector<admin::doctor::ListenerFacts> doors;
  for (const auto& [options, sockets] : listeners_) {
    if (options.module != "c2s") continue;
    const auto own = IpAddress::parse(admin::doctor::address_for_node(options.ip));
    doors.push_back({.ip = options.ip,
                     .port = sockets->port(),
                     .tls = options.tls,
                     .proxied = options.use_proxy_protocol,
                     .closed_to_node = options.use_proxy_protocol && !trusts_proxy(options, *own)});
  }
  return doors;
}

void Node::watch(Duration interval, std::function<void()> tell) {
  std::vector<EventLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  watchdog_ = std::make_unique<Watchdog>(std::move(loops), interval, std::move(tell));
  loops_[0]->post([this] { watchdog_->start(); });
}

void Node::run_on_first_worker(std::function<Task<void>(core::Server&)> work) {
  Latch done(1);
  loops_[0]->post([&] {
    const auto run = [](core::Server* server, const std::function<Task<void>(core::Server&)>* fn,
                        Latch* latch) -> Task<void> {
      co_await (*fn)(*server);
      latch->count_down();
    };
    server_->worker(0).gate().spawn(run(server_.get(), &work, &done));
  });
  done.wait();
}

Task<Result<std::string>> Node::leave_cluster() {
  stop_requested_();
  co_return "";
}

void Node::press(std::chrono::seconds within) {
  loops_[0]->post([this, within] { server_->drain().press(within); });
}

void Node::hurry() {
  server_->drain().hurry();
}

void Node::drain(const cloud::Order& order) {
  if (cluster_) cluster_->drain();
  config::DrainOptions options = config_->drain;
  if (order.until_us) {
    const std::chrono::microseconds left(*order.until_us - wall_clock_us());
    options = core::hurried(options, server_->session_count(),
                            std::chrono::floor<std::chrono::seconds>(left));
  } else if (order.what == cloud::Order::What::drain) {
    options = core::unhurried(options, server_->session_count());
  }
  const auto drained = std::make_shared<Latch>(loops_.size());
  const auto run = [](core::Drain* all, core::Worker* worker,
                      std::shared_ptr<Latch> done) -> Task<void> {
    co_await all->run(*worker);
    done->count_down();
  };
  core::Drain& all = server_->drain();
  all.begin(options);
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->post([worker = &server_->worker(i), &all, run, drained] {
      if (!worker->gate().spawn(run(&all, worker, drained))) drained->count_down();
    });
  }
  drained->wait_for(options.linger + options.deadline + kDrainGrace);
}

// By each event loop that still turns.
void Node::log_what_hangs() {
  const auto said = std::make_shared<Latch>(loops_.size());
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->post([worker = &server_->worker(i), said] {
      log::error("worker_hangs", {{"worker", worker->index()}, {"tasks", worker->gate().count()}});
      said->count_down();
    });
  }
  said->wait_for(kLastWords);
}

bool Node::stop(const cloud::Order& order) {
  if (threads_.empty()) return !cluster_ || cluster_->stop();
  drain(order);
  for (const auto& listener : listeners_) listener.sockets->close();
  store_->cancel_backups();

  // Shared, since what did not end in time may still count down.
  const auto streams = std::make_shared<Latch>(services_.size());
  for (std::size_t i = 0; i < services_.size(); ++i) {
    loops_[i]->post([service = services_[i].get(), streams] {
      service->shut_down([streams] { streams->count_down(); });
    });
  }
  if (!streams->wait_for(kStreamsDeadline)) log::warning("stop_streams_deadline_passed");
  // Behind the streams, some of which end over HTTP.
  const auto exchanges = std::make_shared<Latch>(http_services_.size());
  for (std::size_t i = 0; i < http_services_.size(); ++i) {
    loops_[i]->post([service = http_services_[i].get(), exchanges] {
      service->shut_down([exchanges] { exchanges->count_down(); });
    });
  }

  // What is under way on behalf of the streams that were, and on the ctl socket.
  const auto tasks = std::make_shared<Latch>(loops_.size() + 1);
  loops_[0]->post([this, tasks] {
    if (!ctl_) return tasks->count_down();
    ctl_->close([tasks] { tasks->count_down(); });
  });
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->post(
        [worker = &server_->worker(i), tasks] { worker->stop([tasks] { tasks->count_down(); }); });
  }
  if (!tasks->wait_for(kTasksDeadline) || !exchanges->wait_for(kTasksDeadline)) {
    log_what_hangs();
    return false;
  }
  if (cluster_ && !cluster_->stop()) return false;
  for (const auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  return true;
}

std::uint16_t Node::port_of_first_listener() const {
  return listeners_.empty() ? 0 : listeners_.front().sockets->port();
}

}  // namespace starling::starlingd
