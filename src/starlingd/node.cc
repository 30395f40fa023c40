#include "starlingd/node.h"

#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "modules/registry.h"
#include "store/sqlite.h"

namespace starling::starlingd {

namespace {

constexpr std::chrono::seconds kStopDeadline{10};

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

std::string cert_path(const Config& config, const std::string& host) {
  return config.data_dir + "/certs/" + host + ".pem";
}

}  // namespace

Node::Node(Config config, std::function<void()> stop)
    : config_(std::move(config)), stop_requested_(std::move(stop)) {}

Node::~Node() = default;

Result<> Node::start() {
  std::error_code error;
  std::filesystem::create_directories(config_.data_dir, error);
  if (error) {
    return fail(Errc::unavailable, config_.data_dir + ": cannot be made: " + error.message() +
                                       " (data_dir must be a folder the server may write)");
  }
  ::chmod(config_.data_dir.c_str(), 0700);

  net::TlsContext::Table certificates;
  if (auto loaded = load_certificates(certificates); !loaded) return loaded;
  tls_ = std::make_shared<net::TlsContext>(std::move(certificates));

  auto store = store::open_sqlite(config_.data_dir + "/starling.db");
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);

  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t workers = config_.workers != 0 ? config_.workers : cores;
  pool_ = std::make_unique<ThreadPool>(std::max<std::size_t>(1, cores / 2), "starling-crypto");
  std::vector<EventLoop*> loops;
  for (std::size_t i = 0; i < workers; ++i) {
    loops_.push_back(std::make_unique<net::IoLoop>());
    loops.push_back(loops_.back().get());
  }
  server_ = std::make_unique<core::Server>(*store_, *pool_, config_.hosts, modules::all(), loops);
  for (std::size_t i = 0; i < workers; ++i) {
    services_.push_back(std::make_unique<stream::C2sService>(server_->worker(i), services_));
  }
  start_threads();

  Result<> prepared;
  run_on_first_worker([&prepared](core::Server& server) -> Task<void> {
    prepared = co_await server.authenticator().prepare();
  });
  if (!prepared) return prepared;

  admin_ = std::make_unique<admin::Admin>(*server_, stop_requested_);
  auto ctl = admin::CtlSocket::open(*loops_[0], config_.ctl_socket, *admin_);
  if (!ctl) return std::unexpected(ctl.error());
  ctl_ = std::move(*ctl);
  return start_listeners();
}

void Node::start_threads() {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->post([service = services_[i].get()] { service->start(); });
    threads_.emplace_back([loop = loops_[i].get()] { loop->run(); });
    pthread_setname_np(threads_.back().native_handle(), ("worker-" + std::to_string(i)).c_str());
  }
}

Result<> Node::load_certificates(net::TlsContext::Table& table) {
  const std::vector<std::string> alpn{"xmpp-client"};
  for (const auto& file : config_.certfiles) {
    auto certificate = net::Certificate::load(file, alpn);
    if (!certificate) return std::unexpected(certificate.error());
    if ((*certificate)->not_after() < std::time(nullptr)) {
      log::warning("certificate_expired", {{"file", file}});
    }
    table.push_back(std::move(*certificate));
  }
  for (const auto& host : config_.hosts) {
    const bool covered = std::ranges::any_of(
        table, [&](const auto& certificate) { return certificate->matches(host); });
    if (covered) continue;
    const std::string path = cert_path(config_, host);
    if (!std::filesystem::exists(path)) {
      std::error_code ignored;
      std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
      if (auto made = net::make_self_signed(path, host); !made) return made;
      log::warning("certificate_self_signed",
                   {{"host", host}, {"file", path}, {"advice", "name a real one in certfiles"}});
    }
    auto certificate = net::Certificate::load(path, alpn);
    if (!certificate) return std::unexpected(certificate.error());
    table.push_back(std::move(*certificate));
  }
  return {};
}

Result<> Node::start_listeners() {
  std::vector<net::IoLoop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  for (const auto& listen : config_.listen) {
    auto options = std::make_shared<stream::C2sOptions>();
    options->tls = tls_;
    options->direct_tls = listen.tls;
    options->starttls_required = listen.starttls_required;
    const std::shared_ptr<const stream::C2sOptions> shared = std::move(options);
    auto listener = net::Listener::open(
        loops, listen.ip, listen.port,
        [this, shared](std::size_t worker, std::shared_ptr<net::SocketConnection> connection) {
          services_[worker]->accept(connection, shared);
          connection->start(shared->direct_tls ? shared->tls : nullptr);
        });
    if (!listener) return std::unexpected(listener.error());
    log::info("listening", {{"module", listen.module},
                            {"tls", listen.tls ? "direct" : "starttls"},
                            {"address", listen.ip},
                            {"port", (*listener)->port()}});
    listeners_.push_back(std::move(*listener));
  }
  return {};
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

Result<> Node::reload_certificates() {
  net::TlsContext::Table table;
  if (auto loaded = load_certificates(table); !loaded) return loaded;
  tls_->replace(std::move(table));
  log::info("certificates_reloaded");
  return {};
}

void Node::stop() {
  if (threads_.empty()) return;
  for (const auto& listener : listeners_) listener->close();

  Latch streams(services_.size());
  for (std::size_t i = 0; i < services_.size(); ++i) {
    loops_[i]->post([&, i] { services_[i]->shut_down([&streams] { streams.count_down(); }); });
  }
  if (!streams.wait_for(kStopDeadline)) log::warning("stop_deadline_passed");

  // What is under way on behalf of the streams that were, and on the ctl socket.
  Latch tasks(loops_.size() + 1);
  loops_[0]->post([&] {
    if (ctl_) {
      ctl_->close([&tasks] { tasks.count_down(); });
    } else {
      tasks.count_down();
    }
  });
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->post([&, i] { server_->worker(i).gate().close([&tasks] { tasks.count_down(); }); });
  }
  tasks.wait();
  for (const auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

std::uint16_t Node::port_of_first_listener() const {
  return listeners_.empty() ? 0 : listeners_.front()->port();
}

}  // namespace starling::starlingd
