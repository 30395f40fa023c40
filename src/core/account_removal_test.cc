#include "core/account_removal.h"

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AccountRemovalTest : public ServerTest {
 protected:
  static constexpr Subscription kBoth{.to = true, .from = true};

  // Removes alice from a worker that may be another than hers; the result, once it is there.
  void start() {
    server_.loop(0).inside([this] {
      server_.server().worker(0).gate().spawn(
          run(&server_.server(), jid("alice@example.org"), &result_));
    });
    server_.settle();
  }
  Result<> remove() {
    start();
    EXPECT_TRUE(result_);
    return result_.value_or(Result<>{});
  }
  static Task<void> run(Server* server, xmpp::Jid account, std::optional<Result<>>* result) {
    *result = co_await remove_account(*server, std::move(account));
  }
  std::size_t rows(const char* map) {
    return server_.wait(server_.store().maps().scan("alice@example.org", map))->size();
  }
  bool exists() {
    return server_.wait(server_.store().accounts().find("example.org", "alice")).has_value();
  }

  std::optional<Result<>> result_;
};
INSTANTIATE_TEST_SUITE_P(Workers, AccountRemovalTest, testing::Values(1, 3));

TEST_P(AccountRemovalTest, EverythingOfTheAccount_IsGone) {
  server_.write_item("alice@example.org", "bob@example.org", {});
  TestClient& phone = server_.online("alice@example.org/phone");
  TestClient& tablet = server_.connect("alice@example.org/tablet");
  TestClient& bob = server_.online("bob@example.org/phone");
  EXPECT_TRUE(remove());
  EXPECT_EQ(phone.ended(), xmpp::StreamCondition::not_authorized);
  EXPECT_EQ(tablet.ended(), xmpp::StreamCondition::not_authorized);
  EXPECT_FALSE(bob.ended());
  EXPECT_FALSE(exists());
  EXPECT_EQ(rows("roster"), 0U);
  EXPECT_EQ(remove().error().code, Errc::not_found);
}

// XEP-0077 section 3.2: the subscriptions end too. First the contact sees the sessions go.
TEST_P(AccountRemovalTest, Contacts_AreTold) {
  server_.write_item("alice@example.org", "bob@example.org", kBoth);
  server_.write_item("bob@example.org", "alice@example.org", kBoth);
  server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  EXPECT_TRUE(remove());
  const auto got = bob.take();
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got[0],
            "<presence from='alice@example.org/phone' to='bob@example.org' type='unavailable'/>");
  const auto item = server_.stored_item("bob@example.org", "alice@example.org");
  ASSERT_TRUE(item);
  EXPECT_FALSE(item->subscription.to || item->subscription.from);
}

TEST_P(AccountRemovalTest, StoreFailure_LeavesAllAsItWas) {
  TestClient& phone = server_.online("alice@example.org/phone");
  server_.store().fail_call(1);
  EXPECT_EQ(remove().error().code, Errc::unavailable);
  EXPECT_TRUE(exists());
  EXPECT_FALSE(phone.ended());
  phone.send("<message to='alice@example.org/phone' id='1'/>");
  EXPECT_EQ(phone.take().size(), 1U);
}

// What a session sent before is done before, what it sends from then on is refused: nothing is
// written after the end.
TEST_P(AccountRemovalTest, SessionsThatGoOn_WriteNothingAfterwards) {
  TestClient& phone = server_.connect("alice@example.org/phone");
  TestClient& bob = server_.connect("bob@example.org/phone");
  const auto subscribe = [](const char* to) {
    return "<presence type='subscribe' to='" + std::string(to) + "@example.org'/>";
  };
  server_.store().hold();
  phone.send(subscribe("before1"), subscribe("before2"));
  start();
  phone.send(subscribe("after1"));
  bob.send("<presence type='subscribe' to='alice@example.org'/>");
  server_.store().release_newest();
  server_.settle();
  phone.send(subscribe("after2"));
  EXPECT_THAT(phone.take(), testing::Each(HasSubstr("<not-allowed ")));
  server_.release_one_by_one();
  server_.settle();
  ASSERT_TRUE(result_);
  EXPECT_TRUE(*result_);
  EXPECT_TRUE(phone.ended());
  EXPECT_EQ(rows("roster"), 0U);
}

// The archive is written outside of the account's turn.
TEST_P(AccountRemovalTest, MessageThatIsBeingArchived_IsGoneToo) {
  TestClient& phone = server_.online("alice@example.org/phone");
  TestClient& bob = server_.online("bob@example.org/phone");
  server_.store().hold();
  bob.send("<message to='alice@example.org' id='1'><body>hi</body></message>");
  phone.send("<message to='bob@example.org' id='2'><body>ho</body></message>");
  start();
  bob.send("<message to='alice@example.org' id='3'><body>hi</body></message>");
  EXPECT_FALSE(phone.ended());
  server_.release_one_by_one();
  server_.settle();
  EXPECT_TRUE(result_ && *result_);
  EXPECT_TRUE(phone.ended());
  EXPECT_EQ(server_.wait(server_.store().logs().count("alice@example.org", "archive", {})), 0U);
  EXPECT_THAT(bob.take(),
              Contains(testing::AllOf(HasSubstr(" id='3'"), HasSubstr("<service-unavailable "))));
}

TEST_P(AccountRemovalTest, SecondRemovalMeanwhile_IsRefused) {
  server_.store().hold();
  start();
  std::optional<Result<>> second;
  server_.loop(0).inside([&] {
    server_.server().worker(0).gate().spawn(
        run(&server_.server(), jid("alice@example.org"), &second));
  });
  server_.settle();
  server_.release_one_by_one();
  server_.settle();
  EXPECT_TRUE(result_ && *result_);
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
}

}  // namespace
}  // namespace starling::core
