// Whole streams over WebSocket, against a server in memory.
#include "web/websocket_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/websocket_test_client.h"
#include "net/memory_connection.h"
#include "stream/test_client.h"

namespace starling::web {
namespace {

using http::Opcode;
using stream::test::kHost;
using stream::test::TestClient;
using stream::test::TestNode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kOpen =
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>";
const std::string kClose = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

class WebClient final : public net::MemoryPeer {
 public:
  WebClient(TestNode& node, std::shared_ptr<const stream::C2sOptions> options,
            WebSocketOptions socket = {})
      : node_(node), connection_(std::make_shared<net::MemoryConnection>(node.loop(), *this)) {
    node.loop().inside([&] {
      const auto adaptor = std::make_shared<WebSocketConnection>(connection_, std::move(socket));
      node.service().accept(adaptor, std::move(options));
      adaptor->start("");
    });
    node_.settle();
  }
  ~WebClient() override {
    on_loop([this] { connection_->peer_resets(); });
  }
  WebClient(const WebClient&) = delete;
  WebClient& operator=(const WebClient&) = delete;

  template <class Fn>
  void on_loop(Fn fn) {
    static_cast<ManualLoop&>(connection_->loop()).inside(std::move(fn));
    node_.settle();
  }
  // The messages that came for this one.
  std::vector<std::string> say(std::string_view message) {
    return send(http::test::client_frame(Opcode::text, message));
  }
  std::vector<std::string> send(std::string_view bytes) {
    on_loop([&] { connection_->peer_sends(bytes); });
    return take();
  }
  std::vector<std::string> take() {
    std::vector<std::string> messages;
    while (!received_.empty()) {
      Opcode opcode{};
      std::string payload = http::test::take_frame(received_, opcode);
      if (opcode == Opcode::text) {
        messages.push_back(std::move(payload));
      } else {
        control_ = std::move(payload);
        control_opcode_ = opcode;
      }
    }
    return messages;
  }
  std::string scram() {
    const std::string bare = "n=alice,r=clientnonce";
    const auto challenge = TestClient::content_of(
        say(TestClient::sasl("auth", "n,," + bare, " mechanism='SCRAM-SHA-1'")).at(0));
    const xmpp::sasl::test::ScramClient client(xmpp::sasl::ScramHash::sha1,
                                               std::string(stream::test::kPassword),
                                               std::string(stream::test::kSalt), 1);
    const std::string without_proof = "c=biws," + challenge.substr(0, challenge.find(','));
    return say(TestClient::sasl("response", client.client_final(bare, challenge, without_proof)))
        .at(0);
  }
  std::string log_in() {
    say(kOpen);
    scram();
    say(kOpen);
    return say("<iq xmlns='jabber:client' type='set' id='b'>"
               "<bind "
               "xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>")
        .at(0);
  }

  void on_bytes(std::string_view bytes) override { received_ += bytes; }
  void on_end(bool dropped) override { (dropped ? dropped_ : ended_) = true; }

  TestNode& node_;
  std::shared_ptr<net::MemoryConnection> connection_;
  std::string received_;
  std::string control_;
  Opcode control_opcode_ = Opcode::text;
  bool ended_ = false;
  bool dropped_ = false;
};

class WebSocketConnectionTest : public testing::Test {
 protected:
  WebSocketConnectionTest() { options_->over_http = true; }

