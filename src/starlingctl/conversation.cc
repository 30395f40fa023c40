#include "starlingctl/conversation.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace starling::starlingctl {

namespace {

std::string why_not_connected(const std::string& path, int error) {
  const std::string start = "no node answers at " + path + ": " + std::strerror(error);
  if (error == EACCES) return start + " (only root and the user the node runs as may speak to it)";
  return start + " (is starlingd running, and is this its ctl_socket? --socket PATH or " +
         kSocketVariable + " names another)";
}

class Socket {
 public:
  Socket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<> converse(const std::string& socket, const std::string& request,
                  std::chrono::seconds patience,
                  const std::function<void(std::string_view)>& on_line) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) {
    return fail(Errc::unavailable, "the socket's path is too long");
  }
  std::memcpy(address.sun_path, socket.data(), socket.size());
  const Socket connection;
  const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
  ::setsockopt(connection.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(connection.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return fail(Errc::unavailable, why_not_connected(socket, errno));
  }
  std::string_view rest = request;
  while (!rest.empty()) {
    const ssize_t n = ::send(connection.fd(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  std::string answer;
  bool answered = false;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = ::read(connection.fd(), buffer, sizeof buffer)) > 0) {
    answer.append(buffer, static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = answer.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      on_line(std::string_view(answer).substr(begin, end - begin));
      answered = true;
    }
    answer.erase(0, begin);
  }
  if (n < 0 && errno == EAGAIN) {
    return fail(Errc::timeout,
                "the node has not answered for " + std::to_string(patience.count()) +
                    " seconds; whether it does what it was asked is not known (its log may tell)");
  }
  if (!answered) {
    return fail(Errc::unavailable, "the node ended the conversation without an answer");
  }
  return {};
}

}  // namespace starling::starlingctl
