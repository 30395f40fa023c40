// SocketConnection over real sockets: what goes in and out, and every way to end.
#include "net/socket_connection.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

#include "net/test_support.h"

namespace starling::net {
namespace {

using test::LoopThread;
using test::PeerSocket;
using test::Recorder;

// A connection on a loop of its own, and its peer.
class SocketConnectionTest : public testing::Test {
 protected:
  void connect_over_tcp() {
    auto [fd, peer] = test::tcp_pair();
    connect(fd, std::move(peer));
  }
  // Of type SOCK_SEQPACKET, each system call that sends is a message of its own for the peer.
  void connect_over_unix(int type = SOCK_STREAM) {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
    connect(fds[0], PeerSocket(fds[1]));
  }
  void connect(int fd, PeerSocket peer) {
    peer_.emplace(std::move(peer));
    worker_.run([&] {
      connection_ = test::make_connection(worker_.loop(), fd);
      connection_->set_handler(&recorder_);
      connection_->start(nullptr);
    });
  }
  void echo() {
    recorder_.also_on_data = [this](std::string_view bytes) { connection_->send(bytes); };
  }
  void TearDown() override {
    worker_.run([this] {
      if (connection_) connection_->abort();
    });
    worker_.finish_turn();
  }

  Recorder recorder_;
  LoopThread worker_;
  std::shared_ptr<SocketConnection> connection_;
  std::optional<PeerSocket> peer_;
};

TEST_F(SocketConnectionTest, Echo) {
  connect_over_tcp();
  echo();
  const std::string large(200'000, 'x');
  for (const std::string& text : {std::string("a"), std::string("bc"), large}) {
    std::thread sender([&] { EXPECT_TRUE(peer_->send(text)); });
    EXPECT_EQ(peer_->receive_exactly(text.size()), text);
    sender.join();
  }
}

TEST_F(SocketConnectionTest, WritesOfOneTurn_LeaveInOneSystemCall) {
  connect_over_unix(SOCK_SEQPACKET);
  std::string expected;
  worker_.run([&] {
    for (int i = 0; i < 100; ++i) {
      connection_->send("<r/>");
      expected += "<r/>";
    }
    EXPECT_EQ(connection_->queued_bytes(), expected.size());
  });
  EXPECT_EQ(peer_->receive(), expected);
  EXPECT_EQ(worker_.run([&] { return connection_->queued_bytes(); }), 0U);
}

TEST_F(SocketConnectionTest, AnswersToOneRead_LeaveInOneSystemCall) {
  connect_over_unix(SOCK_SEQPACKET);
  recorder_.also_on_data = [this](std::string_view bytes) {
    for (const char byte : bytes) connection_->send({&byte, 1});
  };
  ASSERT_TRUE(peer_->send("0123456789"));
  EXPECT_EQ(peer_->receive(), "0123456789");
}

TEST_F(SocketConnectionTest, SlowReader_IsWaitedForAndNothingIsLost) {
  connect_over_tcp();
  constexpr std::size_t kPieces = 64;
  const std::string piece(256 * 1024, 'x');
  worker_.run([&] {
    for (std::size_t i = 0; i < kPieces; ++i) connection_->send(piece);
  });
  worker_.finish_turn();
  // 16 MiB fit into no socket buffer.
  EXPECT_GT(worker_.run([&] { return connection_->queued_bytes(); }), 0U);
  worker_.run([&] { connection_->send("the end"); });
  const std::string all = peer_->receive_exactly(kPieces * piece.size() + 7);
  EXPECT_EQ(all.size(), kPieces * piece.size() + 7);
  EXPECT_TRUE(all.ends_with("xthe end"));
  EXPECT_EQ(worker_.run([&] { return connection_->queued_bytes(); }), 0U);
}

TEST_F(SocketConnectionTest, Close_SendsWhatIsQueuedThenFin) {
  connect_over_tcp();
  const std::string large(8 * 1024 * 1024, 'x');
  worker_.run([&] {
    connection_->send(large);
    connection_->close();
    EXPECT_FALSE(connection_->is_open());
    connection_->send("too late");
  });
  EXPECT_EQ(peer_->receive_to_end(), large);
  EXPECT_EQ(recorder_.ends(), 0);  // our end is sent; the peer's is awaited
  peer_->close();
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
}

TEST_F(SocketConnectionTest, Close_HandsUpNothingMore) {
  connect_over_tcp();
  worker_.run([&] { connection_->close(); });
  ASSERT_TRUE(peer_->send("not wanted"));
  EXPECT_EQ(peer_->receive_to_end(), "");
  peer_->close();
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
  EXPECT_EQ(recorder_.wait_for_data(0), "");
}

// Refused as soon as it was accepted: its end is seen, and not only when its grace time is over.
TEST_F(SocketConnectionTest, CloseBeforeStart_EndsWithThePeer) {
  auto [fd, peer] = test::tcp_pair();
  worker_.run([&] {
    connection_ = test::make_connection(worker_.loop(), fd);
    connection_->set_handler(&recorder_);
    connection_->send("refused");
    connection_->close();
    connection_->start(nullptr);
  });
  EXPECT_EQ(peer.receive_to_end(), "refused");
  peer.close();
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
  EXPECT_EQ(recorder_.detail(), "");
}

TEST_F(SocketConnectionTest, PeerThatNeverCloses_IsDroppedAfterItsGrace) {
  connect_over_tcp();
  worker_.run([&] { connection_->close(); });
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
  EXPECT_EQ(recorder_.detail(), "the peer did not close within its grace time");
}

TEST_F(SocketConnectionTest, PeerCloses_IsReportedOnce) {
  connect_over_tcp();
  ASSERT_TRUE(peer_->send("bye"));
  peer_->close();
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_peer);
  EXPECT_EQ(recorder_.wait_for_data(3), "bye");
  worker_.run([&] { connection_->abort(); });
  worker_.finish_turn();
  EXPECT_EQ(recorder_.ends(), 1);
}

// `printf '…</stream:stream>' | nc -N` wants its answers.
TEST_F(SocketConnectionTest, PeerEndsItsSide_AnswersToItsLastWordsStillLeave) {
  connect_over_tcp();
  echo();
  worker_.run([&] { connection_->pause_reading(); });
  ASSERT_TRUE(peer_->send("last words"));
  peer_->shut_down_sending();  // both are there before the first is read
  worker_.run([&] { connection_->resume_reading(); });
  EXPECT_EQ(peer_->receive_to_end(), "last words");
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_peer);
}

TEST_F(SocketConnectionTest, PeerEndsItsSideWhileWeClose_EverythingQueuedStillLeaves) {
  connect_over_tcp();
  const std::string large(8 * 1024 * 1024, 'x');
  recorder_.also_on_data = [&](std::string_view) {
    connection_->send(large);
    connection_->close();
  };
  ASSERT_TRUE(peer_->send("</stream:stream>"));
  peer_->shut_down_sending();
  EXPECT_EQ(peer_->receive_to_end(), large);
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
}

TEST_F(SocketConnectionTest, PeerResets_IsAnError) {
  connect_over_tcp();
  peer_->reset();
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::connection_error);
}

