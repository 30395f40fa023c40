#include "net/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "net/test_support.h"

namespace starling::net {
namespace {

using test::LoopThread;
using testing::HasSubstr;

// Keeps what a listener accepts.
class Accepted {
 public:
  Listener::OnAccept keep() {
    return [this](std::size_t worker, std::shared_ptr<SocketConnection> connection) {
      std::lock_guard lock(mutex_);
      workers_.insert(worker);
      addresses_.push_back(connection->remote_address());
      ++count_;
      changed_.notify_all();
      connection->abort();
    };
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, test::kPatience, [&] { return count_ >= count; });
  }
  std::set<std::size_t> workers() {
    std::lock_guard lock(mutex_);
    return workers_;
  }
  std::vector<std::string> addresses() {
    std::lock_guard lock(mutex_);
    return addresses_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
  std::set<std::size_t> workers_;
  std::vector<std::string> addresses_;
};

TEST(Listener, TwoLoops_ShareOnePort) {
  Accepted accepted;
  LoopThread one;
  LoopThread two;
  const auto listener = Listener::open({&one.loop(), &two.loop()}, "127.0.0.1", 0, accepted.keep());
  ASSERT_TRUE(listener.has_value());
  ASSERT_NE((*listener)->port(), 0);
  // The kernel spreads them by their ports; that 64 fall to one of two is beyond belief.
  std::vector<test::PeerSocket> peers;
  for (int i = 0; i < 64; ++i) peers.push_back(test::connect_tcp((*listener)->port()));
  ASSERT_TRUE(accepted.wait_for(64));
  EXPECT_EQ(accepted.workers(), (std::set<std::size_t>{0, 1}));
  (*listener)->close();
  one.finish_turn();
  two.finish_turn();
}

TEST(Listener, PortInUse_IsRefusedWithAddressAndCause) {
  Accepted accepted;
  LoopThread worker;
  const auto first = Listener::open({&worker.loop()}, "127.0.0.1", 0, accepted.keep());
  ASSERT_TRUE(first.has_value());
  const std::uint16_t port = (*first)->port();
  LoopThread other;
  const auto second = Listener::open({&other.loop()}, "127.0.0.1", port, accepted.keep());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_THAT(second.error().message,
              HasSubstr("127.0.0.1 port " + std::to_string(port) + ": Address already in use"));
  (*first)->close();
  worker.finish_turn();
  const auto third = Listener::open({&other.loop()}, "127.0.0.1", port, accepted.keep());
  EXPECT_TRUE(third.has_value());
  (*third)->close();
  other.finish_turn();
}

TEST(Listener, AnyIPv6Address_TakesIPv4AndNamesItPlainly) {
  Accepted accepted;
  LoopThread worker;
  const auto listener = Listener::open({&worker.loop()}, "::", 0, accepted.keep());
  if (!listener) GTEST_SKIP() << "no IPv6 here: " << listener.error().message;
  const test::PeerSocket peer = test::connect_tcp((*listener)->port());
  ASSERT_TRUE(accepted.wait_for(1));
  EXPECT_EQ(accepted.addresses(), std::vector<std::string>{"127.0.0.1"});
  (*listener)->close();
  worker.finish_turn();
}

TEST(Listener, NotAnAddress_IsRefused) {
  LoopThread worker;
  const auto listener = Listener::open({&worker.loop()}, "localhost", 0, {});
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().message, "listen: 'localhost' is not an IP address");
  const auto foreign = Listener::open({&worker.loop()}, "192.0.2.1", 0, {});
  ASSERT_FALSE(foreign.has_value());
  EXPECT_THAT(foreign.error().message, HasSubstr("cannot bind 192.0.2.1"));
}

TEST(Listener, Closed_RefusesNewConnections) {
  Accepted accepted;
  LoopThread worker;
  const auto listener = Listener::open({&worker.loop()}, "127.0.0.1", 0, accepted.keep());
  ASSERT_TRUE(listener.has_value());
  (*listener)->close();
  worker.finish_turn();
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons((*listener)->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
}

// In a process of its own, since it uses up all file descriptors.
[[noreturn]] void accept_without_descriptors() {
  IoLoop loop;
  bool freed = false;
  const auto listener = Listener::open(
      {&loop}, "127.0.0.1", 0, [&](std::size_t, const std::shared_ptr<SocketConnection>&) {
        std::_Exit(freed ? 0 : 2);  // not through destructors: the loop is running
      });
  const test::PeerSocket peer = test::connect_tcp((*listener)->port());
  const rlimit few{.rlim_cur = 64, .rlim_max = 64};
  ::setrlimit(RLIMIT_NOFILE, &few);
  std::vector<int> taken;
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.push_back(fd);
  // Behind the first attempt to accept, which open() has posted.
  loop.post([&] {
    for (const int fd : taken) ::close(fd);
    freed = true;
  });
  loop.run();
  std::_Exit(3);
}

TEST(ListenerDeathTest, OutOfDescriptors_AcceptsAgainOnceThereAreSome) {
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "this sanitizer needs a pipe to look at an object: without one it cries wolf";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(accept_without_descriptors(), testing::ExitedWithCode(0),
              "accept_failed.*Too many open files");
}

}  // namespace
}  // namespace starling::net
