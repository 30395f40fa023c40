// What becomes of stanzas while the store does not answer.
#include "core/backlog.h"

#include <string>

#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class BacklogTest : public ServerTest {
 protected:
  std::size_t backlog_of(const char* bare) { return server_.home(bare).backlog().of(bare); }
  static std::string message(const char* to) {
    return std::string("<message type='chat' to='") + to + "'><body>hi</body></message>";
  }
  bool wait(const char* bare) {
    return server_.home(bare).backlog().wait(bare, [this] { ++resumed_; });
  }

  int resumed_ = 0;
};

TEST_P(BacklogTest, Sender_IsToldToWaitUntilHalfIsWorkedOff) {
  TestClient& alice = server_.online("alice@example.org/phone");
  server_.online("bob@example.org/phone");
  EXPECT_FALSE(wait("alice@example.org"));
  server_.store().hold();
  for (std::size_t i = 0; i < Backlog::kMuch - 1; ++i) alice.send_now(message("bob@example.org"));
  server_.settle();
  EXPECT_FALSE(wait("alice@example.org"));
  alice.send(message("bob@example.org"));
  EXPECT_EQ(backlog_of("alice@example.org"), Backlog::kMuch);
  EXPECT_TRUE(wait("alice@example.org"));
  EXPECT_FALSE(wait("carol@example.org"));
  server_.settle();
  EXPECT_EQ(resumed_, 0);
  server_.store().release();
  server_.settle();
  EXPECT_EQ(resumed_, 1);
  EXPECT_EQ(backlog_of("alice@example.org"), 0U);
}

TEST_P(BacklogTest, StepsThatWaitForTheirTurn_Count) {
  TestClient& alice = server_.online("alice@example.org/phone");
  server_.store().hold();
  alice.send("<presence type='subscribe' to='bob@example.org'/>");  // waits for the store
  for (std::size_t i = 0; i < Backlog::kMuch; ++i) alice.send_now("<presence/>");
  EXPECT_TRUE(wait("alice@example.org"));
  server_.store().release();
  server_.settle();
  EXPECT_EQ(resumed_, 1);
}

TEST_P(BacklogTest, TooMuchForAnAccount_IsBouncedAndOthersGoOn) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& dave = server_.online("dave@example.org/phone");
  server_.connect("bob@example.org/phone");
  server_.store().hold();
  // Bob's turn waits: his roster has to be read for this.
  alice.send("<presence type='probe' to='bob@example.org'/>");
  const std::string iq = "<iq type='get' id='1' to='bob@example.org'><query xmlns='x'/></iq>";
  std::size_t sent = 0;
  while (backlog_of("bob@example.org") < Backlog::kTooMuch && ++sent < 2 * Backlog::kTooMuch) {
    dave.send_now(iq);
    if (sent % 100 == 0) server_.settle();
  }
  server_.settle();
  dave.take_as_sent();
  dave.send(iq);
  EXPECT_THAT(dave.take(), Contains(HasSubstr("<error type='wait'><resource-constraint")));
  EXPECT_LE(backlog_of("bob@example.org"), Backlog::kTooMuch + 100);
  dave.send("<message type='chat' to='alice@example.org/phone'><body>hi</body></message>");
  EXPECT_THAT(alice.take(), Contains(HasSubstr("hi")));
  server_.store().release();
  server_.settle();
  dave.take_as_sent();
  dave.send(iq);
  EXPECT_THAT(dave.take(), Contains(HasSubstr("service-unavailable")));
}

INSTANTIATE_TEST_SUITE_P(Workers, BacklogTest, testing::Values(1, 3));

}  // namespace
}  // namespace starling::core
