#include "admin/ctl_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "core/server.h"
#include "net/io_loop.h"
#include "store/memory.h"
#include "store/test_support.h"

namespace starling::admin {
namespace {

using ::testing::HasSubstr;

// A caller's end of the socket.
class Caller {
 public:
  explicit Caller(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Caller() { hang_up(); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;  // the other side has heard enough
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // Everything up to the end.
  [[nodiscard]] std::string rest() const {
    std::string all;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(fd_, buffer, sizeof buffer)) > 0;) {
      all.append(buffer, static_cast<std::size_t>(n));
    }
    return all;
  }
  void hang_up() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  bool connected_ = false;
};

// Two workers on threads of their own, as in a node.
class CtlSocketTest : public ::testing::Test {
 protected:
  CtlSocketTest()
      : server_(*store_, pool_, std::vector<std::string>{"example.org"}, {},
                {&loops_[0], &loops_[1]}),
        admin_(server_, {.stop = [this] { stops_.set_value(); }}) {
    socket_ = CtlSocket::open(loops_[0], path_, admin_).value();
    for (auto& loop : loops_) threads_.emplace_back([&loop] { loop.run(); });
  }
  ~CtlSocketTest() override {
    if (!closing_) close();
    closed_.get_future().wait();
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      std::promise<void> empty;
      loops_[i].post([&, i] { server_.worker(i).gate().close([&empty] { empty.set_value(); }); });
      empty.get_future().wait();
      loops_[i].stop();
    }
    for (auto& thread : threads_) thread.join();
  }

