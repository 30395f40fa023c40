// BrokenLine stands between a store and the server, and breaks the connection that carries the n-th
// byte, once.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"
#include "store/test_support.h"

namespace starling::store {

class BrokenLine {
 public:
  explicit BrokenLine(const std::string& server) : server_(server + "/.s.PGSQL.5432") {
    path_ = folder_ / ".s.PGSQL.5432";
    listener_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = at(path_);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    thread_ = std::thread([this] { run(); });  // lint: allow(thread) because this is for tests
  }
  ~BrokenLine() {
    over_ = true;
    thread_.join();
  }
  [[nodiscard]] std::string host() const { return path_.substr(0, path_.rfind('/')); }
  // From now on so many bytes get through, then it breaks; and again after so many.
  void break_after(std::int64_t bytes) {
    again_ = bytes;
    left_ = bytes;
  }
  [[nodiscard]] bool broken() const { return left_ == 0; }

 private:
  static sockaddr_un at(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  void run() {
    std::vector<std::array<FileDescriptor, 2>> lines;
    while (!over_) {
      std::vector<pollfd> ready{{listener_.get(), POLLIN, 0}};
      for (const auto& line : lines) {
        ready.push_back({line[0].get(), POLLIN, 0});
        ready.push_back({line[1].get(), POLLIN, 0});
      }
      ::poll(ready.data(), ready.size(), 10);
      for (std::size_t i = lines.size(); i-- > 0;) {
        if ((ready[2 * i + 1].revents != 0 && !pass(lines[i][0], lines[i][1])) ||
            (ready[2 * i + 2].revents != 0 && !pass(lines[i][1], lines[i][0]))) {
          lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i));
        }
      }
      if (ready[0].revents != 0) {
        FileDescriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        FileDescriptor server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_un address = at(server_);
        if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0) {
          lines.push_back({std::move(client), std::move(server)});
        }
      }
    }
  }
  bool pass(const FileDescriptor& from, const FileDescriptor& to) {
    std::array<char, 65'536> buffer{};
    const ssize_t got = ::recv(from.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) return false;
    std::int64_t let = got;
    const std::int64_t left = left_;
    if (left > 0) {
      let = std::min(let, left);
      left_ = left - let;
    }
    static_cast<void>(::send(to.get(), buffer.data(), static_cast<std::size_t>(let), MSG_NOSIGNAL));
    if (left <= 0 || left_ > 0) return true;
    // Once more while it is being connected again, if that is so soon.
    if (again_ > 0) left_ = again_.exchange(0);
    return false;
  }

  TemporaryFolder folder_;
  const std::string server_;
  std::string path_;
  FileDescriptor listener_;
  std::atomic<std::int64_t> left_ = -1;  // none: it holds
  std::atomic<std::int64_t> again_ = 0;
  std::atomic<bool> over_ = false;
  std::thread thread_;  // lint: allow(thread) because this is for tests
};

}  // namespace starling::store
