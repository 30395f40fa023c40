// What becomes of stanzas while the store does not answer.
#include <string>

#include "core/delivery.h"
#include "core/test_server.h"

namespace starling::core {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class DeliveryBacklogTest : public ServerTest {
 protected:
  std::size_t waiting(const char* bare) { return server_.home(bare).turns().waiting(bare); }
};

TEST_P(DeliveryBacklogTest, TooMuchForAnAccount_IsBouncedAndOthersGoOn) {
  TestClient& alice = server_.online("alice@example.org/phone");
  TestClient& dave = server_.online("dave@example.org/phone");
  server_.connect("bob@example.org/phone");
  server_.store().hold();
  // Bob's turn waits: his roster has to be read for this.
  alice.send("<presence type='probe' to='bob@example.org'/>");
  const std::string iq = "<iq type='get' id='1' to='bob@example.org'><query xmlns='x'/></iq>";
  std::size_t sent = 0;
  while (waiting("bob@example.org") < Delivery::kMaxUnderWay &&
         ++sent < 2 * Delivery::kMaxUnderWay) {
    dave.send_now(iq);
    if (sent % 100 == 0) server_.settle();
  }
  server_.settle();
  dave.take_as_sent();
  dave.send(iq);
  EXPECT_THAT(dave.take(), Contains(HasSubstr("<error type='wait'><resource-constraint")));
  EXPECT_LE(waiting("bob@example.org"), Delivery::kMaxUnderWay + 100);
  dave.send("<message type='chat' to='alice@example.org/phone'><body>hi</body></message>");
  EXPECT_THAT(alice.take(), Contains(HasSubstr("hi")));
  server_.store().release();
  server_.settle();
  dave.take_as_sent();
  dave.send(iq);
  EXPECT_THAT(dave.take(), Contains(HasSubstr("service-unavailable")));
}

INSTANTIATE_TEST_SUITE_P(Workers, DeliveryBacklogTest, testing::Values(1, 3));

}  // namespace
}  // namespace starling::core
