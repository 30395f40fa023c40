#include "http/http_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/manual_loop.h"
#include "net/memory_connection.h"

namespace starling::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Client final : net::MemoryPeer {
  void on_bytes(std::string_view bytes) override { received += bytes; }
  void on_end(bool was_dropped) override {
    ended = true;
    dropped = was_dropped;
  }
  std::string received;
  bool ended = false;
  bool dropped = false;
};

class HttpServiceTest : public testing::Test {
 protected:
  ManualLoop loop_;
  HttpService service_{
      loop_, std::make_shared<const Routes>(Routes{
                 {"/health", [](const Request&) { return Response{.body = "ok"}; }},
                 {"/down", [](const Request&) { return Response{503, "text/plain", "no"}; }}})};
  Client client_;
  std::shared_ptr<net::MemoryConnection> connection_ =
      std::make_shared<net::MemoryConnection>(loop_, client_);

  void SetUp() override {
    loop_.inside([&] { service_.accept(connection_); });
  }
  void TearDown() override {
    loop_.inside([&] { service_.shut_down(); });
    loop_.run();
  }
  std::string ask(std::string_view bytes) {
    client_.received.clear();
    loop_.inside([&] { connection_->peer_sends(bytes); });
    loop_.run();
    return client_.received;
  }
};

TEST_F(HttpServiceTest, Get_IsAnswered) {
  const std::string answer = ask("GET /health?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nok"));
  EXPECT_THAT(ask("GET /down HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 503 "));
  EXPECT_FALSE(client_.ended) << "it is kept";
}

TEST_F(HttpServiceTest, InPiecesAndSeveralAtOnce) {
  EXPECT_THAT(ask("GET /hea"), IsEmpty());
  const std::string answers =
      ask("lth HTTP/1.1\r\nHost: a\r\n\r\nGET /down HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(answers, HasSubstr("200 OK"));
  EXPECT_THAT(answers, HasSubstr("503 "));
}

TEST_F(HttpServiceTest, Head_HasNoBody) {
  const std::string answer = ask("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServiceTest, NotThere_NotAllowed) {
  EXPECT_THAT(ask("GET /secret HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  const std::string answer =
      ask("POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(HttpServiceTest, ConnectionClose_IsHeeded) {
  EXPECT_THAT(ask("GET /health HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(client_.ended);
}

TEST_F(HttpServiceTest, Nonsense_IsRefused) {
  EXPECT_THAT(ask("<stream:stream to='a'>\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(client_.ended);
}

TEST_F(HttpServiceTest, TooLong_IsRefused) {
  const std::string answer =
      ask("GET /health HTTP/1.1\r\nX: " + std::string(10'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(client_.ended);
}

TEST_F(HttpServiceTest, Silent_IsDropped) {
  loop_.advance(std::chrono::seconds(29));
  loop_.run();
  EXPECT_FALSE(client_.ended);
  loop_.advance(std::chrono::seconds(2));
  loop_.run();
  EXPECT_TRUE(client_.dropped);
}

}  // namespace
}  // namespace starling::http
