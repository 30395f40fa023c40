// SocketConnection with TLS, over real sockets.
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
using test::PeerSocket;
using test::Recorder;
using test::TlsClient;

// A blocking TLS client.
class TlsPeer {
 public:
  explicit TlsPeer(PeerSocket socket) : socket_(std::move(socket)) {}

  // One round: says what there is to say, and takes what one recv() gives. False at the end.
  bool exchange() {
    client_.step();
    if (!socket_.send(client_.take())) return false;
    const auto bytes = socket_.receive();
    if (!bytes || bytes->empty()) return false;
    client_.feed(*bytes);
    client_.step();
    return true;
  }
  bool handshake() {
    while (!client_.established()) {
      if (!exchange()) return false;
    }
    return flush();
  }
  bool flush() { return socket_.send(client_.take()); }
  bool write(std::string_view plaintext) {
    client_.write(plaintext);
    return flush();
  }
  std::string receive_exactly(std::size_t count) {
    while (client_.received().size() < count && exchange()) {
    }
    return client_.received();
  }

  TlsClient client_;
  PeerSocket socket_;
};

class SocketTls : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_self_signed(folder_ / "cert.pem", "example.org").has_value());
    TlsContext::Table table{*Certificate::load(folder_ / "cert.pem")};
    context_ =
        std::make_shared<TlsContext>(std::move(table), std::vector<std::string>{"xmpp-client"});
    auto [fd, peer] = test::tcp_pair();
    fd_ = fd;
    peer_.emplace(std::move(peer));
    worker_.run([&] {
      connection_ = test::make_connection(worker_.loop(), fd);
      connection_->set_handler(&recorder_);
    });
  }
  void start(std::shared_ptr<TlsContext> direct_tls) {
    worker_.run([&] { connection_->start(std::move(direct_tls)); });
  }
  void echo() {
    recorder_.also_on_data = [this](std::string_view bytes) { connection_->send(bytes); };
  }
  void TearDown() override {
    worker_.run([this] { connection_->abort(); });
    worker_.finish_turn();
  }

  TemporaryFolder folder_;
  std::shared_ptr<TlsContext> context_;
  Recorder recorder_;
  LoopThread worker_;
  std::shared_ptr<SocketConnection> connection_;
  int fd_ = -1;
  std::optional<TlsPeer> peer_;
};

TEST_F(SocketTls, DirectTls_Echo) {
  start(context_);
  echo();
  ASSERT_TRUE(peer_->handshake());
  ASSERT_TRUE(recorder_.wait_for_tls());
  worker_.run([&] {
    EXPECT_TRUE(connection_->is_secure());
    EXPECT_EQ(connection_->tls_info().version, "TLSv1.3");
    EXPECT_TRUE(connection_->channel_binding("tls-exporter").has_value());
  });
  const std::string large(300'000, 'x');
  std::thread reader([&] { EXPECT_EQ(recorder_.wait_for_data(large.size()), large); });
  ASSERT_TRUE(peer_->write(large));
  EXPECT_EQ(peer_->receive_exactly(large.size()), large);
  reader.join();
}

TEST_F(SocketTls, StartTls_ProceedLeavesInTheClearAndTlsFollows) {
  recorder_.also_on_data = [this](std::string_view bytes) {
    if (connection_->is_secure()) return connection_->send(bytes);
    EXPECT_EQ(bytes, "<starttls/>");
    connection_->send("<proceed/>");
    connection_->start_tls(context_, "example.org");
    EXPECT_FALSE(connection_->is_secure());
  };
  start(nullptr);
  ASSERT_TRUE(peer_->socket_.send("<starttls/>"));
  EXPECT_EQ(peer_->socket_.receive_exactly(10), "<proceed/>");
  ASSERT_TRUE(peer_->handshake());
  ASSERT_TRUE(recorder_.wait_for_tls());
  ASSERT_TRUE(peer_->write("secret"));
  EXPECT_EQ(peer_->receive_exactly(6), "secret");
}

TEST_F(SocketTls, Garbage_EndsInATlsErrorAndAnAlert) {
  start(context_);
  ASSERT_TRUE(peer_->socket_.send(std::string("\x16\x03\x01\x00\x05", 5) + "<?xml"));
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::tls_error);
  EXPECT_FALSE(recorder_.detail().empty());
  const auto alert = peer_->socket_.receive();
  ASSERT_TRUE(alert.has_value());
  EXPECT_TRUE(alert->starts_with("\x15\x03"));  // a record of type alert
}

