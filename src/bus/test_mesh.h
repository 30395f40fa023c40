// What the tests of bus/ share: nodes with a nats-server and a bus each, on loopback addresses.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <condition_variable>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/random.h"
#include "bus/cluster_certificates.h"
#include "bus/nats_bus.h"
#include "bus/nats_server.h"
#include "net/test_support.h"

namespace starling::bus::test {

inline constexpr std::chrono::milliseconds kPatience{60'000};

// For what sends no event: looks again and again. False if it does not come true.
inline bool eventually(const std::function<bool()>& condition) {
  const Deadline deadline(kPatience);
  while (!condition()) {
    if (deadline.passed()) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

inline bool is_running(pid_t pid) {
  return ::kill(pid, 0) == 0;
}

// What the members of one cluster have in common.
struct Secrets {
  CertifiedKey authority = make_authority().value();
  std::string secret = random_token(26);
  std::string cluster = "test";
};

inline NatsServerOptions server_options(const Secrets& secrets, const std::string& folder,
                                        const std::string& ip) {
  CertifiedKey own = make_certificate(secrets.authority, ip).value();
  return {.folder = folder,
          .ip = ip,
          .name = random_token(16),
          .cluster = secrets.cluster,
          .secret = secrets.secret,
          .certificate = std::move(own.certificate),
          .key = std::move(own.key),
          .authority = secrets.authority.certificate};
}

// Frames in the order they came, for the test's thread to wait for.
class Frames {
 public:
  void add(std::string_view frame) {
    const std::lock_guard lock(mutex_);
    frames_.emplace_back(frame);
    changed_.notify_all();
  }
  // Once `enough` holds for all that came so far.
  bool wait(const std::function<bool(const std::vector<std::string>&)>& enough,
            std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return enough(frames_); });
  }
  bool wait_for(const std::string& frame, std::chrono::milliseconds patience = kPatience) {
    return wait([&](const auto& all) { return std::ranges::find(all, frame) != all.end(); },
                patience);
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return frames_;
  }
  // Those that begin so.
  std::vector<std::string> like(std::string_view prefix) {
    auto found = all();
    std::erase_if(found, [&](const std::string& frame) { return !frame.starts_with(prefix); });
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> frames_;
};

// A bus on a loop's thread.
class BusUser {
 public:
  BusUser(net::test::LoopThread& loop, NodeId id, const NatsServer& server,
          const std::function<void()>& redial = {})
      : BusUser(loop, id,
                {.urls = {server.url()},
                 .user = server.user(),
                 .password = server.password(),
                 .redial = redial}) {}
  BusUser(net::test::LoopThread& loop, NodeId id, NatsBusOptions options) : loop_(loop), id_(id) {
    loop_.run([&] {
      bus_ = std::make_unique<NatsBus>(loop_.loop(), id, std::move(options));
      bus_->on_frame([this](std::string_view frame) { frames_.add(frame); });
    });
  }
  ~BusUser() { close(); }
  BusUser(const BusUser&) = delete;
  BusUser& operator=(const BusUser&) = delete;

  void close() {
    loop_.run([this] { bus_.reset(); });
  }
  void send(NodeId to, std::string_view frame) {
    loop_.run([&] { bus_->send(to, frame); });
  }
  void broadcast(std::string_view frame) {
    loop_.run([&] { bus_->broadcast(frame); });
  }
  [[nodiscard]] bool connected() {
    return loop_.run([this] { return bus_->connected(); });
  }
  [[nodiscard]] NatsBus& bus() { return *bus_; }
  [[nodiscard]] Frames& frames() { return frames_; }
  [[nodiscard]] NodeId id() const { return id_; }

 private:
  net::test::LoopThread& loop_;
  const NodeId id_;
  Frames frames_;
  std::unique_ptr<NatsBus> bus_;
};

// Waits until frames reach `to`, so that there is a route, and its subscriptions are known.
inline bool reaches(BusUser& from, BusUser& to) {
  const std::string probe = "probe " + random_token(10);
  const Deadline deadline(kPatience);
  while (!deadline.passed()) {
    from.send(to.id(), probe);
    if (to.frames().wait_for(probe, std::chrono::milliseconds(20))) break;
  }
  // Subscriptions come in order, but this one may be the first of the two.
  const std::string to_all = "probe " + random_token(10);
  while (!deadline.passed()) {
    from.broadcast(to_all);
    if (to.frames().wait_for(to_all, std::chrono::milliseconds(20))) return true;
  }
  return false;
}

// A node: its server, and a bus on it.
struct Node {
  Node(net::test::LoopThread& loop, const Secrets& secrets, NodeId id, const std::string& folder,
       const std::string& ip, const std::vector<std::string>& routes)
      : server(server_options(secrets, folder, ip)) {
    server.set_routes(routes);
    const auto started = server.start();
    EXPECT_TRUE(started) << started.error().message;
    user.emplace(loop, id, server, [this] { server.restart(); });
  }

  NatsServer server;
  std::optional<BusUser> user;
};

inline bool all_reach_all(const std::vector<Node*>& nodes) {
  for (Node* from : nodes) {
    for (Node* to : nodes) {
      if (from != to && !reaches(*from->user, *to->user)) return false;
    }
  }
  return true;
}

}  // namespace starling::bus::test
