// SocketConnection::move_to: between two loops in two threads, with bytes under way in both
// directions. ThreadSanitizer looks at these with particular interest.
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

#include "net/socket_connection.h"
#include "net/test_support.h"
#include "net/tls_test_client.h"

namespace starling::net {
namespace {

using test::LoopThread;
using test::Recorder;

class SocketMove : public testing::Test {
 protected:
  void connect(test::TcpPair pair) {
    peer_.emplace(std::move(pair.peer));
    here_.run([&] {
      connection_ = test::make_connection(here_.loop(), pair.server);
      connection_->set_handler(&recorder_);
      connection_->start(nullptr);
    });
  }
  // From the thread of `from`; returns when it has arrived on `to`.
  void move(LoopThread& from, LoopThread& to) {
    std::promise<void> arrived;
    from.run([&] {
      connection_->move_to(to.loop(), [&] {
        EXPECT_EQ(EventLoop::current(), &to.loop());
        connection_->resume_reading();
        arrived.set_value();
      });
    });
    arrived.get_future().wait();
  }
  void TearDown() override {
    there_.run([this] { connection_->abort(); });
    there_.finish_turn();
  }

  Recorder recorder_;
  LoopThread here_;
  LoopThread there_;
  std::shared_ptr<SocketConnection> connection_;
  std::optional<test::PeerSocket> peer_;
};

TEST_F(SocketMove, Echo_OnTheOtherLoop) {
  connect(test::tcp_pair());
  recorder_.also_on_data = [this](std::string_view bytes) { connection_->send(bytes); };
  ASSERT_TRUE(peer_->send("before"));
  EXPECT_EQ(peer_->receive_exactly(6), "before");
  recorder_.also_on_data = [this](std::string_view bytes) {
    EXPECT_EQ(EventLoop::current(), &there_.loop());
    connection_->send(bytes);
  };
  move(here_, there_);
  ASSERT_TRUE(peer_->send("after"));
  EXPECT_EQ(peer_->receive_exactly(5), "after");
}

TEST_F(SocketMove, OutputOfTheSameTurn_LeavesOnceAndInOrder) {
  connect(test::tcp_pair());
  std::promise<void> arrived;
  here_.run([&] {
    connection_->send("1");
    connection_->move_to(there_.loop(), [&] {
      connection_->send("2");
      arrived.set_value();
    });
  });
  arrived.get_future().wait();
  EXPECT_EQ(peer_->receive_exactly(2), "12");
}

TEST_F(SocketMove, ToAndFro_WithInputAndOutputUnderWay_LosesNothing) {
  connect(test::tcp_pair());
  constexpr std::size_t kBytes = 8 * 1024 * 1024;
  recorder_.also_on_data = [this](std::string_view bytes) { connection_->send(bytes); };
  std::string sent(kBytes, '\0');
  for (std::size_t i = 0; i < kBytes; ++i) sent[i] = static_cast<char>('a' + i % 26);
  std::thread sender([&] { EXPECT_TRUE(peer_->send(sent)); });
  std::string received;
  std::thread reader([&] { received = peer_->receive_exactly(kBytes); });
  for (int i = 0; i < 100; ++i) {
    move(here_, there_);
    move(there_, here_);
  }
  move(here_, there_);
  sender.join();
  reader.join();
  EXPECT_EQ(received, sent);
}

TEST_F(SocketMove, WhileTheKernelTakesNoMore_TheRestLeavesFromTheOtherLoop) {
  connect(test::tcp_pair());
  const std::string large(16 * 1024 * 1024, 'x');
  here_.run([&] { connection_->send(large); });
  here_.finish_turn();  // waits to become writable
  move(here_, there_);
  EXPECT_EQ(peer_->receive_exactly(large.size()), large);
}

TEST_F(SocketMove, PeerResetsMeanwhile_IsReportedOnTheOtherLoopAfterArrival) {
  for (int i = 0; i < 50; ++i) {
    Recorder recorder;
    auto [fd, peer] = test::tcp_pair();
    std::promise<void> arrived;
    here_.run([&] {
      connection_ = test::make_connection(here_.loop(), fd);
      connection_->set_handler(&recorder);
      connection_->start(nullptr);
    });
    here_.run([&] {
      EXPECT_TRUE(peer.send("x"));
      peer.reset();
      connection_->send("into the void");  // move_to finds out that the peer is gone
      if (!connection_->is_open()) return arrived.set_value();
      connection_->move_to(there_.loop(), [&] {
        EXPECT_EQ(recorder.ends(), 0);
        connection_->resume_reading();
        arrived.set_value();
      });
    });
    arrived.get_future().wait();
    EXPECT_EQ(recorder.wait_for_end(), CloseReason::connection_error);
    EXPECT_EQ(recorder.ends(), 1);
    there_.finish_turn();
  }
}

TEST_F(SocketMove, UnderTls_TheSessionGoesOn) {
  TemporaryFolder folder;
  ASSERT_TRUE(make_self_signed(folder / "cert.pem", "example.org").has_value());
  auto context =
      std::make_shared<TlsContext>(TlsContext::Table{*Certificate::load(folder / "cert.pem")});
  recorder_.also_on_data = [this](std::string_view bytes) { connection_->send(bytes); };
  auto [fd, peer] = test::tcp_pair();
  here_.run([&] {
    connection_ = test::make_connection(here_.loop(), fd);
    connection_->set_handler(&recorder_);
    connection_->start(context);
  });
  test::TlsClient client;
  const auto exchange = [&](std::size_t until) {
    for (;;) {
      client.step();
      if (!peer.send(client.take())) return;
      if (client.established() && client.received().size() >= until) return;
      const auto bytes = peer.receive();
      if (!bytes || bytes->empty()) return;
      client.feed(*bytes);
    }
  };
  exchange(0);
  ASSERT_TRUE(recorder_.wait_for_tls());
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    // The question and the key update are under way while the connection moves.
    const std::string text = "round " + std::to_string(i);
    if (i % 2 == 0) SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    client.write(text);
    ASSERT_TRUE(peer.send(client.take()));
    move(here_, there_);
    move(there_, here_);
    expected += text;
    exchange(expected.size());
    ASSERT_EQ(client.received(), expected);
  }
  move(here_, there_);
}

}  // namespace
}  // namespace starling::net