TEST_F(SocketTls, ClearText_EndsInATlsError) {
  start(context_);
  ASSERT_TRUE(peer_->socket_.send("<?xml version='1.0'?><stream:stream>"));
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::tls_error);
  EXPECT_FALSE(recorder_.detail().empty());
}

TEST_F(SocketTls, Close_SendsCloseNotifyThenFin) {
  start(context_);
  ASSERT_TRUE(peer_->handshake());
  ASSERT_TRUE(recorder_.wait_for_tls());
  worker_.run([&] {
    connection_->send("bye");
    connection_->close();
  });
  while (peer_->exchange()) {
  }
  EXPECT_EQ(peer_->client_.received(), "bye");
  EXPECT_TRUE(peer_->client_.got_close_notify());
  peer_->socket_.close();
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
}

TEST_F(SocketTls, PeersLastWordsAndCloseNotify_AreAnsweredBeforeTheEnd) {
  start(context_);
  echo();
  ASSERT_TRUE(peer_->handshake());
  ASSERT_TRUE(recorder_.wait_for_tls());
  peer_->client_.write("last words");
  SSL_shutdown(peer_->client_.ssl());
  ASSERT_TRUE(peer_->flush());  // both in one segment
  peer_->socket_.shut_down_sending();
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_peer);
  while (peer_->exchange()) {
  }
  EXPECT_EQ(peer_->client_.received(), "last words");
  EXPECT_TRUE(peer_->client_.got_close_notify());
}

TEST_F(SocketTls, CloseDuringTheHandshake_Ends) {
  start(context_);
  peer_->client_.step();
  ASSERT_TRUE(peer_->flush());  // a ClientHello, and no more
  worker_.run([&] {
    connection_->send("never sent in the clear");
    connection_->close();
  });
  const auto rest = peer_->socket_.receive_to_end();
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->find("clear"), std::string::npos);
  peer_->socket_.close();
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::closed_by_us);
}

TEST_F(SocketTls, SlowReader_HoldsOneRoundOfCiphertextAndTheRestInTheClear) {
  start(context_);
  ASSERT_TRUE(peer_->handshake());
  ASSERT_TRUE(recorder_.wait_for_tls());
  // Each round adds more than the peer takes: what is queued must stay what was not yet taken.
  const std::string piece(1024 * 1024, 'x');
  std::size_t sent = 0;
  for (int i = 0; i < 16; ++i, sent += piece.size()) {
    worker_.run([&] { connection_->send(piece); });
    worker_.finish_turn();
  }
  EXPECT_LE(worker_.run([&] { return connection_->queued_bytes(); }), sent + sent / 64);
  EXPECT_EQ(peer_->receive_exactly(sent).size(), sent);
  EXPECT_EQ(worker_.run([&] { return connection_->queued_bytes(); }), 0U);
}

TEST_F(SocketTls, EndlessKeyUpdates_OfAPeerThatDoesNotRead_EndInAnError) {
  const int small = 4'096;
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  start(context_);
  ASSERT_TRUE(peer_->handshake());
  ASSERT_TRUE(recorder_.wait_for_tls());
  for (int i = 0; i < 1'000'000 && recorder_.ends() == 0; ++i) {
    SSL_key_update(peer_->client_.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(peer_->client_.ssl());
    if (!peer_->flush()) break;
  }
  EXPECT_EQ(recorder_.wait_for_end(), CloseReason::tls_error);
  EXPECT_EQ(recorder_.detail(), "the peer asks and does not read");
}

}  // namespace
}  // namespace starling::net
