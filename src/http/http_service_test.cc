#include "http/http_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

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

// A handler that needs not wait.
Route at_once(std::function<Response(const Request&)> answer) {
  return {"test", {"GET"}, [answer = std::move(answer)](Request request) -> Task<Response> {
            co_return answer(request);
          }};
}

class HttpServiceTest : public testing::Test {
 protected:
  HttpServiceTest() {
    const auto routes = std::make_shared<Routes>();
    routes->add("/health", at_once([](const Request&) { return Response{.body = "ok"}; }));
    routes->add("/down", at_once([](const Request&) {
                  return Response{.status = 503, .content_type = "text/plain", .body = "no"};
                }));
    routes->add("/who", at_once([](const Request& request) {
                  return Response{.body = request.remote + (request.secure ? " secure" : "")};
                }));
    routes->add("/echo/", {"echo", {"POST"}, [](Request request) -> Task<Response> {
                             co_return Response{.body = request.path + request.body};
                           }});
    routes->add("/later",
                {"test", {"GET"}, [this](Request) -> Task<Response> {
                   Completion<Response> answer([this](auto resume) { later_ = std::move(resume); });
                   co_return co_await answer;
                 }});
    routes->add("/stream", at_once([this](const Request&) {
                  Response response;
                  response.stream = [this](auto stream) { stream_ = std::move(stream); };
                  return response;
                }));
    routes->add("/other", at_once([this](const Request&) {
                  Response response{.status = 101, .fields = {{"Upgrade", "echo"}}};
                  response.take_over = [this](auto connection, std::string_view rest) {
                    taken_ = std::move(connection);
                    rest_ = rest;
                    taken_->set_handler(&other_);
                  };
                  return response;
                }));
    service_.emplace(loop_, routes);
  }

  struct OtherProtocol final : net::ConnectionHandler {
    void on_data(std::string_view bytes) override { received += bytes; }
    void on_tls_established() override {}
    void on_disconnected(net::CloseReason, std::string_view) override {}
    std::string received;
  };

  ManualLoop loop_;
  std::move_only_function<void(Response)> later_;
  std::shared_ptr<Stream> stream_;
  std::shared_ptr<net::Connection> taken_;
  std::string rest_;
  OtherProtocol other_;
  std::optional<HttpService> service_;
  std::shared_ptr<HttpOptions> options_ = std::make_shared<HttpOptions>();
  Client client_;
  std::shared_ptr<net::MemoryConnection> connection_ =
      std::make_shared<net::MemoryConnection>(loop_, client_);

  void SetUp() override {
    loop_.inside([&] { service_->accept(connection_, options_); });
  }
  void TearDown() override {
    bool done = false;
    loop_.inside([&] { service_->shut_down([&] { done = true; }); });
    loop_.run();
    EXPECT_TRUE(done);
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
      ask("GET /health HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 431 "));
  EXPECT_TRUE(client_.ended);
}

TEST_F(HttpServiceTest, TooLongBody_IsRefusedBeforeItComes) {
  options_->max_body = 100;
  EXPECT_THAT(ask("POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(client_.ended);
}

TEST_F(HttpServiceTest, BodyIsHandedOver_AndAskedFor) {
  EXPECT_THAT(ask("POST /echo/x/y HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                  "Content-Length: 3\r\n\r\n"),
              StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  EXPECT_THAT(ask("abc"), EndsWith("\r\n\r\n/echo/x/yabc"));
}

TEST_F(HttpServiceTest, AnswersComeInOrder) {
  EXPECT_THAT(ask("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n"),
              IsEmpty());
  loop_.inside([&] { later_(Response{.body = "at last"}); });
  loop_.run();
  EXPECT_THAT(client_.received, HasSubstr("\r\n\r\nat lastHTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(client_.received, EndsWith("\r\n\r\nok"));
}

TEST_F(HttpServiceTest, ClientGone_AnswerIsDropped) {
  ask("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.inside([&] { connection_->peer_resets(); });
  loop_.run();
  loop_.inside([&] { later_(Response{.body = "nobody hears"}); });
  loop_.run();
  EXPECT_THAT(client_.received, IsEmpty());
}

TEST_F(HttpServiceTest, Stream_GoesOnInChunks) {
  EXPECT_THAT(ask("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"),
              HasSubstr("Transfer-Encoding: chunked\r\n"));
  loop_.inside([&] { EXPECT_TRUE(stream_->send("one")); });
  loop_.run();
  loop_.inside([&] { stream_->end(); });
  loop_.run();
  EXPECT_THAT(client_.received, EndsWith("\r\n\r\n3\r\none\r\n0\r\n\r\n"));
  EXPECT_THAT(ask("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"), EndsWith("ok"));
}

TEST_F(HttpServiceTest, Stream_HearsThatItsClientIsGone) {
  ask("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  bool gone = false;
  loop_.inside([&] {
    stream_->when_gone([&] { gone = true; });
    connection_->peer_resets();
  });
  loop_.run();
  EXPECT_TRUE(gone);
  loop_.inside([&] { EXPECT_FALSE(stream_->send("x")); });
}

TEST_F(HttpServiceTest, OtherProtocol_HasTheConnection) {
  EXPECT_THAT(ask("GET /other HTTP/1.1\r\nHost: a\r\n\r\nbehind"),
              StartsWith("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n"));
  EXPECT_EQ(rest_, "behind");
  ask("more");
  EXPECT_EQ(other_.received, "more");
}

TEST_F(HttpServiceTest, Services_OnlyThoseOfTheListener) {
  options_->services = {"echo"};
  EXPECT_THAT(ask("GET /health HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServiceTest, Forwarded_OnlyByThoseWhoAreTrusted) {
  const std::string request =
      "GET /who HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1, 203.0.113.7\r\n"
      "X-Forwarded-Proto: https\r\n\r\n";
  EXPECT_THAT(ask(request), EndsWith("\r\n\r\nmemory"));
  options_->trusts_proxy = [](std::string_view address) { return address == "memory"; };
  EXPECT_THAT(ask(request), EndsWith("\r\n\r\n203.0.113.7 secure"))
      << "what it said before may be forged";
}

TEST_F(HttpServiceTest, EveryAnswerSaysWhatItIsNot) {
  const std::string answer = ask("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: default-src 'none'"));
  EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json\r\n"));
  EXPECT_THAT(answer, EndsWith(R"({"type":"about:blank","title":"Not Found","status":404})"
                               "\n"));
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
