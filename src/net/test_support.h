// What the tests of net/ share: a loop in a thread, a handler that records, and the far end of a
// socket as a client program sees it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/temporary_folder.h"
#include "net/io_loop.h"
#include "net/socket_connection.h"

namespace starling::net::test {

// How long a test waits for what must come before it calls it lost.
inline constexpr std::chrono::seconds kPatience{60};

class LoopThread {
 public:
  LoopThread() : thread_([this] { loop_.run(); }) {}
  ~LoopThread() { stop(); }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  [[nodiscard]] IoLoop& loop() { return loop_; }
  void stop() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }

  // Runs `fn` on the loop and waits for its result.
  template <class Fn>
  auto run(Fn fn) {
    std::packaged_task<std::invoke_result_t<Fn>()> task(std::move(fn));
    auto result = task.get_future();
    loop_.post([&task] { task(); });
    return result.get();
  }
  // Waits until the turn that is running now is over.
  void finish_turn() {
    std::promise<void> over;
    loop_.post([this, &over] { loop_.at_turn_end([&over] { over.set_value(); }); });
    over.get_future().wait();
  }

 private:
  IoLoop loop_;
  // Tests stand in for the composition root.
  std::thread thread_;  // lint: allow(thread) because this is for tests
};

// Records what a connection hands up; the test's thread waits for it.
class Recorder final : public ConnectionHandler {
 public:
  // Runs on the loop, with each piece of data.
  std::function<void(std::string_view)> also_on_data;

  void on_data(std::string_view bytes) override {
    if (also_on_data) also_on_data(bytes);
    std::lock_guard lock(mutex_);
    data_ += bytes;
    changed_.notify_all();
  }
  void on_tls_established() override {
    std::lock_guard lock(mutex_);
    secure_ = true;
    changed_.notify_all();
  }
  void on_disconnected(CloseReason reason, std::string_view detail) override {
    std::lock_guard lock(mutex_);
    ++ends_;
    reason_ = reason;
    detail_ = detail;
    changed_.notify_all();
  }

  // All data so far, once it is `bytes` long or the connection is over.
  std::string wait_for_data(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return data_.size() >= bytes || reason_; });
    return data_;
  }
  bool wait_for_tls() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return secure_; });
  }
  std::optional<CloseReason> wait_for_end() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return reason_.has_value(); });
    return reason_;
  }
  std::string detail() {
    std::lock_guard lock(mutex_);
    return detail_;
  }
  int ends() {
    std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string data_;
  bool secure_ = false;
  int ends_ = 0;
  std::optional<CloseReason> reason_;
  std::string detail_;
};

// The far end of a connection, with blocking calls.
class PeerSocket {
 public:
  explicit PeerSocket(int fd) : fd_(fd) {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  PeerSocket(PeerSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  PeerSocket& operator=(PeerSocket&&) = delete;
  ~PeerSocket() { close(); }

  [[nodiscard]] int fd() const { return fd_; }
  // False if the connection takes no more.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // What one recv() gives; "" at the end of the stream, nullopt on an error.
  [[nodiscard]] std::optional<std::string> receive(std::size_t at_most = 65'536) const {
    std::string bytes(at_most, '\0');
    const ssize_t n = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (n < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(n));
    return bytes;
  }
  [[nodiscard]] std::string receive_exactly(std::size_t count) const {
    std::string all;
    while (all.size() < count) {
      const auto bytes = receive(count - all.size());
      if (!bytes || bytes->empty()) break;
      all += *bytes;
    }
    return all;
  }
  // Everything up to the server's FIN; nullopt if it ends in another way.
  [[nodiscard]] std::optional<std::string> receive_to_end() const {
    std::string all;
    for (;;) {
      const auto bytes = receive();
      if (!bytes) return std::nullopt;
      if (bytes->empty()) return all;
      all += *bytes;
    }
  }
  void shut_down_sending() const { ::shutdown(fd_, SHUT_WR); }
  // Closes with RST (TCP).
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// The server's end and the peer's end of a TCP connection over loopback.
struct TcpPair {
  int server;
  PeerSocket peer;
};
inline PeerSocket connect_tcp(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return PeerSocket(fd);
}
inline TcpPair tcp_pair() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::listen(listener, 1), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  PeerSocket peer = connect_tcp(ntohs(address.sin_port));
  const int server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ::close(listener);
  return {server, std::move(peer)};
}

inline std::shared_ptr<SocketConnection> make_connection(IoLoop& loop, int fd) {
  return std::make_shared<SocketConnection>(loop, FileDescriptor(fd), "127.0.0.1",
                                            std::uint16_t{1});
}

}  // namespace starling::net::test