  void close() {
    closing_ = true;
    loops_[0].post([this] { socket_->close([this] { closed_.set_value(); }); });
  }
  // Returns when worker 0 has done all it was given before.
  void pass_turn() {
    std::promise<void> done;
    loops_[0].post([&done] { done.set_value(); });
    done.get_future().wait();
  }
  // Nothing on the thread pool ends until the promise is kept, so that queued() counts the rest.
  std::promise<void> hold_pool() {
    std::promise<void> release;
    std::promise<void> held;
    pool_.submit([&held, released = release.get_future()] {
      held.set_value();
      released.wait();
    });
    held.get_future().wait();
    return release;
  }
  Json ask(std::string_view request) const {
    const Caller caller(path_);
    caller.send(request);
    return Json::parse(caller.rest());
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "ctl.sock";
  std::unique_ptr<store::Store> store_ = store::open_memory();
  std::array<net::IoLoop, 2> loops_;
  ThreadPool pool_{1, "test"};
  core::Server server_;
  std::promise<void> stops_;
  Admin admin_;
  std::unique_ptr<CtlSocket> socket_;
  std::vector<std::thread> threads_;
  std::promise<void> closed_;
  bool closing_ = false;
};

constexpr std::string_view kRegister =
    "{\"command\":\"register\",\"arguments\":[\"alice\",\"example.org\",\"secret\"]}\n";
constexpr std::string_view kList =
    "{\"command\":\"registered_users\",\"arguments\":[\"example.org\"]}\n";

TEST_F(CtlSocketTest, Request_IsAnsweredInOneLine) {
  const Caller caller(path_);
  caller.send(kRegister);
  EXPECT_EQ(caller.rest(), "{\"ok\":true,\"result\":\"registered alice@example.org\"}\n");
}

TEST_F(CtlSocketTest, RefusedRequest_IsAnsweredWithTheReason) {
  ask(kRegister);
  const Json answer = ask(kRegister);
  EXPECT_EQ(answer["ok"], false);
  EXPECT_THAT(answer["error"].get<std::string>(), HasSubstr("exists already"));
}

TEST_F(CtlSocketTest, RequestInSingleBytes_IsUnderstood) {
  const Caller caller(path_);
  for (const char c : kList) caller.send({&c, 1});
  EXPECT_EQ(Json::parse(caller.rest())["result"], Json::array());
}

TEST_F(CtlSocketTest, WithoutArguments_IsUnderstood) {
  EXPECT_EQ(ask("{\"command\":\"connected_users_number\"}\n")["result"], 0);
}

TEST_F(CtlSocketTest, SessionsOfAllWorkers_AreSeen) {
  EXPECT_EQ(ask("{\"command\":\"connected_users\"}\n")["result"], Json::array());
  EXPECT_EQ(ask("{\"command\":\"status\"}\n")["result"]["workers"], 2);
}

TEST_F(CtlSocketTest, WhatIsNoRequest_IsRefused) {
  for (const std::string_view line :
       {"",
        "hello",
        "{",
        "[]",
        "\"status\"",
        "null",
        "17",
        "{}",
        "{\"command\":1}",
        "{\"command\":null}",
        "{\"Command\":\"status\"}",
        "{\"command\":\"status\"} x",
        "{\"command\":\"\xFF\"}",
        "{\"command\":\"stat\\u0000us\"}",
        "{\"command\":\"status\",\"arguments\":{}}",
        "{\"command\":\"status\",\"arguments\":\"\"}",
        "{\"command\":\"status\",\"arguments\":null}",
        "{\"command\":\"status\",\"arguments\":[1]}",
        "{\"command\":\"kick_user\",\"arguments\":\"ab\"}",
        "{\"command\":\"kick_user\",\"arguments\":{\"a\":\"x\",\"b\":\"example.org\"}}"}) {
    const Json answer = ask(std::string(line) + "\n");
    EXPECT_EQ(answer["ok"], false) << line;
    EXPECT_TRUE(answer["error"].is_string()) << line;
  }
}

TEST_F(CtlSocketTest, DeepNesting_IsRefused) {
  EXPECT_EQ(ask(std::string(60'000, '[') + "\n")["ok"], false);
  EXPECT_EQ(ask(std::string(30'000, '[') + std::string(30'000, ']') + "\n")["ok"], false);
}

TEST_F(CtlSocketTest, TooLongRequest_IsRefused) {
  const Json answer = ask(std::string(65'537, ' '));
  EXPECT_EQ(answer["ok"], false);
  EXPECT_EQ(answer["error"], "the request is too long");
}

TEST_F(CtlSocketTest, SecondRequestOfOneCaller_IsNotAnswered) {
  const Caller caller(path_);
  caller.send(std::string(kList) + "{\"command\":\"stop\"}\n");
  const std::string answer = caller.rest();
  EXPECT_EQ(answer, "{\"ok\":true,\"result\":[]}\n");
  EXPECT_EQ(stops_.get_future().wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

TEST_F(CtlSocketTest, TwoCallersAtOnce_GetTheirOwnAnswers) {
  const Caller first(path_);
  const Caller second(path_);
  second.send("{\"command\":\"register\",\"arguments\":[\"bob\",\"example.org\",\"x\"]}\n");
  first.send(kRegister);
  EXPECT_THAT(first.rest(), HasSubstr("alice@example.org"));
  EXPECT_THAT(second.rest(), HasSubstr("bob@example.org"));
}

TEST_F(CtlSocketTest, CallerWhoGoesBeforeTheAnswer_GetsItsCommandDone) {
  auto release = hold_pool();
  Caller caller(path_);
  caller.send(kRegister);
  while (pool_.queued() == 0) std::this_thread::yield();  // the command has begun
  caller.hang_up();
  pass_turn();
  release.set_value();
  while (ask(kList)["result"] != Json({"alice"})) std::this_thread::yield();
}

TEST_F(CtlSocketTest, CallerWhoGoesAtOnce_IsForgotten) {
  for (int i = 0; i < 100; ++i) {
    const Caller caller(path_);
    if (i % 2 == 0) caller.send("{\"comm");
  }
  EXPECT_EQ(ask(kList)["ok"], true);
}

TEST_F(CtlSocketTest, Stop_IsAnsweredAndDone) {
  EXPECT_EQ(ask("{\"command\":\"stop\"}\n")["result"], "stopping");
  stops_.get_future().wait();
}

TEST_F(CtlSocketTest, Close_WaitsForWhatWasAskedAndDropsTheSilent) {
  auto release = hold_pool();
  const Caller silent(path_);
  const Caller asking(path_);
  asking.send(kRegister);
  while (pool_.queued() == 0) std::this_thread::yield();
  close();
  EXPECT_EQ(silent.rest(), "");
  EXPECT_FALSE(Caller(path_).connected());
  auto closed = closed_.get_future();
  EXPECT_EQ(closed.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  release.set_value();
  closed.wait();
  EXPECT_THAT(asking.rest(), HasSubstr("registered alice@example.org"));
  closed_ = {};
  closed_.set_value();
}

TEST_F(CtlSocketTest, Socket_IsForItsOwnerOnly) {
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace starling::admin
