// Whole streams over BOSH, against a server in memory.
#include "web/bosh_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "stream/test_client.h"
#include "web/bosh_body.h"

namespace starling::web {
namespace {

using stream::test::TestClient;
using stream::test::TestNode;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string body(std::uint64_t rid, std::string_view attributes = "",
                 std::string_view content = "") {
  return "<body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' rid='" +
         std::to_string(rid) + "' sid='s' " + std::string(attributes) + ">" + std::string(content) +
         "</body>";
}

class BoshSessionTest : public testing::Test {
 protected:
  BoshSessionTest() { options_->over_http = true; }

  // What the requests are answered with by the time nothing is left to do; "": nothing yet.
  std::shared_ptr<std::string> ask(const std::string& text) {
    const auto request = parse_bosh_request(text, {});
    auto answer = std::make_shared<std::string>();
    if (!session_) {
      node_.loop().inside([&] {
        session_ = std::make_shared<BoshSession>(node_.loop(), "s", BoshTerms::of(*request),
                                                 "192.0.2.1", true, [this] { gone_ = true; });
        node_.service().accept(session_, options_);
      });
    }
    node_.loop().inside(
        [&] { session_->take(*request, [answer](std::string got) { *answer = std::move(got); }); });
    node_.settle();
    return answer;
  }
  std::string begin(std::string_view attributes = "wait='60' hold='1'") {
    return *ask(body(next(), "to='example.org' xmpp:version='1.0' " + std::string(attributes)));
  }
  void log_in() {
    begin();
    const std::string bare = "n=alice,r=clientnonce";
    const std::string challenge =
        *ask(body(next(), "", TestClient::sasl("auth", "n,," + bare, " mechanism='SCRAM-SHA-1'")));
    const std::string text = TestClient::content_of(challenge.substr(challenge.find("<challenge")));
    const xmpp::sasl::test::ScramClient client(xmpp::sasl::ScramHash::sha1,
                                               std::string(stream::test::kPassword),
                                               std::string(stream::test::kSalt), 1);
    const std::string without_proof = "c=biws," + text.substr(0, text.find(','));
    EXPECT_THAT(
        *ask(body(next(), "",
                  TestClient::sasl("response", client.client_final(bare, text, without_proof)))),
        HasSubstr("<success"));
    EXPECT_THAT(*ask(body(next(), "xmpp:restart='true'")),
                HasSubstr("urn:ietf:params:xml:ns:xmpp-bind"));
    EXPECT_THAT(
        *ask(body(next(), "",
                  "<iq xmlns='jabber:client' type='set' id='b'>"
                  "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind>"
                  "</iq>")),
        HasSubstr("<jid>alice@example.org/web</jid>"));
  }
  std::uint64_t next() { return ++rid_; }
  static std::string message(std::string_view text) {
    return "<message xmlns='jabber:client' to='alice@example.org/web'><body>" + std::string(text) +
           "</body></message>";
  }

  ThreadPool pool_{1, "test"};
  TestNode node_{pool_, 3, {}};
  std::shared_ptr<stream::C2sOptions> options_ = std::make_shared<stream::C2sOptions>();
  std::shared_ptr<BoshSession> session_;
  std::uint64_t rid_ = 1'000;
  bool gone_ = false;