  ThreadPool pool_{1, "test"};
  TestNode node_{pool_, 3, {}};
  std::shared_ptr<stream::C2sOptions> options_ = std::make_shared<stream::C2sOptions>();
  const WebSocketOptions private_{.remote_address = "192.0.2.1", .secure = true};
};

TEST_F(WebSocketConnectionTest, Open_IsAnsweredByOpenAndFeatures) {
  WebClient client(node_, options_, private_);
  const auto answer = client.say(kOpen);
  ASSERT_EQ(answer.size(), 2U);
  EXPECT_THAT(answer[0], StartsWith("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'"));
  EXPECT_THAT(answer[0], HasSubstr(" from='example.org'"));
  EXPECT_THAT(answer[0], HasSubstr(" id='"));
  EXPECT_THAT(answer[1], StartsWith("<stream:features xmlns:stream="));
  EXPECT_THAT(answer[1], HasSubstr("SCRAM-SHA-1"));
  EXPECT_THAT(answer[1], HasSubstr("PLAIN"));
  EXPECT_THAT(answer[1], Not(HasSubstr("starttls")));
}

TEST_F(WebSocketConnectionTest, LogsIn_OnTheAccountsHomeWorker_AndTalks) {
  WebClient client(node_, options_, private_);
  EXPECT_THAT(client.log_in(), HasSubstr("<jid>alice@example.org/web</jid>"));
  EXPECT_EQ(&client.connection_->loop(), &node_.home_of("alice@example.org").loop());
  EXPECT_THAT(
      client.say("<message xmlns='jabber:client' to='alice@example.org/web'>"
                 "<body>a</body></message>"),
      ElementsAre(StartsWith("<message xmlns='jabber:client' from='alice@example.org/web'")));
  EXPECT_THAT(client.say(kClose), ElementsAre(kClose));
  EXPECT_EQ(client.control_opcode_, Opcode::close);
  EXPECT_EQ(client.control_, "\x03\xE8");
  EXPECT_TRUE(client.ended_);
  EXPECT_EQ(node_.server().session_count(), 0);
}

TEST_F(WebSocketConnectionTest, WithoutTls_ThereIsAClearStreamError) {
  WebClient client(node_, options_, {.remote_address = "192.0.2.1"});
  const auto answer = client.say(kOpen);
  ASSERT_EQ(answer.size(), 3U);
  EXPECT_THAT(answer[1], StartsWith("<stream:error xmlns:stream="));
  EXPECT_THAT(answer[1], HasSubstr("policy-violation"));
  EXPECT_THAT(answer[1], HasSubstr("wss"));
  EXPECT_EQ(answer[2], kClose);
  EXPECT_TRUE(client.ended_);

  options_->starttls_required = false;
  WebClient allowed(node_, options_, {.remote_address = "192.0.2.1"});
  const auto features = allowed.say(kOpen).at(1);
  EXPECT_THAT(features, HasSubstr("SCRAM-SHA-1"));
  EXPECT_THAT(features, Not(HasSubstr("PLAIN"))) << "somebody may listen in";
}

TEST_F(WebSocketConnectionTest, WhatIsNotOneElement_EndsTheStream) {
  for (const std::string message :
       {"", " <presence xmlns='jabber:client'/>", "<presence>", "text", "</stream:stream>",
        "<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>",
        "<message><body><![CDATA[", "<?xml version='1.0'?><presence xmlns='jabber:client'/>"}) {
    WebClient client(node_, options_, private_);
    client.log_in();
    const auto answer = client.say(message);
    ASSERT_GE(answer.size(), 2U) << message;
    EXPECT_THAT(answer[answer.size() - 2], HasSubstr("<stream:error")) << message;
    EXPECT_TRUE(client.ended_) << message;
  }
}

TEST_F(WebSocketConnectionTest, OpenWhereNoneIsDue_EndsTheStream) {
  WebClient client(node_, options_, private_);
  client.log_in();
  EXPECT_THAT(client.say(kOpen).at(0), HasSubstr("unsupported-stanza-type"));
}

TEST_F(WebSocketConnectionTest, AllAtOnce_WaitsForItsTurn) {
  WebClient client(node_, options_, private_);
  client.say(kOpen);
  // PLAIN takes the thread pool: <open/> is there before it is through.
  const auto answer =
      client.send(http::test::client_frame(
                      Opcode::text, TestClient::sasl("auth", std::string("\0alice\0pencil", 13),
                                                     " mechanism='PLAIN'")) +
                  http::test::client_frame(Opcode::text, kOpen));
  ASSERT_EQ(answer.size(), 3U);
  EXPECT_THAT(answer[0], StartsWith("<success"));
  EXPECT_THAT(answer[1], StartsWith("<open"));
  EXPECT_THAT(answer[2], HasSubstr("<bind"));
}

TEST_F(WebSocketConnectionTest, Ping_IsAnswered_BadFramesAreNot) {
  WebClient client(node_, options_, private_);
  client.send(http::test::client_frame(Opcode::ping, "there?"));
  EXPECT_EQ(client.control_opcode_, Opcode::pong);
  EXPECT_EQ(client.control_, "there?");
  client.send(http::test::client_frame(Opcode::binary, "x"));
  EXPECT_EQ(client.control_opcode_, Opcode::close);
  EXPECT_THAT(client.control_, StartsWith("\x03\xEB"));
  EXPECT_TRUE(client.ended_);
}

TEST_F(WebSocketConnectionTest, LongMessages_OnlyAfterLogIn) {
  const std::string stanza = "<message xmlns='jabber:client' to='alice@example.org/web'><body>" +
                             std::string(50'000, 'x') + "</body></message>";
  WebClient client(node_, options_, private_);
  client.log_in();
  EXPECT_EQ(client.say(stanza).size(), 1U);
  WebClient stranger(node_, options_, private_);
  stranger.say(kOpen);
  EXPECT_THAT(stranger.say(stanza), IsEmpty());
  EXPECT_THAT(stranger.control_, StartsWith("\x03\xF1"));
}

TEST_F(WebSocketConnectionTest, TheWebSocketEnds_TheSessionWaitsToBeResumed) {
  WebClient client(node_, options_, private_);
  client.log_in();
  EXPECT_THAT(client.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>").at(0),
              StartsWith("<enabled"));
  client.send(http::test::client_frame(Opcode::close, "\x03\xE9"));
  EXPECT_EQ(client.control_, "\x03\xE9");
  EXPECT_TRUE(client.ended_);
  EXPECT_EQ(node_.server().session_count(), 1);
}

TEST_F(WebSocketConnectionTest, ShutDown_SaysSo) {
  WebClient client(node_, options_, private_);
  client.say(kOpen);
  bool done = false;
  node_.loop().inside([&] { node_.service().shut_down([&] { done = true; }); });
  node_.settle();
  const auto answer = client.take();
  ASSERT_EQ(answer.size(), 2U);
  EXPECT_THAT(answer[0], HasSubstr("system-shutdown"));
  client.on_loop([&] { client.connection_->peer_closes(); });
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace starling::web
