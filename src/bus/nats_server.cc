#include "bus/nats_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "base/deadline.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "bus/child_process.h"
#include "bus/listen_address.h"
#include "bus/nats_config.h"
#include "bus/private_files.h"

namespace starling::bus {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartBound{10'000};
constexpr milliseconds kStopBound{2'000};
constexpr milliseconds kFirstBackOff{100};
constexpr milliseconds kLastBackOff{5'000};
// Who has served for so long starts with a short back-off again.
constexpr milliseconds kStable{10'000};
// Ports can be taken between our look and the child's.
constexpr int kPortAttempts = 5;
constexpr milliseconds kComplaintPeriod{10'000};

const IpAddress& loopback() {
  static const IpAddress address = *IpAddress::parse("127.0.0.1");
  return address;
}

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody changes it
  std::string folders = path != nullptr ? path : "";
  folders += ":/usr/sbin:/usr/bin:/usr/local/bin";
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    // Only absolute ones: what lies in the working folder is nothing to run.
    if (folders[begin] == '/') {
      std::string file = folders.substr(begin, end - begin) + "/" + std::string(name);
      if (::access(file.c_str(), X_OK) == 0) return file;
    }
    begin = end + 1;
  }
  return {};
}

bool is_plain(std::string_view secret) {
  return !secret.empty() && std::ranges::all_of(secret, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

metrics::Counter& restarts() {
  static metrics::Counter& counter = metrics::counter("starling_bus_server_restarts_total",
                                                      "Starts of the nats-server after its first");
  return counter;
}

}  // namespace

class NatsServer::Supervisor {
 public:
  explicit Supervisor(NatsServerOptions options)
      : options_(std::move(options)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        user_("node"),
        password_(random_token(26)),
        system_password_(random_token(26)) {}
  ~Supervisor() { stop(); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  Result<> start();
  void stop();
  void set_routes(const std::vector<std::string>& addresses);
  void restart();

  void on_moved(std::function<void(std::string)> moved) {
    const std::lock_guard lock(moved_mutex_);
    moved_ = std::move(moved);
  }
  [[nodiscard]] std::string url() const {
    const std::lock_guard lock(mutex_);
    return url_of(client_port_);
  }
  [[nodiscard]] const std::string& user() const { return user_; }
  [[nodiscard]] const std::string& password() const { return password_; }
  [[nodiscard]] std::string route_address() const {
    const std::lock_guard lock(mutex_);
    return here_.to_string();
  }
  [[nodiscard]] pid_t pid() const {
    const std::lock_guard lock(mutex_);
    return pid_;
  }

 private:
  enum class Event : std::uint8_t { output, exited, woken, timeout };

  static std::string url_of(std::uint16_t port) {
    return "nats://127.0.0.1:" + std::to_string(port);
  }
  [[nodiscard]] std::string file(std::string_view name) const {
    return options_.folder + "/" + std::string(name);
  }
  [[nodiscard]] bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  Result<> prepare();
  void wake() const;

  // On the thread.
  void run(std::promise<Result<>> started);
  Result<> launch();
  Result<> choose_ports();
  Result<> start_child();
  Result<> await_ready();
  void watch();
  void terminate();
  void pause(milliseconds time);
  Result<> write_config();
  void reload();
  Event wait(int timeout_ms);
  void take_output();
  void report(std::string_view line);
  void set_pid(pid_t pid);

  const NatsServerOptions options_;
  const FileDescriptor wake_;
  const std::string user_;
  const std::string password_;
  const std::string system_password_;
  std::string program_;

  std::mutex moved_mutex_;  // held while it is called
  std::function<void(std::string)> moved_;

  mutable std::mutex mutex_;
  std::uint16_t client_port_ = 0;  // guarded by mutex_, as are these
  ListenAddress here_;
  std::vector<ListenAddress> routes_;
  std::optional<Deadline> reload_at_;  // if the routes differ from what the child knows
  bool restart_ = false;
  bool stopping_ = false;
  pid_t pid_ = 0;

  // Of the thread.
  std::optional<ChildProcess> child_;
  std::string last_line_;
  bool takes_clients_ = false;
  bool takes_routes_ = false;
  bool has_served_ = false;
  std::optional<Deadline> quiet_;  // no further complaint is logged until then
  std::uint64_t not_logged_ = 0;

  std::optional<ThreadPool> thread_;
};

Result<> NatsServer::Supervisor::start() {
  if (auto prepared = prepare(); !prepared) return prepared;
  std::promise<Result<>> started;
  auto result = started.get_future();
  // The child is killed when the thread that started it ends, so it is this one, for all its life.
  thread_.emplace(1, "bus-server");
  thread_->submit([this, started = std::move(started)]() mutable { run(std::move(started)); });
  return result.get();
}

Result<> NatsServer::Supervisor::prepare() {
  const auto ip = IpAddress::parse(options_.ip);
  if (!ip) return fail(Errc::invalid, "address of the bus: " + options_.ip + " is no IP address");
  if (!is_plain(options_.secret)) {
    return fail(Errc::invalid, "secret of the bus: it may hold letters, digits, - and _ only");
  }
  program_ = options_.program.empty() ? find_program("nats-server") : options_.program;
  if (program_.empty()) {
    return fail(Errc::unavailable,
                "there is no nats-server on this machine, which carries messages between nodes: "
                "install it (Debian: apt install nats-server)");
  }
  {
    const std::lock_guard lock(mutex_);
    here_ = {*ip, options_.route_port};
  }
  if (auto made = make_private_folder(options_.folder); !made) return made;
  for (const auto& [name, text] :
       {std::pair{"certificate.pem", &options_.certificate}, std::pair{"key.pem", &options_.key},
        std::pair{"authority.pem", &options_.authority}}) {
    if (auto written = write_private_file(file(name), *text); !written) return written;
  }
  return {};
}

void NatsServer::Supervisor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.reset();
}

void NatsServer::Supervisor::set_routes(const std::vector<std::string>& addresses) {
  std::vector<ListenAddress> routes;
  for (const std::string& text : addresses) {
    if (const auto address = ListenAddress::parse(text)) {
      routes.push_back(*address);
    } else {
      log::warning("bus_route_invalid", {{"address", text}});
    }
  }
  std::ranges::sort(routes);
  routes.erase(std::ranges::unique(routes).begin(), routes.end());
  {
    const std::lock_guard lock(mutex_);
    std::erase(routes, here_);
    if (routes == routes_) return;
    routes_ = std::move(routes);
    reload_at_.emplace(options_.quiet);
  }
  wake();
}

void NatsServer::Supervisor::restart() {
  {
    const std::lock_guard lock(mutex_);
    restart_ = true;
  }
  wake();
}

void NatsServer::Supervisor::wake() const {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

void NatsServer::Supervisor::run(std::promise<Result<>> started) {
  Result<> launched = launch();
  const bool good = launched.has_value();
  started.set_value(std::move(launched));
  if (!good) return;
  milliseconds back_off = kFirstBackOff;
  for (;;) {
    const Deadline stable(kStable);
    watch();
    if (stopping()) return;
    if (stable.passed()) back_off = kFirstBackOff;
    for (;;) {
      pause(back_off);
      if (stopping()) return;
      back_off = std::min(back_off * 2, kLastBackOff);
      restarts().add();
      const Result<> again = launch();
      if (again) break;
      if (!stopping()) log::error("bus_server_not_started", {{"error", again.error().message}});
    }
  }
}

// Until it serves.
Result<> NatsServer::Supervisor::launch() {
  Result<> result;
  for (int i = 0; i < kPortAttempts && !stopping(); ++i) {
    const std::string before = url();
    if (result = choose_ports(); !result) return result;
    if (result = start_child(); result) result = await_ready();
    if (result) {
      log::info("bus_server_started",
                {{"pid", child_->pid()}, {"url", url()}, {"routes_at", route_address()}});
      if (const std::string now = url(); has_served_ && now != before) {
        const std::lock_guard lock(moved_mutex_);
        if (moved_) moved_(now);
      }
      has_served_ = true;
      return {};
    }
    child_.reset();
    set_pid(0);
    // Only where a port was lost in between is there a point in another attempt. Whoever took it
    // may have let go of it again.
    const std::lock_guard lock(mutex_);
    const bool lost = last_line_.contains("address already in use") || !can_listen(here_) ||
                      !can_listen({loopback(), client_port_});
    if (!lost) break;
    if (options_.route_port == 0 && !has_served_) here_.port = 0;
  }
  return result;
}

// Those of before, as long as they are free: others know them.
Result<> NatsServer::Supervisor::choose_ports() {
  const std::lock_guard lock(mutex_);
  if (here_.port != 0) {
    const auto free = can_listen(here_);
    const bool may_choose = options_.route_port == 0 && !has_served_;
    if (!free && !(may_choose && free.error().code == Errc::exists)) return free;
    if (!free) here_.port = 0;
  }
  if (here_.port == 0) {
    const auto port = free_port(here_.ip);
    if (!port) return std::unexpected(port.error());
    here_.port = *port;
    std::erase(routes_, here_);
  }
  if (client_port_ != 0 && can_listen({loopback(), client_port_})) return {};
  const auto port = free_port(loopback());
  if (!port) return std::unexpected(port.error());
  client_port_ = *port;
  return {};
}

Result<> NatsServer::Supervisor::start_child() {
  if (auto written = write_config(); !written) return written;
  auto child = ChildProcess::start(program_, {"-c", file("nats-server.conf")});
  if (!child) return std::unexpected(child.error());
  child_.emplace(std::move(*child));
  last_line_.clear();
  takes_clients_ = false;
  takes_routes_ = false;
  {
    const std::lock_guard lock(mutex_);
    restart_ = false;
  }
  set_pid(child_->pid());
  return {};
}

Result<> NatsServer::Supervisor::await_ready() {
  const Deadline deadline(kStartBound);
  while (!takes_clients_ || !takes_routes_) {
    const Event event = wait(deadline.left_ms());
    if (event == Event::exited) {
      take_output();
      return fail(Errc::unavailable,
                  program_ + " does not start: " + child_->reap() + ": " + last_line_);
    }
    if (event == Event::timeout) {
      return fail(Errc::timeout, program_ + " does not serve: " + last_line_);
    }
    if (stopping()) return fail(Errc::unavailable, "stopped while it was starting");
  }
  return {};
}

// Until it exits, or is to be started anew or not to run any more; then there is no child.
void NatsServer::Supervisor::watch() {
  const Deadline settled(options_.quiet);
  for (;;) {
    int reload_in_ms = -1;  // never
    bool end = false;
    {
      const std::lock_guard lock(mutex_);
      end = stopping_ || restart_;
      if (reload_at_) reload_in_ms = std::max(reload_at_->left_ms(), settled.left_ms());
    }
    if (end) return terminate();
    if (reload_in_ms == 0) {
      reload();
      continue;
    }
    if (wait(reload_in_ms) != Event::exited) continue;
    take_output();
    const std::string how = child_->reap();
    set_pid(0);
    child_.reset();
    log::error("bus_server_exited", {{"how", how}, {"last_line", last_line_}});
    return;
  }
}

void NatsServer::Supervisor::terminate() {
  child_->signal(SIGTERM);
  const Deadline deadline(kStopBound);
  Event event = Event::output;
  while (event != Event::exited && !deadline.passed()) event = wait(deadline.left_ms());
  set_pid(0);
  child_.reset();  // and if it has not exited, it is killed
  log::info("bus_server_stopped");
}

void NatsServer::Supervisor::pause(milliseconds time) {
  const Deadline deadline(time);
  while (!deadline.passed() && !stopping()) wait(deadline.left_ms());
}

Result<> NatsServer::Supervisor::write_config() {
  NatsConfig config{.name = options_.name,
                    .cluster = options_.cluster,
                    .user = user_,
                    .password = password_,
                    .system_password = system_password_,
                    .secret = options_.secret,
                    .certificate_file = file("certificate.pem"),
                    .key_file = file("key.pem"),
                    .authority_file = file("authority.pem")};
  {
    const std::lock_guard lock(mutex_);
    config.client_port = client_port_;
    config.routes_at = here_;
    config.routes = routes_;
    reload_at_.reset();
  }
  return write_private_file(file("nats-server.conf"), to_text(config));
}

void NatsServer::Supervisor::reload() {
  if (const auto written = write_config(); !written) {
    log::error("bus_routes_not_changed", {{"error", written.error().message}});
    return;
  }
  child_->signal(SIGHUP);
  log::info("bus_routes_changed");
}

// Takes output as it comes.
NatsServer::Supervisor::Event NatsServer::Supervisor::wait(int timeout_ms) {
  std::array<pollfd, 3> events{{{.fd = wake_.get(), .events = POLLIN},
                                {.fd = child_ ? child_->exit_event() : -1, .events = POLLIN},
                                {.fd = child_ ? child_->output() : -1, .events = POLLIN}}};
  const int ready = ::poll(events.data(), events.size(), timeout_ms);
  if (ready <= 0) return ready < 0 && errno == EINTR ? Event::output : Event::timeout;
  if (events[2].revents != 0) take_output();
  if (events[0].revents != 0) {
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_.get(), &count, sizeof count));
    return Event::woken;
  }
  return events[1].revents != 0 ? Event::exited : Event::output;
}

void NatsServer::Supervisor::take_output() {
  child_->read_lines([this](std::string_view line) { report(line); });
}

// A line is "[PID] [INF] Text", or anything at all before it has read its configuration.
void NatsServer::Supervisor::report(std::string_view line) {
  if (line.empty()) return;
  last_line_ = line;
  if (line.contains("Listening for client connections on")) takes_clients_ = true;
  if (line.contains("Listening for route connections on")) takes_routes_ = true;
  log::debug("bus_server_output", {{"line", line}});
  if (!line.contains("[ERR]") && !line.contains("[FTL]")) return;
  // As when a node with another secret tries to connect, again and again.
  if (quiet_ && !quiet_->passed()) {
    ++not_logged_;
    return;
  }
  quiet_.emplace(kComplaintPeriod);
  log::warning("bus_server_complains",
               {{"line", line}, {"not_logged", std::exchange(not_logged_, 0)}});
}

void NatsServer::Supervisor::set_pid(pid_t pid) {
  const std::lock_guard lock(mutex_);
  pid_ = pid;
}

NatsServer::NatsServer(NatsServerOptions options)
    : supervisor_(std::make_unique<Supervisor>(std::move(options))) {}

NatsServer::~NatsServer() = default;

void NatsServer::on_moved(std::function<void(std::string)> moved) {
  supervisor_->on_moved(std::move(moved));
}

Result<> NatsServer::start() {
  return supervisor_->start();
}

void NatsServer::stop() {
  supervisor_->stop();
}

void NatsServer::set_routes(const std::vector<std::string>& addresses) {
  supervisor_->set_routes(addresses);
}

void NatsServer::restart() {
  supervisor_->restart();
}

std::string NatsServer::url() const {
  return supervisor_->url();
}

const std::string& NatsServer::user() const {
  return supervisor_->user();
}

const std::string& NatsServer::password() const {
  return supervisor_->password();
}

std::string NatsServer::route_address() const {
  return supervisor_->route_address();
}

pid_t NatsServer::pid() const {
  return supervisor_->pid();
}

}  // namespace starling::bus
