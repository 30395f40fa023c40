#include "net/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "net/test_support.h"

namespace starling::net {
namespace {

using test::LoopThread;
using test::Recorder;
using testing::HasSubstr;

constexpr std::chrono::milliseconds kTick{5};

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

// Below what the kernel gives to connections and to those who bind port 0, so that none of them
// takes it between this moment and the one when it is used.
std::uint16_t free_port() {
  static auto next = static_cast<std::uint16_t>(9'000 + ::getpid() % 2'000);
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  do {
    address.sin_port = htons(++next);
  } while (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
           next < 12'000);
  return next;
}

TEST(Listener, RunningLoops_DoNotHoldThePort) {
  LoopThread one;
  LoopThread two;
  std::vector<std::unique_ptr<Listener>> listeners;
  for (int i = 0; i < 400; ++i) {
    auto listener = Listener::open({&one.loop(), &two.loop()}, "::", free_port(),
                                   [](std::size_t, std::shared_ptr<SocketConnection>) {});
    ASSERT_TRUE(listener.has_value()) << i << ": " << listener.error().message;
    (*listener)->close();
    listeners.push_back(*std::move(listener));
  }
  one.finish_turn();
  two.finish_turn();
}

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

// Keeps what a listener accepts, and records what it says.
class Guests {
 public:
  Listener::OnAccept keep() {
    return [this](std::size_t, std::shared_ptr<SocketConnection> connection) {
      std::lock_guard lock(mutex_);
      Guest& guest = guests_.emplace_back();
      guest.connection = std::move(connection);
      guest.connection->set_handler(guest.recorder.get());
      guest.connection->start(nullptr);
      changed_.notify_all();
    };
  }
  struct Guest {
    std::shared_ptr<SocketConnection> connection;
    std::unique_ptr<Recorder> recorder = std::make_unique<Recorder>();
  };
  // The one that came as number `index`.
  Guest& wait_for(std::size_t index) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, test::kPatience, [&] { return guests_.size() > index; }));
    return guests_.at(index);
  }
  std::size_t count() {
    std::lock_guard lock(mutex_);
    return guests_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Guest> guests_;
};

std::uint64_t refused(const std::string& reason) {
  return metrics::counter("starling_connections_refused_total", "", {{"reason", reason}}).value();
}
std::uint64_t invalid_headers() {
  return metrics::counter("starling_proxy_headers_invalid_total", "").value();
}

class ListenerLimitsTest : public testing::Test {
 protected:
  ~ListenerLimitsTest() override {
    worker_.run([&] {
      for (std::size_t i = 0; i < guests_.count(); ++i) guests_.wait_for(i).connection->abort();
      return 0;
    });
    for (std::size_t i = 0; i < guests_.count(); ++i) guests_.wait_for(i).recorder->wait_for_end();
    if (listener_) listener_->close();
    worker_.finish_turn();
    worker_.stop();
  }
  void open(ListenerOptions options) {
    listener_ = *Listener::open({&worker_.loop()}, "127.0.0.1", 0, guests_.keep(), options);
  }
  // A connection that begins with these bytes.
  test::PeerSocket connect(std::string_view bytes = "") {
    test::PeerSocket peer = test::connect_tcp(listener_->port());
    peer.send(bytes);
    return peer;
  }
  // True if the server ends it without a word.
  static bool is_closed(const test::PeerSocket& peer) {
    const auto bytes = peer.receive();
    return !bytes || bytes->empty();
  }

