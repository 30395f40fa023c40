// The plain relay: what a server cannot be cheaper than that moves bytes between sockets with
// epoll.
//
// A connection first sends a line, "GROUP n", and gets "<ok/>". From then on whatever it sends goes
// to all others of group n. It understands nothing, keeps nothing, and checks nobody.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "die.h"
#include "loop.h"
#include "socket.h"

namespace {

using load::die;
using load::Loop;
using load::Socket;

class Member;
using Group = std::vector<Member*>;

// What a turn of the loop has queued leaves once, at its end, in one system call for each receiver:
// a server may do that, so the limit does.
struct Relay {
  Loop loop;
  load::TlsContext tls;
  std::map<int, Group> groups;
  std::vector<Member*> to_flush;
  std::vector<std::unique_ptr<Member>> gone;  // until the turn's end
};

class Member : public load::Handler {
 public:
  Member(Relay& relay, int fd) : relay_(relay), socket_(fd) {
    if (relay_.tls) {
      load::Tls tls(SSL_new(relay_.tls.get()));
      SSL_set_accept_state(tls.get());
      socket_.start_tls(std::move(tls));
    }
    relay_.loop.add(fd, *this, false);
  }

  void on_event(bool) override {
    if (!socket_.is_open()) return;
    static std::array<char, 65536> buffer;
    ssize_t count = 0;
    do {
      count = socket_.read(buffer);
      if (count < 0) return leave();
      if (count > 0) received({buffer.data(), static_cast<std::size_t>(count)});
    } while (count == static_cast<ssize_t>(buffer.size()) || (count > 0 && socket_.has_pending()));
    if (watching_writes_) flush();
  }

  void send(std::string_view bytes) {
    socket_.queue(bytes);
    if (std::exchange(queued_, true)) return;
    relay_.to_flush.push_back(this);
  }

  void flush() {
    queued_ = false;
    if (!socket_.is_open()) return;
    if (!socket_.flush()) return leave();
    if (socket_.wants_write() == watching_writes_) return;
    watching_writes_ = socket_.wants_write();
    relay_.loop.watch(socket_.fd(), *this, watching_writes_);
  }

 private:
  void received(std::string_view bytes) {
    if (group_ == nullptr) bytes = join(bytes);
    if (bytes.empty()) return;
    for (Member* other : *group_) {
      if (other != this) other->send(bytes);
    }
  }

  // What follows the line.
  std::string_view join(std::string_view bytes) {
    const auto end = bytes.find('\n');
    int number = 0;
    if (end == bytes.npos || std::sscanf(bytes.data(), "GROUP %d", &number) != 1) {
      die("a connection did not begin with GROUP n");
    }
    group_ = &relay_.groups[number];
    group_->push_back(this);
    send("<ok/>");
    return bytes.substr(end + 1);
  }

  void leave() {
    socket_.close();
    if (group_ != nullptr) std::erase(*group_, this);
    std::erase(relay_.to_flush, this);
    relay_.gone.emplace_back(this);
  }

  Relay& relay_;
  Socket socket_;
  Group* group_ = nullptr;
  bool queued_ = false;
  bool watching_writes_ = false;
};

class Acceptor : public load::Handler {
 public:
  explicit Acceptor(Relay& relay) : relay_(relay) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (bind(fd_, any, size) != 0 || listen(fd_, 4096) != 0 || getsockname(fd_, any, &size) != 0) {
      die("cannot listen");
    }
    relay_.loop.add(fd_, *this, false);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  void on_event(bool) override {
    for (int fd; (fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      new Member(relay_, fd);  // owns itself until leave()
    }
  }

 private:
  Relay& relay_;
  int fd_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A relay; prints the port of 127.0.0.1 that it listens on.");
  std::string certificate;
  app.add_option("--tls", certificate, "speak TLS with the certificate and key of this PEM file");
  CLI11_PARSE(app, argc, argv);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::signal(SIGPIPE, SIG_IGN);

  Relay relay;
  if (!certificate.empty()) {
    relay.tls.reset(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate_chain_file(relay.tls.get(), certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(relay.tls.get(), certificate.c_str(), SSL_FILETYPE_PEM) != 1) {
      die("no certificate and key in " + certificate);
    }
  }
  Acceptor acceptor(relay);
  for (;;) {
    relay.loop.turn(-1);
    for (const auto members = std::exchange(relay.to_flush, {}); Member * member : members) {
      member->flush();
    }
    relay.gone.clear();
  }
}