TEST_F(SocketConnectionTest, WriteToResetPeer_InputThatCameBeforeIsStillHandedUp) {
  connect_over_tcp();
  std::promise<void> may_write;
  worker_.loop().post([&] {
    // Reset while the loop is busy; then write before what came is read.
    may_write.get_future().wait();
    connection_->send("into the void");
  });
  ASSERT_TRUE(peer_->send("heard"));
  peer_->reset();
  may_write.set_value();
  ASSERT_TRUE(recorder_.wait_for_end().has_value());
  EXPECT_EQ(recorder_.ends(), 1);
}

TEST_F(SocketConnectionTest, WriteToClosedUnixPeer_InputThatCameBeforeIsStillHandedUp) {
  connect_over_unix();
  worker_.run([&] {
    EXPECT_TRUE(peer_->send("heard"));
    peer_->close();
    connection_->send("into the void");  // EPIPE at the end of this turn
  });
  EXPECT_TRUE(recorder_.wait_for_end().has_value());
  EXPECT_EQ(recorder_.wait_for_data(5), "heard");
}

TEST_F(SocketConnectionTest, Abort_DropsWhatIsQueued) {
  connect_over_unix();
  worker_.run([&] {
    connection_->send("never sent");
    connection_->abort();
    EXPECT_FALSE(connection_->is_open());
    EXPECT_EQ(recorder_.ends(), 0);  // never from inside a call
  });
  EXPECT_EQ(peer_->receive_to_end(), "");
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
}

TEST_F(SocketConnectionTest, AbortFromInsideOnData_IsSafe) {
  connect_over_tcp();
  recorder_.also_on_data = [this](std::string_view) { connection_->abort(); };
  ASSERT_TRUE(peer_->send("x"));
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
  EXPECT_EQ(recorder_.ends(), 1);
}

TEST_F(SocketConnectionTest, PausedReading_LeavesInputWithTheKernel) {
  connect_over_tcp();
  worker_.run([&] { connection_->pause_reading(); });
  const std::string large(16 * 1024 * 1024, 'x');
  std::atomic<bool> sent = false;
  std::thread sender([&] {
    EXPECT_TRUE(peer_->send(large));
    sent = true;
  });
  for (int i = 0; i < 100; ++i) worker_.finish_turn();
  EXPECT_EQ(recorder_.wait_for_data(0), "");
  EXPECT_FALSE(sent);  // the peer feels it
  worker_.run([&] { connection_->resume_reading(); });
  EXPECT_EQ(recorder_.wait_for_data(large.size()), large);
  sender.join();
}

TEST_F(SocketConnectionTest, Sent_TheBufferIsBackWithTheLoop) {
  connect_over_tcp();
  const char* memory = nullptr;
  worker_.run([&] {
    connection_->send(std::string(10'000, 'x'));
    memory = connection_->output().data();
  });
  EXPECT_EQ(peer_->receive_exactly(10'000).size(), 10'000U);
  worker_.finish_turn();
  worker_.run([&] {
    const std::string lent = worker_.loop().take_buffer();
    EXPECT_EQ(lent.data(), memory);
  });
}

}  // namespace
}  // namespace starling::net
