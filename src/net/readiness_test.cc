#include "net/readiness.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/file_descriptor.h"
#include "net/io_loop.h"

namespace starling::net {
namespace {

// One end of a pair of sockets; what is written to the other end makes it readable.
class End final : public Watched {
 public:
  explicit End(int& destroyed) : destroyed_(destroyed) {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    mine_ = FileDescriptor(fds[0]);
    other_ = FileDescriptor(fds[1]);
  }
  ~End() override { ++destroyed_; }

  void on_ready(std::uint32_t events) override {
    if (events == 0) ++again;
    if ((events & EPOLLIN) == 0) return;
    ++readable;
    if (also) also();
  }
  void write() const { EXPECT_EQ(::write(other_.get(), "x", 1), 1); }
  [[nodiscard]] int fd() const { return mine_.get(); }

  int readable = 0;
  int again = 0;
  std::function<void()> also;

 private:
  int& destroyed_;
  FileDescriptor mine_;
  FileDescriptor other_;
};

class ReadinessTest : public testing::Test {
 protected:
  std::shared_ptr<End> watch() {
    auto end = std::make_shared<End>(destroyed_);
    EXPECT_TRUE(loop_->readiness().add(end->fd(), end));
    return end;
  }
  // Until everything that is ready now has been told.
  void run_until(const std::function<bool()>& done) {
    std::function<void()> look = [&] { done() ? loop_->stop() : loop_->post([&] { look(); }); };
    loop_->post([&] { look(); });
    loop_->run();
  }

  int destroyed_ = 0;
  std::unique_ptr<IoLoop> loop_ = std::make_unique<IoLoop>();
};

TEST_F(ReadinessTest, WhatWasReadyBefore_IsTold) {
  auto end = std::make_shared<End>(destroyed_);
  end->write();
  ASSERT_TRUE(loop_->readiness().add(end->fd(), end));
  run_until([&] { return end->readable > 0; });
}

TEST_F(ReadinessTest, AChange_IsToldOnce) {
  const auto end = watch();
  end->write();
  int rounds = 0;
  run_until([&] { return end->readable > 0 && ++rounds > 10; });
  EXPECT_EQ(end->readable, 1);
}

// More than are fetched at once.
TEST_F(ReadinessTest, OfMany_EachIsTold) {
  std::vector<std::shared_ptr<End>> ends;
  for (int i = 0; i < 300; ++i) ends.push_back(watch());
  for (const auto& end : ends) end->write();
  run_until([&] {
    return std::ranges::all_of(ends, [](const auto& end) { return end->readable == 1; });
  });
}

TEST_F(ReadinessTest, WhoIsRemovedByAnother_IsNotTold) {
  const auto first = watch();
  const auto second = watch();
  const auto removes = [&](const std::shared_ptr<End>& other) {
    return [this, other] {
      if (other->readable == 0) loop_->readiness().remove(other->fd(), *other);
    };
  };
  first->also = removes(second);
  second->also = removes(first);
  first->write();
  second->write();
  int rounds = 0;
  run_until([&] { return first->readable + second->readable > 0 && ++rounds > 10; });
  EXPECT_EQ(first->readable + second->readable, 1);
  first->also = second->also = nullptr;  // they hold each other
}

TEST_F(ReadinessTest, WhoRemovesItself_LivesUntilTheCallIsOver) {
  auto end = watch();
  End& self = *end;
  bool alive = false;
  end->also = [&, this] {
    loop_->readiness().remove(self.fd(), self);
    end.reset();
    alive = destroyed_ == 0;
  };
  end->write();
  run_until([&] { return end == nullptr && destroyed_ == 1; });
  EXPECT_TRUE(alive);
}

TEST_F(ReadinessTest, Remove_LeavesTheOthers) {
  std::vector<std::shared_ptr<End>> ends{watch(), watch(), watch()};
  loop_->readiness().remove(ends[0]->fd(), *ends[0]);
  loop_->readiness().remove(ends[2]->fd(), *ends[2]);
  for (const auto& end : ends) end->write();
  run_until([&] { return ends[1]->readable > 0; });
  EXPECT_EQ(ends[0]->readable + ends[2]->readable, 0);
}

TEST_F(ReadinessTest, TheLoopsEnd_LetsThemGo) {
  watch();
  EXPECT_EQ(destroyed_, 0);
  loop_.reset();
  EXPECT_EQ(destroyed_, 1);
}

// Whoever always has more to do gets as many goes as others that are ready, and no more.
TEST_F(ReadinessTest, Again_ComesAfterTheOthers) {
  const auto greedy = watch();
  std::vector<std::shared_ptr<End>> others;
  for (int i = 0; i < 300; ++i) others.push_back(watch());
  int most = 0;
  for (const auto& other : others) {
    other->also = [&] { most = std::max(most, greedy->again); };
  }
  loop_->post([&] {
    for (const auto& other : others) other->write();
    loop_->readiness().again(greedy);
    loop_->readiness().again(greedy);
  });
  run_until([&] {
    return greedy->again == 2 &&
           std::ranges::all_of(others, [](const auto& end) { return end->readable == 1; });
  });
  EXPECT_LE(most, 2);
}

// What others post takes long, again and again: the sockets have a time of their own.
TEST_F(ReadinessTest, BusyContext_DoesNotKeepSocketsWaiting) {
  std::vector<std::shared_ptr<End>> ends;
  for (int i = 0; i < 100; ++i) ends.push_back(watch());
  const auto all_read = [&] {
    return std::ranges::all_of(ends, [](const auto& end) { return end->readable == 1; });
  };
  int posts = 0;
  std::function<void()> busy = [&] {
    const std::int64_t until = wall_clock_us() + 5'000;
    while (wall_clock_us() < until) continue;
    if (all_read()) return loop_->stop();
    ++posts;
    loop_->post([&] { busy(); });
  };
  for (const auto& end : ends) end->write();
  loop_->post([&] { busy(); });
  loop_->run();
  EXPECT_LT(posts, 50);  // and not one socket for each
}

}  // namespace
}  // namespace starling::net
