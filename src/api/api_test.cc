// Who gets in, for how long, and what is done once; on a whole server without sockets.
#include "api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "admin/test_admin.h"
#include "api/once.h"
#include "api/operations.h"
#include "api/sign_in.h"
#include "base/clock.h"

namespace starling::api {
namespace {

using ::testing::HasSubstr;

constexpr const char* kSecret = "correct horse";

class ApiTest : public ::testing::Test, protected admin::TestAdmin {
 protected:
  ApiTest()
      : TestAdmin(1, {.is_admin = [](const xmpp::Jid& who) { return who.local() == "alice"; }}) {
    ask("change_password", {"alice", "example.org", kSecret});
  }

  static http::Request request(std::string method, std::string body = "") {
    http::Request made;
    made.method = std::move(method);
    made.body = std::move(body);
    made.remote = "127.0.0.1";
    made.fields.add("Host", "localhost");
    return made;
  }
  http::Response sign_in(const std::string& password = kSecret) {
    const Json login = {{"jid", "alice@example.org"}, {"password", password}};
    return server_.wait(api::sign_in(context_, request("POST", login.dump())));
  }
  static std::string cookie_of(const http::Response& response) {
    const std::string_view field = response.fields.get("Set-Cookie");
    return std::string(field.substr(0, field.find(';')));
  }
  unsigned status_with(std::string field, std::string value) {
    http::Request asked = request("GET");
    asked.fields.add(std::move(field), std::move(value));
    return server_.wait(call(context_, commands::find("status"), std::move(asked))).status;
  }
  http::Response change(const std::string& token, const std::string& key, std::string level) {
    http::Request asked = request("POST", Json{{"level", std::move(level)}}.dump());
    asked.fields.add("Authorization", "Bearer " + token);
    asked.fields.add("Idempotency-Key", key);
    return server_.wait(call(context_, commands::find("set_loglevel"), std::move(asked)));
  }
  std::string token(const std::string& scopes = "write") {
    return ask("create_token", {"test", scopes, "1"})["token"].get<std::string>();
  }

  config::ApiOptions options_;
  Context context_{server_.server(), admin_, [this] { return options_; }};
};

TEST_F(ApiTest, Session_EndsWhenItIsIdle) {
  const std::string cookie = cookie_of(sign_in());
  EXPECT_EQ(status_with("Cookie", cookie), 200U);
  options_.session_idle = std::chrono::seconds(0);
  EXPECT_EQ(status_with("Cookie", cookie), 401U);
  options_ = {};
  EXPECT_EQ(status_with("Cookie", cookie), 401U) << "it is not there any more";
}

TEST_F(ApiTest, Session_EndsWhenItsTimeIsOver) {
  options_.session_lifetime = std::chrono::seconds(0);
  EXPECT_EQ(status_with("Cookie", cookie_of(sign_in())), 401U);
}

TEST_F(ApiTest, Token_Expires) {
  admin::Grants tokens = admin::tokens(server_.server().store());
  admin::Grant grant{.scopes = {"read"}, .expires_us = wall_clock_us() - 1};
  const std::string text = *server_.wait(tokens.make(grant));
  EXPECT_EQ(status_with("Authorization", "Bearer " + text), 401U);
  grant.expires_us = wall_clock_us() + 60'000'000;
  const std::string later = *server_.wait(tokens.make(grant));
  EXPECT_EQ(status_with("Authorization", "bearer  " + later), 200U);
}

TEST_F(ApiTest, StoreThatFails_LetsNobodyIn) {
  const std::string good = token();
  server_.store().fail_call(1);
  EXPECT_EQ(status_with("Authorization", "Bearer " + good), 503U);
  const std::string cookie = cookie_of(sign_in());
  server_.store().fail_call(1);
  EXPECT_EQ(status_with("Cookie", cookie), 503U);
}

TEST_F(ApiTest, Key_IsCarriedOutOnce) {
  const std::string mine = token();
  EXPECT_EQ(change(mine, "a", "debug").fields.get("Idempotency-Replayed"), "");
  EXPECT_EQ(change(mine, "a", "debug").fields.get("Idempotency-Replayed"), "true");
  EXPECT_EQ(change(mine, "a", "info").status, 422U);
  EXPECT_EQ(change(mine, "b", "loud").status, 400U);
  EXPECT_EQ(change(mine, "b", "info").status, 200U) << "what was wrong was never begun";
}

TEST_F(ApiTest, Key_WhoseNodeDied_IsNotTriedAgain) {
  const std::string mine = token();
  const std::string id = mine.substr(0, mine.find('_'));
  Once dead(server_.server().store().maps(), "token " + id, "a",
            std::string("set_loglevel\0debug", 18));
  EXPECT_FALSE(server_.wait(dead.begin()));
  const auto answer = change(mine, "a", "debug");
  EXPECT_EQ(answer.status, 409U);
  EXPECT_THAT(answer.body, HasSubstr("under way"));
  EXPECT_EQ(change(mine, "a", "info").status, 422U);
}

TEST_F(ApiTest, Key_WhoseCommandCouldNotBeCarriedOut_MayBeTriedAgain) {
  Once once(server_.server().store().maps(), "x", "a", "request");
  EXPECT_FALSE(server_.wait(once.begin()));
  const auto end = [](Once* it) -> Task<bool> {
    const http::Response failed = http::problem(503);
    co_await it->end(failed);
    co_return true;
  };
  server_.wait(end(&once));
  Once again(server_.server().store().maps(), "x", "a", "request");
  EXPECT_FALSE(server_.wait(again.begin()));
}

TEST_F(ApiTest, SignIn_SaysNoMoreThanItMust) {
  EXPECT_EQ(sign_in("wrong").status, 401U);
  ask("ban_account", {"alice", "example.org", "x"});
  EXPECT_EQ(sign_in("wrong").status, 401U) << "that it is banned is for who knows the password";
  EXPECT_EQ(sign_in().status, 403U);
}

}  // namespace
}  // namespace starling::api