  void TearDown() override {
    if (session_ && !gone_) {
      static_cast<ManualLoop&>(node_.loop(node_.server().home_of("alice@example.org")))
          .inside([this] { session_->abort(); });
      node_.settle();
    }
  }
};

TEST_F(BoshSessionTest, TheFirstAnswer_SaysTheTermsAndTheFeatures) {
  const std::string answer = begin("wait='600' hold='5'");
  EXPECT_THAT(answer, StartsWith("<body xmlns='http://jabber.org/protocol/httpbind' sid='s'"));
  EXPECT_THAT(answer, AllOf(HasSubstr(" wait='60'"), HasSubstr(" hold='2'"),
                            HasSubstr(" requests='3'"), HasSubstr(" from='example.org'"),
                            HasSubstr(" xmpp:version='1.0'"), HasSubstr("<stream:features"),
                            HasSubstr("SCRAM-SHA-1"), Not(HasSubstr("starttls"))));
}

TEST_F(BoshSessionTest, LogsIn_AndTalks_OnTheAccountsHomeWorker) {
  log_in();
  const auto held = ask(body(next()));
  EXPECT_THAT(*held, IsEmpty()) << "until there is something to say";
  const auto other = ask(body(next(), "", message("hello")));
  EXPECT_THAT(*held, HasSubstr("<message xmlns='jabber:client' from='alice@example.org/web'"));
  EXPECT_THAT(*other, IsEmpty());
  const std::string last = *ask(
      body(next(), "type='terminate'", "<presence xmlns='jabber:client' type='unavailable'/>"));
  EXPECT_THAT(*other, HasSubstr("type='terminate'"));
  EXPECT_THAT(last, AllOf(HasSubstr("type='terminate'"), Not(HasSubstr("condition"))));
  EXPECT_TRUE(gone_);
  EXPECT_EQ(node_.server().session_count(), 0);
}

TEST_F(BoshSessionTest, AHeldRequest_IsAnsweredWithNothing_AfterItsTime) {
  log_in();
  const auto held = ask(body(next()));
  node_.advance(std::chrono::seconds(59));
  EXPECT_THAT(*held, IsEmpty());
  node_.advance(std::chrono::seconds(2));
  EXPECT_EQ(*held, "<body xmlns='http://jabber.org/protocol/httpbind'/>");
}

TEST_F(BoshSessionTest, OutOfOrder_IsPutInOrder_Repeated_IsAnsweredAgain) {
  log_in();
  const std::uint64_t first = next();
  const std::uint64_t second = next();
  const auto later = ask(body(second, "", message("two")));
  const auto sooner = ask(body(first, "", message("one")));
  EXPECT_THAT(*sooner, AllOf(HasSubstr("one"), HasSubstr("two")));
  EXPECT_EQ(*ask(body(first, "", message("one"))), *sooner);
  EXPECT_THAT(*later, IsEmpty());
  const auto again = ask(body(second, "", message("two")));
  EXPECT_THAT(*later, HasSubstr("type='error'")) << "its connection is taken for lost";
  ask(body(next(), "", message("three")));
  EXPECT_THAT(*again, HasSubstr("three"));
}

TEST_F(BoshSessionTest, ARidOutsideOfTheWindow_EndsTheSession) {
  log_in();
  EXPECT_THAT(*ask(body(rid_ + 10)), HasSubstr("condition='item-not-found'"));
  EXPECT_TRUE(gone_);
  EXPECT_THAT(*ask(body(next())), HasSubstr("condition='item-not-found'"));
}

TEST_F(BoshSessionTest, NoRequest_ThenTheSessionEnds_LaterWhenItPauses) {
  log_in();
  const auto held = ask(body(next()));
  EXPECT_THAT(*ask(body(next(), "pause='100'")), StartsWith("<body")) << "at once";
  EXPECT_THAT(*held, StartsWith("<body"));
  node_.advance(std::chrono::seconds(90));
  EXPECT_FALSE(gone_);
  node_.advance(std::chrono::seconds(20));
  EXPECT_TRUE(gone_);
  EXPECT_EQ(node_.server().session_count(), 0);
}

TEST_F(BoshSessionTest, PollingTooOften_EndsTheSession) {
  EXPECT_THAT(begin("wait='0' hold='0'"), HasSubstr("polling='2'"));
  EXPECT_THAT(*ask(body(next())), Not(HasSubstr("terminate")));
  node_.advance(std::chrono::seconds(3));
  EXPECT_THAT(*ask(body(next())), Not(HasSubstr("terminate")));
  EXPECT_THAT(*ask(body(next())), HasSubstr("condition='policy-violation'"));
}

TEST_F(BoshSessionTest, AStreamError_IsTheLastAnswer) {
  const std::string answer =
      *ask(body(next(), "to='elsewhere.example' xmpp:version='1.0' wait='60' hold='1'"));
  EXPECT_THAT(answer,
              AllOf(HasSubstr("type='terminate'"), HasSubstr("condition='remote-stream-error'"),
                    HasSubstr("<host-unknown")));
  EXPECT_TRUE(gone_);
}

TEST(BoshRequest, WhatIsNone_IsRefused) {
  EXPECT_FALSE(parse_bosh_request("", {}));
  EXPECT_FALSE(parse_bosh_request("<body rid='1'/>", {}));
  EXPECT_FALSE(parse_bosh_request("<body xmlns='http://jabber.org/protocol/httpbind'/>", {}));
  for (const std::string rid : {"0", "-1", "x", "9007199254740992", "1 "}) {
    EXPECT_FALSE(parse_bosh_request(
        "<body xmlns='http://jabber.org/protocol/httpbind' rid='" + rid + "'/>", {}))
        << rid;
  }
  const auto request = parse_bosh_request(
      "<body xmlns='http://jabber.org/protocol/httpbind' rid='9007199254740991' xmlns:c="
      "'jabber:client'>x<c:message><c:body>a</c:body></c:message><presence xmlns="
      "'jabber:client'/></body>",
      {});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->payload, "<message><body>a</body></message><presence/>");
}

}  // namespace
}  // namespace starling::web