  LoopThread worker_;
  Guests guests_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(ListenerLimitsTest, TooManyConnections_AreClosedUntilOneEnds) {
  const auto before = refused("max_connections");
  open({.connections = {.connections = 2}});
  const auto one = connect();
  auto two = connect();
  guests_.wait_for(1);
  EXPECT_TRUE(is_closed(connect()));
  EXPECT_TRUE(is_closed(connect()));
  EXPECT_EQ(refused("max_connections"), before + 2);
  two.close();
  ASSERT_TRUE(guests_.wait_for(1).recorder->wait_for_end());
  const auto again = connect("hello");
  EXPECT_EQ(guests_.wait_for(2).recorder->wait_for_data(5), "hello");
}

TEST_F(ListenerLimitsTest, TooManyOfOneAddress_AreClosed) {
  const auto before = refused("max_connections_per_address");
  open({.connections = {.per_address = 1}, .proxy_protocol = true});
  const auto one = connect("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n");
  guests_.wait_for(0);
  EXPECT_TRUE(is_closed(connect("PROXY TCP4 192.0.2.1 198.51.100.1 3 2\r\n")));
  EXPECT_EQ(refused("max_connections_per_address"), before + 1);
  const auto other = connect("PROXY TCP4 192.0.2.2 198.51.100.1 3 2\r\n");
  EXPECT_EQ(guests_.wait_for(1).connection->remote_address(), "192.0.2.2");
}

TEST_F(ListenerLimitsTest, NewOptions_ActOnTheNextConnection) {
  open({});
  const auto one = connect();
  guests_.wait_for(0);
  listener_->set_options({.connections = {.connections = 1}});
  EXPECT_TRUE(is_closed(connect()));
  listener_->set_options({});
  const auto two = connect();
  guests_.wait_for(1);
}

TEST_F(ListenerLimitsTest, ProxyHeader_NamesTheClientAndWhatFollowsIsTheClients) {
  open({.proxy_protocol = true});
  const auto whole = connect("PROXY TCP6 2001:db8::7 2001:db8::1 56324 5222\r\n<stream>");
  auto& first = guests_.wait_for(0);
  EXPECT_EQ(first.connection->remote_address(), "2001:db8::7");
  EXPECT_EQ(first.connection->remote_port(), 56324);
  EXPECT_EQ(first.recorder->wait_for_data(8), "<stream>");

  const auto pieces = connect();
  for (const char c : std::string("PROXY TCP4 192.0.2.1 198.51.100.1 9 5222\r\n<s>")) {
    ASSERT_TRUE(pieces.send({&c, 1}));
  }
  auto& second = guests_.wait_for(1);
  EXPECT_EQ(second.connection->remote_address(), "192.0.2.1");
  EXPECT_EQ(second.recorder->wait_for_data(3), "<s>");
}

TEST_F(ListenerLimitsTest, ProxyThatSpeaksForItself_IsTheClient) {
  open({.proxy_protocol = true});
  const auto check = connect("PROXY UNKNOWN\r\n");
  EXPECT_EQ(guests_.wait_for(0).connection->remote_address(), "127.0.0.1");
}

TEST_F(ListenerLimitsTest, WithoutAValidProxyHeader_IsClosed) {
  const auto before = invalid_headers();
  open({.proxy_protocol = true});
  EXPECT_TRUE(is_closed(connect("<?xml version='1.0'?><stream:stream")));
  EXPECT_TRUE(is_closed(connect("PROXY TCP4 nobody nowhere 1 2\r\n")));
  EXPECT_EQ(invalid_headers(), before + 2);
  const auto half = connect("PROXY TC");
  half.shut_down_sending();
  EXPECT_TRUE(is_closed(half));
  EXPECT_EQ(invalid_headers(), before + 3);
  // A look at the port only.
  const auto nothing = connect();
  nothing.shut_down_sending();
  EXPECT_TRUE(is_closed(nothing));
  EXPECT_EQ(invalid_headers(), before + 3);
  EXPECT_EQ(guests_.count(), 0U);
}

TEST_F(ListenerLimitsTest, ProxyThatIsNotTrusted_IsClosed) {
  const auto before = invalid_headers();
  open({.proxy_protocol = true, .trusts_proxy = [](const boost::asio::ip::address& address) {
          return address.to_string() != "127.0.0.1";
        }});
  EXPECT_TRUE(is_closed(connect("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n")));
  EXPECT_EQ(invalid_headers(), before + 1);
  EXPECT_EQ(guests_.count(), 0U);
}

// Descriptors that can still be had.
std::size_t files_left() {
  std::vector<int> taken;
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.push_back(fd);
  for (const int fd : taken) ::close(fd);
  return taken.size();
}

// In a process of its own, since it limits its descriptors.
[[noreturn]] void accept_up_to_the_reserve() {
  constexpr std::size_t kPeers = 20;
  constexpr std::uint32_t kReserved = 24;
  const rlimit few{.rlim_cur = 64, .rlim_max = 64};
  ::setrlimit(RLIMIT_NOFILE, &few);
  IoLoop loop;
  std::size_t accepted = 0;
  std::vector<std::shared_ptr<SocketConnection>> held;
  ListenerOptions options;
  options.reserved_files = kReserved;
  const auto listener = Listener::open(
      {&loop}, "127.0.0.1", 0,
      [&](std::size_t, const std::shared_ptr<SocketConnection>& connection) {
        held.push_back(connection);
        if (++accepted == kPeers) std::_Exit(0);  // not through destructors: the loop is running
      },
      options);
  std::vector<test::PeerSocket> peers;
  for (std::size_t i = 0; i < kPeers; ++i) peers.push_back(test::connect_tcp((*listener)->port()));
  const auto& pauses = metrics::counter("starling_accept_pauses_total", "");
  // As often as it takes: how many are accepted at a time depends on what this process inherited.
  std::function<void()> look = [&] {
    if (pauses.value() > 0) {
      if (accepted == 0 || files_left() < kReserved - 2) std::_Exit(2);
      for (const auto& connection : std::exchange(held, {})) connection->abort();
    }
    loop.run_after(kTick, look);
  };
  loop.post(look);
  loop.run();
  std::_Exit(3);
}

TEST(ListenerDeathTest, ReservedDescriptors_AreLeftAloneAndAcceptingGoesOn) {
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "this sanitizer needs a pipe to look at an object: without one it cries wolf";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(accept_up_to_the_reserve(), testing::ExitedWithCode(0),
              "accepting_paused.*file descriptors");
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
  const auto& pauses = metrics::counter("starling_accept_pauses_total", "");
  std::function<void()> look = [&] {
    if (pauses.value() == 0) return static_cast<void>(loop.run_after(kTick, look));
    for (const int fd : taken) ::close(fd);
    freed = true;
  };
  loop.post(look);
  loop.run();
  std::_Exit(3);
}

TEST(ListenerDeathTest, OutOfDescriptors_AcceptsAgainOnceThereAreSome) {
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "this sanitizer needs a pipe to look at an object: without one it cries wolf";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(accept_without_descriptors(), testing::ExitedWithCode(0),
              "accepting_paused.*file descriptors");
}

}  // namespace
}  // namespace starling::net
